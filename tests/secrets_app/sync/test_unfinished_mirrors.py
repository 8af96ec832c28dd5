"""Mirrors that our own saves did not get to are finished in the background (guarantee 41)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.ops import doctor
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue, Written
from secrets_app.store.errors import OutcomeUnknown, StoreError, Throttled
from secrets_app.sync import mirrors, worker
from secrets_app.writes.mirror import SAME
from tests.factories import (
    audit_rows,
    create_command,
    delete_secret,
    expire_leases,
    listed_secret,
    messages_of,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, StoreCalls, kill_process, use_store

BACKGROUND = "Branchkeep in the background"
MIRRORS = "/apps/d1shop/hosting/secrets/mirrors/"
LIST = "/apps/d1shop/hosting/secrets/"


class HalfStore(InterruptedStore):
    """A store that does not write mirrors, or ends the process instead."""

    def __init__(self, paths: set[str], error: BaseException) -> None:
        super().__init__(parameter_store())
        self._paths, self._error = paths, error

    def put(
        self,
        path: str,
        value: SecretValue,
        *,
        overwrite: bool,
        key_id: str = "",
        advanced: bool = False,
        encrypted: bool = True,
    ) -> Written:
        if path in self._paths:
            raise self._error
        more: Any = {"key_id": key_id, "advanced": advanced, "encrypted": encrypted}
        return super().put(path, value, overwrite=overwrite, **more)


@pytest.fixture
def half_save(world: World) -> Callable[..., None]:
    """Return a function that saves a value, but not its mirror."""

    def half_save(
        key: str = "KEY", value: str = "second", error: BaseException | None = None
    ) -> None:
        row = Secret.objects.filter(key=key, branch=world.dev, version__gt=0).first()
        command = set_command(row, value) if row else create_command(key, value, world.dev)
        with pytest.MonkeyPatch.context() as patch:
            paths = {secret_paths(world, key, world.dev)[1]}
            use_store(HalfStore(paths, error or Throttled()), patch)
            try:
                save_secrets(world, command, by="bob")
            except Killed:
                expire_leases()

    return half_save


def mirror_events(world: World) -> list[Any]:
    return [(row.actor, row.key, row.outcome) for row in audit_rows(world, "secret.mirror")]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("error", [Throttled(), Killed()], ids=["failed", "killed"])
@pytest.mark.parametrize("is_new", [True, False], ids=["missing", "old"])
def test_it_works(
    world: World, half_save: Callable[..., None], error: BaseException, is_new: bool
) -> None:
    if not is_new:
        reconciled_secret(world, "KEY", world.dev)
    half_save(error=error)
    assert stored_values(world, "KEY", world.dev) == ("second", None if is_new else "first")
    assert worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "second")
    assert mirror_events(world) == [(BACKGROUND, "KEY", "succeeded")]
    for _ in range(2):
        assert listed_secret(world, "KEY", world.dev).mirror == ""
        reconcile_now(world)
    assert audit_rows(world, "found.") == []
    assert worker.run_once()
    assert len(mirror_events(world)) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("operation", ["current", "read", "put"])
def test_the_background_is_killed(
    world: World,
    half_save: Callable[..., None],
    interrupted: InterruptedStore,
    operation: str,
    when: str,
) -> None:
    reconciled_secret(world, "KEY", world.dev)
    half_save()
    getattr(interrupted, when)(operation, kill_process)
    with pytest.raises(Killed):
        worker.run_once()
    expire_leases()
    Secret.objects.exclude(mirror_due_at=None).update(mirror_due_at=timezone.now())
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "second")
    assert listed_secret(world, "KEY", world.dev).mirror == ""
    assert AuditEvent.objects.filter(outcomes=None).count() == 0


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("act", ["changed", "re-created", "removed", "added"])
def test_a_mirror_that_someone_else_changed_is_left_alone(
    world: World, act: str, store_calls: StoreCalls
) -> None:
    _, mirror = secret_paths(world, "KEY", world.dev)
    if act == "added":
        write_outside(secret_paths(world, "KEY", world.dev)[0])
    else:
        reconciled_secret(world, "KEY", world.dev)
    if act in {"re-created", "removed"}:
        parameter_store().remove([mirror])
    if act != "removed":
        write_outside(mirror)
    reconcile_now(world)
    before = stored_values(world, "KEY", world.dev)
    store_calls.clear()
    worker.run_once()
    mirrors.finish_all()
    assert store_calls() == 0
    assert stored_values(world, "KEY", world.dev) == before
    assert listed_secret(world, "KEY", world.dev).mirror != ""
    assert mirror_events(world) == []


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("reconciled", [True, False])
@pytest.mark.parametrize("is_new", [True, False])
def test_someone_else_changed_the_mirror_of_an_interrupted_save(
    world: World, half_save: Callable[..., None], reconciled: bool, is_new: bool
) -> None:
    if not is_new:
        reconciled_secret(world, "KEY", world.dev)
    half_save()
    write_outside(secret_paths(world, "KEY", world.dev)[1])
    if reconciled:
        reconcile_now(world)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "from outside")
    reconcile_now(world)
    worker.run_once()
    assert listed_secret(world, "KEY", world.dev).mirror in {"behind", "unverified"}
    assert len(mirror_events(world)) <= 1
    assert not mirrors.unfinished().exists()


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("act", ["changed", "re-created"])
def test_someone_else_changed_the_secret_since(
    world: World, half_save: Callable[..., None], clock: Any, act: str
) -> None:
    half_save()
    primary, _ = secret_paths(world, "KEY", world.dev)
    if act == "re-created":  # at the same version
        reconcile_now(world)
        clock.shift(20)
        parameter_store().remove([primary])
    write_outside(primary)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("from outside", None)
    reconcile_now(world)
    assert not mirrors.unfinished().exists()
    assert [row.action for row in audit_rows(world, "found.")] == ["found.change"]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("landed", [True, False])
@pytest.mark.parametrize("is_new", [True, False])
def test_the_response_of_the_mirror_was_lost(
    world: World, half_save: Callable[..., None], clock: Any, landed: bool, is_new: bool
) -> None:
    if not is_new:
        reconciled_secret(world, "KEY", world.dev)
    half_save(error=OutcomeUnknown())
    if landed:
        write_outside(secret_paths(world, "KEY", world.dev)[1], "second")
    for seconds in (30, 200, 700):  # a late request may arrive for a while
        clock.shift(seconds)
        worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "second")
    assert listed_secret(world, "KEY", world.dev).mirror == ""
    assert not mirrors.unfinished().exists()


@pytest.mark.usefixtures("either_store")
def test_the_mirror_was_written_but_the_response_lost(
    world: World, half_save: Callable[..., None]
) -> None:
    reconciled_secret(world, "KEY", world.dev)
    half_save()
    write_outside(secret_paths(world, "KEY", world.dev)[1], "second")  # as the lost request did
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "second")
    assert listed_secret(world, "KEY", world.dev).mirror == ""
    [event] = AuditEvent.objects.filter(action="secret.mirror")
    assert event.outcomes.get().detail == SAME


def test_a_save_finishes_it_first(world: World, half_save: Callable[..., None]) -> None:
    half_save()
    set_secret(world, "KEY", "third", world.dev)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("third", "third")
    assert mirror_events(world) == []


def test_removed_first(world: World, half_save: Callable[..., None]) -> None:
    half_save()
    delete_secret(world, "KEY", world.dev)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == (None, None)
    assert mirror_events(world) == []


def test_the_path_profile_changed(world: World, half_save: Callable[..., None]) -> None:
    half_save()
    world.app.path_profile = "backend"
    world.app.save()
    worker.run_once()
    assert stored_values(world, "KEY", world.dev)[0] == "second"
    assert mirror_events(world) == []
    assert not mirrors.unfinished().exists()
    world.app.path_profile = "both"
    world.app.save()
    reconcile_now(world)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", None)  # changing it moves nothing


def test_two_replicas(
    world: World, half_save: Callable[..., None], interrupted: InterruptedStore
) -> None:
    half_save("A")
    half_save("B")
    interrupted.before("read", lambda: worker.run_once())
    worker.run_once()
    for key in ("A", "B"):
        assert stored_values(world, key, world.dev) == ("second", "second")
    assert sorted(mirror_events(world)) == [(BACKGROUND, key, "succeeded") for key in ("A", "B")]


def test_the_store_is_unavailable(
    world: World, half_save: Callable[..., None], interrupted: InterruptedStore, clock: Any
) -> None:
    def refuse() -> None:
        raise Throttled

    half_save("A")
    half_save("B")
    interrupted.before("put", refuse)
    assert not worker.run_once()
    assert mirror_events(world) == [(BACKGROUND, "A", "failed")]
    assert worker.run_once()
    assert stored_values(world, "A", world.dev) == ("second", None)  # its turn comes later
    assert stored_values(world, "B", world.dev) == ("second", "second")
    clock.shift(mirrors.RETRY_AFTER + timedelta(seconds=1))
    worker.run_once()
    assert stored_values(world, "A", world.dev) == ("second", "second")


def test_the_clock_was_set_back(world: World, half_save: Callable[..., None], clock: Any) -> None:
    half_save()
    clock.shift(-3600)
    worker.run_once()
    assert stored_values(world, "KEY", world.dev) == ("second", "second")


def test_settle(world: World, half_save: Callable[..., None], manage: Callable[..., Any]) -> None:
    half_save("A", error=Killed())
    half_save("B")
    printed = manage("settle").out
    assert "Mirrors finished: 2. Left: 0." in printed
    assert {actor for actor, _, _ in mirror_events(world)} == {BACKGROUND}


def test_doctor(world: World, half_save: Callable[..., None]) -> None:
    assert doctor.mirrors().message == "Mirrors: all up to date."
    half_save("A")
    half_save("B")
    reconciled_secret(world, "C", world.dev)
    reconciled_secret(world, "D", world.dev)
    parameter_store().remove(secret_paths(world, "C", world.dev)[1:])
    parameter_store().remove(secret_paths(world, "D", world.dev)[:1])
    write_outside(secret_paths(world, "E")[0])  # All branches have no mirror
    reconcile_now(world)
    finding = doctor.mirrors()
    assert finding.state == "warning"
    assert finding.message == "Mirrors: 2 unfinished, 1 missing, 1 without their secret."
    worker.run_once()
    assert doctor.mirrors().message == "Mirrors: 1 missing, 1 without their secret."


def test_branches_without_a_documented_path_miss_no_mirror(world: World) -> None:
    world.dev.name = "fix #1"
    world.dev.save()
    set_secret(world, "KEY", branch=world.dev)
    assert doctor.mirrors().message == "Mirrors: all up to date."
    worker.run_once()
    assert mirror_events(world) == []


def test_a_page_view_decrypts_and_writes_nothing(
    world: World,
    half_save: Callable[..., None],
    client_for: Callable[[str], Client],
    store_calls: StoreCalls,
) -> None:
    half_save(error=Killed())
    vera = client_for("vera")
    store_calls.clear()
    for url in (LIST, f"{LIST}manage/", f"{LIST}{secret_row(world, 'KEY', world.dev).pk}/"):
        assert vera.get(url).status_code == 200
    vera.post(f"{LIST}revalidate/", headers={"HX-Request": "true"})
    assert set(store_calls.operations) <= {"list", "current"}
    page = vera.get(LIST)
    assert "1 mirror is missing or out of date" in " ".join(page.text.split())
    assert "Write it now" not in page.text
    assert vera.post(MIRRORS).status_code == 403
    assert mirror_events(world) == [("vera", "", "denied")]


def test_one_button_for_all(
    world: World, half_save: Callable[..., None], client_for: Callable[[str], Client]
) -> None:
    for key in "ABC":
        half_save(key)
    page = client_for("bob").get(LIST)
    assert "Write them now" in page.text
    answer = client_for("bob").post(MIRRORS, follow=True)
    assert messages_of(answer) == ["Mirrors written: 3."]
    assert mirror_events(world) == [("bob", key, "succeeded") for key in "ABC"]
    assert "Write them now" not in answer.text
    assert "Write it now" not in answer.text


def test_the_button_leaves_protected_branches_to_others(
    world: World, half_save: Callable[..., None], client_for: Callable[[str], Client]
) -> None:
    half_save()
    world.dev.protected = True
    world.dev.save()
    bob = client_for("bob")
    bob.post(MIRRORS)
    assert stored_values(world, "KEY", world.dev) == ("second", None)
    client_for("mia").post(MIRRORS)
    assert stored_values(world, "KEY", world.dev) == ("second", "second")


def test_many(
    world: World,
    half_save: Callable[..., None],
    client_for: Callable[[str], Client],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mirrors, "IN_REQUEST", 2)
    for key in "ABC":
        half_save(key)
    answer = client_for("bob").post(MIRRORS, follow=True)
    assert messages_of(answer) == ["Mirrors written: 2.", "1 more follow in the background."]
    worker.run_once()
    assert [actor for actor, _, _ in mirror_events(world)] == ["bob", "bob", BACKGROUND]


def test_the_save_says_so(world: World) -> None:
    paths = {secret_paths(world, "KEY", world.dev)[1]}
    with pytest.MonkeyPatch.context() as patch:
        use_store(HalfStore(paths, Throttled()), patch)
        [outcome] = save_secrets(world, create_command("KEY", branch=world.dev))
    assert outcome.message.endswith("Branchkeep tries again in the background.")


def test_a_repair_that_fails_is_recorded(
    world: World, half_save: Callable[..., None], interrupted: InterruptedStore
) -> None:
    def fail() -> None:
        raise StoreError(code="Odd")

    half_save()
    interrupted.before("read", fail)
    worker.run_once()
    assert mirror_events(world) == [(BACKGROUND, "KEY", "failed")]
    assert mirrors.unfinished().exists()
