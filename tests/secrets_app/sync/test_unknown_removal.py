"""Parameters that belong to no known branch are removed as safely as secrets (guarantees 8, 9)."""

import uuid
from collections.abc import Callable
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from console.access.policy import find_app
from console.audit.events import Outcome
from console.environment.removal import Removal
from console.lib.results import Result
from console.models import AuditEvent, Branch
from secrets_app.models import UnknownParameter
from secrets_app.pages import unknown as pages
from secrets_app.store import parameter_store
from secrets_app.sync import adopting, unknown, unknown_removal
from secrets_app.sync.folders import Kind
from secrets_app.writes import leases
from tests.factories import (
    audit_rows,
    create_command,
    messages_of,
    reconcile_now,
    save_secrets,
    secret_versions,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import (
    InterruptedStore,
    Killed,
    StoreCalls,
    deny_access,
    kill_process,
    lose_response,
)

ROOT = "/amplify/d1shop"
FOLDER = f"{ROOT}/old"
URL = "/apps/d1shop/hosting/secrets/unknown/"


def write_some(world: World, number: int = 3) -> list[str]:
    """Write parameters of an unknown branch, and reconcile. Returns their tokens."""
    for index in range(number):
        write_outside(f"{FOLDER}/KEY_{index:02}")
    reconcile_now(world)
    return tokens()


def tokens() -> list[str]:
    return [*map(unknown_removal.token, UnknownParameter.objects.order_by("folder", "key"))]


def remove(world: World, chosen: list[str], by: str = "alice") -> list[Removal]:
    access = find_app(world.actor(by), "d1shop")
    return unknown_removal.remove(access=access, tokens=chosen, change_set=uuid.uuid4())


def results(removals: list[Removal]) -> list[Result]:
    return [removal.outcome for removal in removals]


def stored() -> set[str]:
    return {it.path for it in parameter_store().list([ROOT])}


def outcomes() -> list[list[str]]:
    """Return the outcomes of each removal, in order."""
    events = AuditEvent.objects.filter(action="parameter.remove").order_by("pk")
    return [[row.outcome for row in event.outcomes.order_by("pk")] for event in events]


def expire_claims() -> None:
    UnknownParameter.objects.exclude(claim=None).update(claimed_until=timezone.now())


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    write_some(world, 12)
    write_outside(f"{ROOT}/kept/KEY")
    reconcile_now(world)
    alice = client_for("alice")
    row = UnknownParameter.objects.get(key="KEY_00")
    page = alice.get(f"{URL}{row.pk}/remove/")
    assert "Removed parameters can't be restored." in page.text
    assert "Remove 12 parameters" in " ".join(page.text.split())
    chosen = [token for _, token in page.context["choices"]]
    response = alice.post(f"{URL}{row.pk}/remove/", {"remove": chosen}, follow=True)
    assert messages_of(response) == ["Removed 12 parameters."]
    assert stored() == {f"{ROOT}/kept/KEY"}
    assert UnknownParameter.objects.get().key == "KEY"
    rows = audit_rows(world, "parameter.")
    assert len(rows) == 12
    assert rows[0] == ("alice", "parameter.remove", f"{FOLDER}/KEY_00", 1, "succeeded", None)
    assert {event.branch for event in AuditEvent.objects.filter(action="parameter.remove")} == {
        "old"
    }
    reconcile_now(world)
    assert UnknownParameter.objects.count() == 1


def test_in_parts(world: World, client_for: Callable[[str], Client]) -> None:
    chosen = write_some(world, 25)
    url = f"{URL}{UnknownParameter.objects.order_by('key')[0].pk}/remove/"
    alice, header = client_for("alice"), {"HX-Request": "true"}
    first = alice.post(url, {"remove": chosen}, headers=header)
    assert "Removed 10 of 25 parameters." in first.text
    assert 'hx-trigger="load, submit"' in first.text
    assert first.text.count('name="remove"') == 15
    second = alice.post(url, {"remove": tokens(), "done": "10"}, headers=header)
    assert "Removed 20 of 25 parameters." in second.text
    last = alice.post(url, {"remove": tokens(), "done": "20"}, headers=header)
    assert last["HX-Redirect"] == URL
    assert stored() == set()


def test_without_scripts(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PATIENCE", timedelta(0))
    chosen = write_some(world, 12)
    url = f"{URL}{UnknownParameter.objects.order_by('key')[0].pk}/remove/"
    page = client_for("alice").post(url, {"remove": chosen})
    assert "Removed 10 of 12 parameters." in page.text
    assert "Continue" in page.text


@pytest.mark.usefixtures("either_store")
def test_ten_are_one_call(world: World, store_calls: StoreCalls) -> None:
    chosen = write_some(world, 10)
    store_calls.clear()
    remove(world, chosen)
    assert store_calls.operations == ["current", "remove"]


@pytest.mark.parametrize("when", ["before reconciling", "after"])
def test_changed_since(world: World, client_for: Callable[[str], Client], when: str) -> None:
    chosen = write_some(world)
    write_outside(f"{FOLDER}/KEY_01")
    if when == "after":
        reconcile_now(world)
    url = f"{URL}{UnknownParameter.objects.order_by('key')[0].pk}/remove/"
    page = client_for("alice").post(url, {"remove": chosen})
    assert page.status_code == 422
    assert unknown_removal.CHANGED in page.text
    assert stored() == {f"{FOLDER}/KEY_01"}


def test_removed_and_recreated_at_the_same_version(world: World) -> None:
    chosen = write_some(world, 1)
    parameter_store().remove([f"{FOLDER}/KEY_00"])
    write_outside(f"{FOLDER}/KEY_00")
    assert results(remove(world, chosen)) == [Result.CONFLICT]
    assert stored() == {f"{FOLDER}/KEY_00"}


def test_already_gone(world: World) -> None:
    chosen = write_some(world, 1)
    parameter_store().remove([f"{FOLDER}/KEY_00"])
    assert results(remove(world, chosen)) == [Result.REMOVED]
    detail = AuditEvent.objects.get(action="parameter.remove").outcomes.get().detail
    assert detail == unknown_removal.ALREADY_GONE


def test_its_branch_was_added_since(world: World) -> None:
    chosen = write_some(world)
    Branch.objects.create(app=world.app, name="old")
    assert set(results(remove(world, chosen))) == {Result.CONFLICT}
    assert len(stored()) == 3


@pytest.mark.parametrize(
    "path",
    [
        f"{ROOT}/x-sandbox-0123456789/A",
        f"{ROOT}/A",
        f"{ROOT}/main/deeper/A",
        f"{ROOT}/old/AMPLIFY_resize_KEY",
    ],
)
def test_never_touched(world: World, path: str) -> None:
    write_outside(path)
    reconcile_now(world)
    assert results(remove(world, tokens())) == [Result.REFUSED]
    assert stored() == {path}
    assert outcomes() == []


def test_the_path_that_the_profile_does_not_use(world: World) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    world.app.path_profile = "backend"
    world.app.save()
    reconcile_now(world)
    [group] = adopting.groups(find_app(world.actor("alice"), "d1shop"))
    assert group.fit.kind is Kind.OTHER_PATH
    assert results(remove(world, tokens())) == [Result.REMOVED]
    assert secret_versions(world) == {("main", "API_KEY"): 1}
    assert audit_rows(world, "parameter.")[0].key == f"{ROOT}/main/API_KEY"


def test_denied(world: World) -> None:
    chosen = write_some(world)
    for name in ("mia", "bob", "vera"):
        with pytest.raises(Exception, match="does not allow"):
            remove(world, chosen, by=name)
    assert len(stored()) == 3
    assert outcomes() == [[Outcome.DENIED]] * 3


def test_the_store_fails(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world)
    interrupted.before("remove", deny_access)
    assert set(results(remove(world, chosen))) == {Result.FAILED}
    assert outcomes() == [[Outcome.FAILED]] * 3
    assert set(results(remove(world, chosen))) == {Result.REMOVED}


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_response(world: World, interrupted: InterruptedStore, when: str) -> None:
    chosen = write_some(world, 1)
    getattr(interrupted, when)("remove", lose_response)
    assert results(remove(world, chosen)) == [Result.UNKNOWN]
    reconcile_now(world)  # too early to settle: the request may still arrive
    assert outcomes() == [[Outcome.UNKNOWN]]
    assert results(remove(world, chosen)) == [Result.HELD]
    expire_claims()
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert UnknownParameter.objects.count() == len(stored()) == (when == "before")
    assert UnknownParameter.objects.exclude(claim=None).count() == 0


def test_a_late_removal_cannot_take_a_new_secret(
    world: World, interrupted: InterruptedStore
) -> None:
    chosen = write_some(world, 1)
    interrupted.after("remove", lose_response)
    remove(world, chosen)
    old = Branch.objects.create(app=world.app, name="old")
    reconcile_now(world)
    [outcome] = save_secrets(world, create_command("KEY_00", branch=old))
    assert outcome.outcome == Result.HELD
    assert outcome.wait > 50
    assert stored() == set()
    expire_claims()
    [outcome] = save_secrets(world, create_command("KEY_00", branch=old))
    assert outcome.outcome == Result.SAVED
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert secret_versions(world) == {("old", "KEY_00"): 1}
    assert UnknownParameter.objects.count() == 0


def test_settled_before_the_store_was_called(world: World, interrupted: InterruptedStore) -> None:
    """As if the process had slept for minutes between its audit event and its call."""
    chosen = write_some(world, 1)
    mark_called = unknown_removal._mark_called

    def sleep_first(claimed: unknown_removal.Claimed) -> bool:
        expire_claims()
        reconcile_now(world)
        return mark_called(claimed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unknown_removal, "_mark_called", sleep_first)
        assert results(remove(world, chosen)) == [Result.HELD]
    assert len(stored()) == 1
    assert outcomes() == [[Outcome.SETTLED]]


@pytest.mark.parametrize("call", ["current", "remove"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed(world: World, interrupted: InterruptedStore, when: str, call: str) -> None:
    chosen = write_some(world)
    getattr(interrupted, when)(call, kill_process)
    with pytest.raises(Killed):
        remove(world, chosen)
    expire_claims()
    call_command("settle", stdout=StringIO())
    is_done = (when, call) == ("after", "remove")
    assert len(stored()) == UnknownParameter.objects.count() == (0 if is_done else 3)
    assert outcomes() == ([[Outcome.SETTLED]] * 3 if call == "remove" else [])
    assert set(results(remove(world, tokens()))) == (set() if is_done else {Result.REMOVED})
    assert stored() == set()


def test_claims_end_when_the_clock_is_set_back(world: World, interrupted: InterruptedStore) -> None:
    chosen = write_some(world, 1)
    interrupted.before("remove", lose_response)
    remove(world, chosen)
    far = timezone.now() + 2 * leases.LEASE_DURATION + timedelta(hours=1)
    UnknownParameter.objects.update(claimed_until=far)
    reconcile_now(world)
    assert outcomes() == [[Outcome.UNKNOWN, Outcome.SETTLED]]
    assert unknown.STILL_THERE in str(
        [*AuditEvent.objects.get(action="parameter.remove").outcomes.values_list("detail")]
    )
