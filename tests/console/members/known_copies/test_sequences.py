"""Where a value is known after copies, rotations, removals, restores and undos in any order."""

from collections.abc import Callable, Iterable

import pytest

from console.access.policy import find_app
from console.environment.sources import source_of
from console.members import exposure
from console.models import Branch, Member, User
from tests.console.members.known_copies.steps import (
    KEY,
    copied,
    from_bin,
    known,
    known_versions,
    last_change_set,
    removed,
    revealed,
    rotate,
    undone,
    version_restored,
)
from tests.factories import set_secret
from tests.fixtures.people import World

# What is done before and after bob reveals the value "one" on dev, and where that leaves it known.
# Each step is a function of the world and the other branch.

Step = Callable[[World, Branch], object]


def bob_reveals(world: World, other: Branch) -> None:
    revealed(world, world.dev)


def bob_reveals_there(world: World, other: Branch) -> None:
    revealed(world, other)


def is_copied(world: World, other: Branch) -> None:
    copied(world, world.dev, other)


def is_copied_to_all(world: World, other: Branch) -> None:
    copied(world, world.dev, None)


def is_copied_on(world: World, other: Branch) -> None:
    copied(world, other, None)


def is_copied_from_all(world: World, other: Branch) -> None:
    copied(world, None, other)


def is_copied_back(world: World, other: Branch) -> None:
    copied(world, other, world.dev)


def is_rotated(world: World, other: Branch) -> None:
    set_secret(world, KEY, "two", world.dev)


def is_rotated_there(world: World, other: Branch) -> None:
    set_secret(world, KEY, "three", other)


def is_removed(world: World, other: Branch) -> None:
    removed(world, world.dev)


def is_removed_there(world: World, other: Branch) -> None:
    removed(world, other)


def is_restored_there(world: World, other: Branch) -> None:
    from_bin(world, "dev", other)


def is_restored(world: World, other: Branch) -> None:
    from_bin(world, "dev", world.dev)


def is_undone(world: World, other: Branch) -> None:
    undone(world, last_change_set(world))


def first_version_is_restored(world: World, other: Branch) -> None:
    version_restored(world, world.dev, 1)


CASES: dict[str, tuple[Iterable[Step], set[str]]] = {
    "learned after the copy": ([is_copied, bob_reveals], {"dev", "other"}),
    "learned from the copy": ([is_copied, bob_reveals_there], {"dev", "other"}),
    "copy of a copy": ([bob_reveals, is_copied, is_copied_on], {"dev", "other", "All branches"}),
    "copy of a copy, learned from the last": (
        [is_copied_to_all, is_copied_from_all, bob_reveals_there],
        {"dev", "other", "All branches"},
    ),
    "copy after rotation": ([bob_reveals, is_rotated, is_copied], {"dev"}),
    "copy of an earlier version, restored": (
        [bob_reveals, is_rotated, first_version_is_restored, is_copied],
        {"dev", "other"},
    ),
    "rotated before it was learned": ([is_copied, is_rotated_there, bob_reveals], {"dev"}),
    "removed before it was learned": ([is_copied, is_removed_there, bob_reveals], {"dev"}),
    "renamed: copied, then removed": ([bob_reveals, is_copied, is_removed], {"dev", "other"}),
    "removed, then restored elsewhere": (
        [bob_reveals, is_removed, is_restored_there],
        {"dev", "other"},
    ),
    "rotated, removed, then restored elsewhere": (
        [bob_reveals, is_rotated, is_removed, is_restored_there],
        {"dev"},
    ),
    "restored elsewhere, then copied back": (
        [bob_reveals, is_removed, is_restored_there, is_copied_back],
        {"dev", "other"},
    ),
    "another value at the same version": (
        [
            bob_reveals,
            is_removed,
            lambda world, _: set_secret(world, KEY, "new", world.dev),
            is_copied,
        ],
        {"dev"},
    ),
    "a copy that was removed and restored": (
        [bob_reveals, is_copied, is_removed_there, lambda w, it: from_bin(w, "other", w.main)],
        {"dev", "other", "main"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_where_it_is_known(world: World, bob: User, other: Branch, case: str) -> None:
    steps, expected = CASES[case]
    set_secret(world, KEY, "one", world.dev)
    for step in steps:
        step(world, other)
    assert known(bob) == expected
    Member.objects.get(user=bob).delete()
    [former] = exposure.former_members(find_app(world.actor("alice"), "d1shop"))
    assert former.total == len(expected)


REOPENED: dict[str, tuple[Iterable[Step], set[str]]] = {
    "copied once more": ([is_copied], {"other"}),
    "undo of the copy's removal": ([is_removed_there, is_undone], {"other"}),
    "undo of the undo": ([is_removed_there, is_undone, is_undone, is_undone], {"other"}),
    "another value": ([is_rotated_there], set()),
    "another value, copied": ([is_rotated, is_copied], set()),
    "a rotation, undone": ([is_rotated, is_undone], {"dev"}),
    "a removal, undone": ([is_removed, is_undone], {"dev"}),
}


@pytest.mark.parametrize("case", REOPENED)
def test_what_makes_it_known_again(world: World, bob: User, other: Branch, case: str) -> None:
    """Everything is marked as rotated. What bob knows counts again where it is written again."""
    set_secret(world, KEY, "one", world.dev)
    revealed(world, world.dev)
    copied(world, world.dev, other)
    rotate(world, bob)
    assert known(bob) == set()
    steps, expected = REOPENED[case]
    for step in steps:
        step(world, other)
    assert known(bob) == expected


def test_undo_of_a_copy(world: World, bob: User, other: Branch) -> None:
    """The value from before comes back, which bob never knew."""
    set_secret(world, KEY, "one", world.dev)
    set_secret(world, KEY, "before", other)
    revealed(world, world.dev)
    change_set = copied(world, world.dev, other)
    Member.objects.get(user=bob).delete()
    undo = undone(world, change_set)
    assert known_versions(world, other) == {2: ["bob@example.org"]}
    [row] = source_of("secret").undo_plan(find_app(world.actor("alice"), "d1shop"), undo, [])
    assert (row.after, row.known_to) == ("Back to version 2", ["bob@example.org"])


def test_undo_names_who_knew_the_removed_value(world: World, bob: User) -> None:
    """The value in the recycle bin has the number of one that bob never knew, and the reverse."""
    set_secret(world, KEY, "one", world.dev)
    removed(world, world.dev)
    change_set = last_change_set(world)
    set_secret(world, KEY, "two", world.dev)
    revealed(world, world.dev)
    removed(world, world.dev)
    later = last_change_set(world)
    Member.objects.get(user=bob).delete()
    access, source = find_app(world.actor("alice"), "d1shop"), source_of("secret")
    assert [row.known_to for row in source.undo_plan(access, later, [])] == [["bob@example.org"]]
    assert [row.known_to for row in source.undo_plan(access, change_set, [])] == [()]
