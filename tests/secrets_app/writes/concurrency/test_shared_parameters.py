"""Where two branches share a parameter, the stricter permissions hold and both are recorded.

None can be added anymore, but a database may have such a pair from before (guarantee 32).
"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from console.access.acts import ConfirmationRequired
from console.lib.naming.names import AMPLIFY_PROFILES, PathProfile
from console.models import AuditEvent, Branch
from console.workflows.process_environment import process_environment
from envvars_app.secrets_bridge import move_to_secrets
from secrets_app.models import EmbeddedParameter, Secret
from secrets_app.reveal import reveal, reveal_all
from tests.factories import (
    access_of,
    audit_events,
    create_branch,
    create_command,
    delete_command,
    last_event_id,
    outcomes_of,
    reconcile_now,
    repair_secret_mirror,
    save_secrets,
    secret_row,
    set_command,
    set_role,
    set_secret,
    set_variable,
)
from tests.factories.collisions import COLLISIONS, Collision
from tests.fixtures.people import World

pytestmark = pytest.mark.exhaustive_on_postgres

PAIRS = [pair for pair in COLLISIONS if pair.app_id == "d1shop"]
KEY = "API_KEY"


class Shared:
    """A protected branch with a secret, and an unprotected one with the same parameters."""

    def __init__(self, world: World, pair: Collision = PAIRS[0]) -> None:
        self.guarded = create_branch(world, pair.one, protected=True)
        self.open = create_branch(world, pair.other)
        self.names = " + ".join(sorted((pair.one, pair.other)))
        set_secret(world, KEY, "guarded value", self.guarded)
        reconcile_now(world)
        self.row = secret_row(world, KEY, self.open)


@pytest.fixture
def shared(world: World) -> Shared:
    """Return the branches, whose secret is in the list of both."""
    return Shared(world)


def _reveal(world: World, shared: Shared, name: str) -> None:
    reveal(actor=world.actor(name), app_id="d1shop", pk=shared.row.pk)


def _reveal_all(world: World, shared: Shared, name: str) -> None:
    reveal_all(actor=world.actor(name), app_id="d1shop", branch=shared.open)


def _run(world: World, shared: Shared, name: str) -> None:
    process_environment(access_of(world, name), shared.open, include_confidential=True)


def _repair(world: World, shared: Shared, name: str) -> None:
    repair_secret_mirror(world, shared.row, by=name)


def _change(world: World, shared: Shared, name: str) -> None:
    _require_saved(save_secrets(world, set_command(shared.row), by=name))


def _create(world: World, shared: Shared, name: str) -> None:
    _require_saved(save_secrets(world, create_command("NEW", branch=shared.open), by=name))


def _remove(world: World, shared: Shared, name: str) -> None:
    _require_saved(save_secrets(world, delete_command(shared.row), by=name))


def _move(world: World, shared: Shared, name: str) -> None:
    variable = set_variable(world, "MOVED", branch=shared.open)
    _require_saved(
        [move_to_secrets(actor=world.actor(name), app_id="d1shop", pk=variable.pk, base=1)]
    )


def _require_saved(outcomes: list[object]) -> None:
    [outcome] = outcomes
    if outcome.outcome == "denied":  # type: ignore[attr-defined]
        raise PermissionDenied(outcome.message)  # type: ignore[attr-defined]
    assert outcome.outcome in {"saved", "removed"}  # type: ignore[attr-defined]


Act = Callable[[World, Shared, str], None]
ACTS: dict[str, Act] = {
    "reveal": _reveal,
    "reveal all": _reveal_all,
    "run": _run,
    "change": _change,
    "create": _create,
    "remove": _remove,
    "move to secrets": _move,
}


def stored() -> set[tuple[str, int]]:
    """Return path and version of every parameter."""
    return set(EmbeddedParameter.objects.values_list("path", "version"))


def secret_events(after: int) -> list[AuditEvent]:
    """Return the later events of secrets."""
    return [event for event in audit_events(after) if event.action.startswith("secret.")]


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_it_works(world: World, shared: Shared, act: Act) -> None:
    before, since = stored(), last_event_id()
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        act(world, shared, "bob")
    assert stored() == before
    [event] = secret_events(since)
    assert (event.branch, outcomes_of(event)) == (shared.names, ["denied"])
    since = last_event_id()
    act(world, shared, "mia")
    [event] = secret_events(since)
    assert (event.branch, outcomes_of(event)) == (shared.names, ["succeeded"])


@pytest.mark.parametrize("pair", PAIRS, ids=ascii)
def test_every_collision(world: World, pair: Collision) -> None:
    shared = Shared(world, pair)
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _reveal(world, shared, "bob")
    _reveal(world, shared, "mia")


def test_through_the_protected_one(world: World, shared: Shared) -> None:
    since = last_event_id()
    reveal(actor=world.actor("mia"), app_id="d1shop", pk=secret_row(world, KEY, shared.guarded).pk)
    [event] = secret_events(since)
    assert event.branch == shared.names


def test_mirror_repair(world: World, shared: Shared) -> None:
    Secret.objects.filter(pk=shared.row.pk).update(mirror_version=0)
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _repair(world, shared, "bob")


def test_a_deleted_protected_branch_counts(world: World, shared: Shared) -> None:
    shared.guarded.deleted_at = shared.guarded.created_at
    shared.guarded.save()
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _reveal(world, shared, "bob")


@pytest.mark.parametrize("profile", AMPLIFY_PROFILES)
def test_every_path_profile(world: World, shared: Shared, profile: PathProfile) -> None:
    world.app.path_profile = profile
    world.app.save()
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _reveal(world, shared, "bob")


def test_a_role_limited_to_one_of_them(world: World, shared: Shared) -> None:
    set_role(world, "mia", "maintainer", shared.open.name)
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _reveal(world, shared, "mia")
    set_role(world, "mia", "maintainer", shared.open.name, shared.guarded.name)
    _reveal(world, shared, "mia")


def test_two_unprotected_ones_need_no_more(world: World, shared: Shared) -> None:
    Branch.objects.filter(pk=shared.guarded.pk).update(protected=False)
    _reveal(world, shared, "bob")
    set_role(world, "bob", "developer", shared.open.name)
    with pytest.raises(PermissionDenied, match="shares its parameters with"):
        _reveal(world, shared, "bob")


def test_revealing_asks_for_re_authentication(world: World, shared: Shared) -> None:
    long_ago = replace(world.actor("mia"), confirmed_at=0)
    with pytest.raises(ConfirmationRequired):
        reveal(actor=long_ago, app_id="d1shop", pk=shared.row.pk)


@pytest.mark.parametrize(("name", "may"), [("bob", False), ("mia", True)])
def test_choices_of_a_new_row(
    world: World, shared: Shared, client_for: Callable[[str], Client], name: str, may: bool
) -> None:
    page = client_for(name).get(reverse("secrets_manage", args=["d1shop"]))
    assert ((str(shared.open.pk), shared.open.name) in page.context["branch_choices"]) == may


def test_pages(world: World, shared: Shared, client_for: Callable[[str], Client]) -> None:
    _reveal(world, shared, "mia")
    alice = client_for("alice")
    for row in (shared.row, secret_row(world, KEY, shared.guarded)):
        events = alice.get(reverse("secret_detail", args=["d1shop", row.pk])).context["events"]
        assert events[0].sentence == "revealed the secret"
        assert events[0].branch == shared.names
    activity = reverse("activity", args=["d1shop"])
    for branch in (shared.open, shared.guarded):
        page = alice.get(activity, {"branch": branch.name}).context["page"]
        assert page.object_list[0].branch == shared.names
    where = {"who": world.person("bob").pk, "act": "REVEAL", "where": shared.open.pk}
    answer = alice.get(reverse("member_decision", args=["d1shop"]), where).context
    assert not answer["allowed"]
    assert answer["question"] == f"reveal secrets on {shared.open.name}"
    assert answer["rules"] == [
        "The role developer does not allow this on protected branches.",
        f"{shared.guarded.name} is protected: only maintainers and owners can edit or reveal "
        "values.",
        f"{shared.open.name} and {shared.guarded.name} share their parameters, so the stricter "
        "rules apply to both.",
    ]
    delete = reverse("branch_delete", args=["d1shop", shared.open.pk])
    assert "shares its parameters with" in alice.get(delete).text


def test_both_lists_show_what_the_store_holds(world: World, shared: Shared) -> None:
    save_secrets(world, set_command(secret_row(world, KEY, shared.guarded), "newer"), by="mia")
    reconcile_now(world)
    assert secret_row(world, KEY, shared.open).version == 2
    assert secret_row(world, KEY, shared.guarded).version == 2
    assert secret_row(world, KEY, shared.guarded).gone_at is None


def test_names_of_any_length_are_recorded(world: World) -> None:
    [pair] = [pair for pair in PAIRS if len(pair.one) > 200]
    shared = Shared(world, pair)
    _reveal(world, shared, "mia")
    recorded = AuditEvent.objects.latest("pk").branch
    assert len(recorded) <= 255
    one, _, other = recorded.partition(" + ")
    assert pair.one.startswith(one)
    assert pair.other.startswith(other)
