"""Version numbers that repeat: after a removal, in a mirror, after a replacement in AWS."""

from datetime import timedelta
from typing import Any

import pytest

from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.lib.naming.names import PathProfile
from console.models import AuditEvent, Branch, Member, User
from secrets_app.store import parameter_store
from tests.console.members.known_copies.steps import (
    KEY,
    copied,
    from_bin,
    known,
    known_versions,
    removed,
    revealed,
    rotate,
    switch_profile,
    version_restored,
)
from tests.factories import (
    reconcile_now,
    repair_secret_mirror,
    secret_paths,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World


def test_removals_of_one_version(world: World, bob: User) -> None:
    """The recycle bin holds two values that were both version 1. Bob knows the first."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    set_secret(world, KEY, "two", world.dev)
    removed(world, world.dev)
    rotate(world, bob)
    from_bin(world, "dev", world.dev)
    assert known(bob) == set()
    removed(world, world.dev)
    from_bin(world, "dev", world.dev, 0)
    assert known(bob) == {"dev"}


def test_versions_of_an_earlier_secret(world: World, bob: User) -> None:
    """Bob knows version 1 of a secret that was removed. Another one has the same numbers."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    for value in ("two", "three"):
        set_secret(world, KEY, value, world.dev)
    Member.objects.get(user=bob).delete()
    assert known_versions(world, world.dev) == {}
    rotate(world, bob)
    version_restored(world, world.dev, 1)
    assert known(bob) == set()


@pytest.mark.parametrize("pause", [timedelta(days=2), timedelta(0)])
def test_replaced_outside(
    world: World, bob: User, other: Branch, clock: Any, pause: timedelta
) -> None:
    """Somebody removes the secret in AWS and adds another one, which has version 1 again.

    A reveal shortly before that was noticed may have read the new one, so it counts for both.
    """
    set_secret(world, KEY, "one", world.dev)
    reconcile_now(world)
    revealed(world, world.dev)
    clock.shift(pause + timedelta(minutes=10))
    paths = secret_paths(world, KEY, world.dev)
    parameter_store().remove(paths)
    write_outside(paths[0])
    reconcile_now(world)
    copied(world, world.dev, other)
    assert known(bob) == ({"dev"} if pause else {"dev", "other"})


def test_mirror_changed_outside(world: World, bob: User, other: Branch) -> None:
    """The secret itself still has the version and the value that bob knows."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    write_outside(secret_paths(world, KEY, world.dev)[1])
    reconcile_now(world)
    assert AuditEvent.objects.filter(action="found.change").exists()
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_restored_from_its_mirror(world: World, bob: User, other: Branch) -> None:
    """In the profile `both`, a lost secret that is restored from its mirror has the value again."""
    row = set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[0]])
    reconcile_now(world)
    repair_secret_mirror(world, row)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


def test_removed_while_only_the_mirror_was_left(world: World, bob: User, other: Branch) -> None:
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    reconcile_now(world)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[0]])
    reconcile_now(world)
    removed(world, world.dev)
    from_bin(world, "dev", other)
    assert known(bob) == {"dev", "other"}


def test_other_path_profile(world: World, bob: User, other: Branch) -> None:
    """The documented path counts versions of its own. Its value is the same."""
    set_secret(world, KEY, "zero", world.dev)
    parameter_store().remove([secret_paths(world, KEY, world.dev)[1]])
    reconcile_now(world)
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)  # version 2, and version 1 of the mirror
    switch_profile(world, PathProfile.DOCUMENTED)
    copied(world, world.dev, other)
    assert known(bob) == {"dev", "other"}


@pytest.mark.parametrize("profile", [PathProfile.BACKEND, PathProfile.DOCUMENTED])
def test_an_earlier_version_in_another_profile(
    world: World, bob: User, profile: PathProfile
) -> None:
    """A mirror usually has the numbers of its secret. In doubt, people are named."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    set_secret(world, KEY, "two", world.dev)
    switch_profile(world, profile)
    rotate(world, bob)
    version_restored(world, world.dev, 1)
    assert known(bob) == {"dev"}


def test_replaced_by_an_encrypted_parameter(world: World, bob: User) -> None:
    """A replacement counts from 1 again, and has the value of the version before."""
    dev, other = Target("d1shop", "dev", KEY), Target("d1shop", "other", KEY)

    def recorded(name: str, action: Action, target: Target, *versions: int, **more: Any) -> int:
        before, after = versions
        actor = world.actor(name)
        event = attempt(actor, action, target, version_before=before, **more)
        conclude(event.pk, Outcome.SUCCEEDED, version_after=after)
        return event.pk

    recorded("bob", Action.SECRET_REVEALED, dev, 2, 2)
    recorded("alice", Action.SECRET_ENCRYPTED, dev, 2, 1)
    read = recorded("alice", Action.SECRET_REVEALED, dev, 1, 1)
    recorded("alice", Action.SECRET_CREATED, other, 0, 1, origin=read)
    assert known(bob) == {"dev", "other"}
    recorded("alice", Action.SECRET_CHANGED, dev, 1, 2)  # not the version 2 that bob knows
    read = recorded("alice", Action.SECRET_REVEALED, dev, 2, 2)
    all_branches = Target("d1shop", "All branches", KEY)
    recorded("alice", Action.SECRET_CREATED, all_branches, 0, 1, origin=read)
    assert known(bob) == {"dev", "other"}


def test_read_while_it_was_replaced(world: World, bob: User) -> None:
    """A reveal that was running while another secret was added may have read either."""
    dev = Target("d1shop", "dev", KEY)
    reading = attempt(world.actor("bob"), Action.SECRET_REVEALED, dev, version_before=1)
    removal = attempt(world.actor("alice"), Action.SECRET_REMOVED, dev, version_before=1)
    conclude(removal.pk, Outcome.SUCCEEDED)
    added = attempt(world.actor("alice"), Action.SECRET_CREATED, dev, version_before=0)
    conclude(added.pk, Outcome.SUCCEEDED, version_after=1)
    conclude(reading.pk, Outcome.SUCCEEDED, version_after=1)
    read = attempt(world.actor("alice"), Action.SECRET_REVEALED, dev, version_before=1)
    conclude(read.pk, Outcome.SUCCEEDED, version_after=1)
    other = Target("d1shop", "other", KEY)
    copy = attempt(
        world.actor("alice"), Action.SECRET_CREATED, other, version_before=0, origin=read.pk
    )
    conclude(copy.pk, Outcome.SUCCEEDED, version_after=1)
    assert known(bob) == {"dev", "other"}
