"""A conflict names the person who wrote the version that the store holds (guarantee 12)."""

from dataclasses import replace

import pytest
from django.utils import timezone

from console.access.policy import find_app
from console.lib.results import RowOutcome
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore
from secrets_app.store.errors import Throttled
from secrets_app.writes import messages
from secrets_app.writes import save as saving
from secrets_app.writes.snapshots import Snapshot, WriteTarget, take_snapshots
from tests.factories import (
    create_command,
    delete_command,
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
from tests.fixtures.stores import InterruptedStore, Killed, kill_process

pytestmark = pytest.mark.sqlite


@pytest.mark.usefixtures("clock")
def test_recreated_after_the_rows_were_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row))

    def recreate_first() -> ParameterStore:
        monkeypatch.undo()
        save_secrets(world, delete_command(secret_row(world, "API_KEY")), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
        return parameter_store()

    monkeypatch.setattr(saving, "parameter_store", recreate_first)
    [conflict] = save_secrets(world, set_command(row, "mine", expected_version=2))
    assert conflict.message == "mia@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_recreated_at_the_same_version_after_the_rows_were_read(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)

    def recreate() -> None:
        save_secrets(world, delete_command(row), by="bob")
        save_secrets(world, create_command("API_KEY", "mia's", world.dev), by="mia")

    interrupted.before("current", recreate)
    [conflict] = save_secrets(world, set_command(row, "alice's"))
    assert conflict.message == "mia@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY", world.dev) == ("mia's", "mia's")


def test_recreated_at_the_same_version_by_a_save_in_progress(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)

    def recreate() -> None:
        save_secrets(world, delete_command(row), by="bob")
        interrupted.after("put", kill_process)
        with pytest.raises(Killed):
            save_secrets(world, create_command("API_KEY", "mia's", world.dev), by="mia")

    interrupted.before("current", recreate)
    [conflict] = save_secrets(world, set_command(row, "alice's"))
    assert conflict.message == "mia@example.org added this secret now (now version 1)."


def test_recreated_and_removed_again_after_the_rows_were_read(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)

    def recreate() -> None:
        save_secrets(world, delete_command(row), by="bob")
        save_secrets(world, create_command("API_KEY", "mia's", world.dev), by="mia")

    interrupted.before("current", recreate)
    interrupted.after(
        "current",
        lambda: save_secrets(world, delete_command(secret_row(world, "API_KEY", world.dev))),
    )
    [conflict] = save_secrets(world, set_command(row, "alice's"))
    assert conflict.message == "mia@example.org added this secret now (now version 1)."


def test_recreated_outside_after_the_rows_were_read(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)

    def recreate() -> None:
        path = secret_paths(world, "API_KEY", world.dev)[0]
        parameter_store().remove([path])
        write_outside(path)

    interrupted.before("current", recreate)
    [conflict] = save_secrets(world, set_command(row, "alice's"))
    assert conflict.message.startswith("Someone outside Branchkeep added this secret")


@pytest.mark.usefixtures("console_on_ssm")
def test_recreated_and_then_changed_by_a_save_in_progress(
    world: World, interrupted: InterruptedStore
) -> None:
    for value in ("first", "second", "third", "fourth"):
        set_secret(world, "API_KEY", value)

    def recreate_and_change() -> None:
        save_secrets(world, delete_command(secret_row(world, "API_KEY")), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
        interrupted.after("put", kill_process)
        with pytest.raises(Killed):
            save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's second"), by="mia")

    interrupted.before("current", recreate_and_change)
    [conflict] = save_secrets(world, set_command(secret_row(world, "API_KEY"), "mine"))
    assert conflict.message.startswith("mia@example.org changed this secret")
    assert conflict.version == 2


@pytest.mark.usefixtures("clock")
def test_someone_wrote_again_after_the_snapshot(
    world: World, interrupted: InterruptedStore
) -> None:
    row = set_secret(world, "API_KEY", branch=world.dev)
    save_secrets(world, set_command(row, "bob's"), by="bob")
    interrupted.after(
        "current",
        lambda: save_secrets(world, set_command(row, "mia's", expected_version=2), by="mia"),
    )
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert stored_values(world, "API_KEY", world.dev) == ("mia's", "mia's")


@pytest.mark.usefixtures("clock")
def test_the_writer_finished_after_the_snapshot_and_someone_wrote_again(
    world: World, interrupted: InterruptedStore
) -> None:
    row = set_secret(world, "API_KEY")
    target = WriteTarget(None, "API_KEY", secret_paths(world, "API_KEY")[0])
    snapshots = list[Snapshot]()
    interrupted.after(
        "put", lambda: snapshots.extend(take_snapshots(parameter_store(), world.app, [target]))
    )
    save_secrets(world, set_command(row, "mia's"), by="mia")
    save_secrets(world, set_command(secret_row(world, "API_KEY"), "alice's"))
    # Mia's outcome was noted before the snapshot, and committed after it
    late = replace(snapshots[0], at=timezone.now())
    conflict = messages.conflict("1", find_app(world.actor("alice"), world.app.app_id), late)
    assert conflict.message == "mia@example.org changed this secret now (now version 2)."


def test_a_save_in_progress_is_not_named_for_an_outside_change(
    world: World, interrupted: InterruptedStore
) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)
    write_outside(secret_paths(world, "API_KEY", world.dev)[0])
    reconcile_now(world)
    outcomes: list[RowOutcome] = []
    interrupted.before(
        "put",
        lambda: outcomes.extend(
            save_secrets(world, set_command(row, "mia's", expected_version=1), by="mia")
        ),
    )
    [won] = save_secrets(world, set_command(row, "bob's", expected_version=2), by="bob")
    assert (won.outcome, [lost.version for lost in outcomes]) == ("saved", [2])
    assert outcomes[0].message.startswith("Someone outside Branchkeep changed this secret")


@pytest.mark.usefixtures("clock")
def test_a_killed_save_is_named_before_an_earlier_writer_of_the_version(
    world: World, interrupted: InterruptedStore
) -> None:
    save_secrets(world, delete_command(set_secret(world, "API_KEY", branch=world.dev)))
    interrupted.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, create_command("API_KEY", "mia's", world.dev), by="mia")
    [lost] = save_secrets(world, create_command("API_KEY", "bob's", world.dev), by="bob")
    assert lost.message == "mia@example.org added this secret now (now version 1)."


@pytest.mark.usefixtures("console_on_ssm")
def test_a_failed_save_is_not_named_for_the_one_after_it(
    world: World, interrupted: InterruptedStore
) -> None:
    during, target = failed_creation(world, interrupted)
    save_secrets(world, create_command("API_KEY", "alice's"))
    conflict = conflict_after(world, during, target)
    assert conflict.message.startswith("alice@example.org added this secret")


@pytest.mark.usefixtures("console_on_ssm")
def test_a_failed_save_is_not_named_for_a_save_in_progress(
    world: World, interrupted: InterruptedStore
) -> None:
    during, target = failed_creation(world, interrupted)
    interrupted.after("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, create_command("API_KEY", "alice's"))
    conflict = conflict_after(world, during, target)
    assert conflict.message.startswith("alice@example.org added this secret")


@pytest.mark.usefixtures("console_on_ssm")
def test_the_secret_was_shown_while_a_save_was_adding_it_that_failed(
    world: World, interrupted: InterruptedStore
) -> None:
    during, _ = failed_creation(world, interrupted)
    [conflict] = save_secrets(world, set_command(during, "bob's"), by="bob")
    assert conflict.message.startswith("The save that was adding this secret has failed.")
    save_secrets(world, create_command("API_KEY", "alice's"))
    [conflict] = save_secrets(world, set_command(during, "bob's"), by="bob")
    assert conflict.message.startswith("The save that was adding this secret has failed.")


def failed_creation(world: World, interrupted: InterruptedStore) -> tuple[Secret, WriteTarget]:
    """Let mia add a secret, which fails; return its row during that save, and its target."""
    rows: list[Secret] = []

    def read_and_fail() -> None:
        rows.append(secret_row(world, "API_KEY"))
        raise Throttled(code="ThrottlingException")

    interrupted.before("put", read_and_fail)
    [failed] = save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    assert failed.outcome == "failed"
    return rows[0], WriteTarget(None, "API_KEY", secret_paths(world, "API_KEY")[0])


def conflict_after(world: World, during: Secret, target: WriteTarget) -> RowOutcome:
    """Return the conflict if bob's save read the row then, and the store now."""
    [late] = take_snapshots(parameter_store(), world.app, [target], [during], during.touched_at)
    return messages.conflict("1", find_app(world.actor("bob"), world.app.app_id), late)
