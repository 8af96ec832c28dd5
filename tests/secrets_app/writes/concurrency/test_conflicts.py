"""Of two saves based on one version, one wins; the other is a conflict (guarantee 12)."""

import pytest

from console.lib.results import RowOutcome
from secrets_app.store import parameter_store
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore


@pytest.mark.usefixtures("clock", "either_store")
def test_it_works(world: World) -> None:
    row = set_secret(world, "API_KEY", branch=world.dev)
    [won] = save_secrets(world, set_command(row, "bob's"), by="bob")
    [lost] = save_secrets(world, set_command(row, "mia's"), by="mia")
    assert (won.outcome, won.version) == ("saved", 2)
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert lost.message == "bob@example.org changed this secret now (now version 2)."
    assert stored_values(world, "API_KEY", world.dev) == ("bob's", "bob's")


def test_a_removal_after_a_change(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row, "mia's"), by="mia")
    [lost] = save_secrets(world, delete_command(row))
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_a_change_after_a_removal(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, delete_command(row), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message == "This secret has been removed. Add it again if you still need it."
    assert stored_values(world, "API_KEY") == (None, None)


def test_a_removal_after_a_removal(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, delete_command(row), by="mia")
    [again] = save_secrets(world, delete_command(row))
    assert again.outcome == "conflict"
    assert "removed" in again.message


@pytest.mark.usefixtures("clock")
def test_a_creation_after_a_creation(world: World) -> None:
    set_secret(world, "API_KEY", "alice's")
    [lost] = save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert lost.message == "alice@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_a_recreated_secret_of_the_same_version(
    world: World, interrupted: InterruptedStore
) -> None:
    row = set_secret(world, "API_KEY")

    def recreate() -> None:
        save_secrets(world, delete_command(row), by="mia")
        set_secret(world, "API_KEY", "another")

    interrupted.before("current", recreate)
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 0)
    assert lost.message.startswith("This secret has been removed.")
    assert stored_values(world, "API_KEY") == ("another", None)


def test_overwriting_their_change(world: World) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row, "mia's"), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's"))
    [won] = save_secrets(world, set_command(row, "alice's", expected_version=lost.version))
    assert (won.outcome, won.version) == ("saved", 3)
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_overwriting_their_creation(world: World) -> None:
    set_secret(world, "API_KEY")
    [lost] = save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    [won] = save_secrets(
        world, create_command("API_KEY", "mia's", expected_version=lost.version), by="mia"
    )
    assert (won.outcome, won.version) == ("saved", 2)
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_overwriting_an_older_version_than_the_last(world: World) -> None:
    row = set_secret(world, "API_KEY")
    for _ in range(2):
        save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's"), by="mia")
    [lost] = save_secrets(world, set_command(row, "alice's", expected_version=2))
    assert (lost.outcome, lost.version) == ("conflict", 3)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("mine", ["change", "remove", "overwrite their creation"])
def test_a_change_after_the_snapshot(
    world: World, interrupted: InterruptedStore, mine: str
) -> None:
    row = set_secret(world, "API_KEY")
    set_secret(world, "OTHER")
    changes = {
        "change": set_command(row, "alice's"),
        "remove": delete_command(row),
        "overwrite their creation": create_command("API_KEY", "alice's", expected_version=1),
    }
    interrupted.after("current", lambda: save_secrets(world, set_command(row, "mia's"), by="mia"))
    [lost] = save_secrets(world, changes[mine])
    assert (lost.outcome, lost.version) == ("conflict", 2)
    assert "mia@example.org changed" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)
    by_alice = [row.action for row in audit_rows(world, "secret.") if row.actor == "alice"]
    assert by_alice == ["secret.create"] * 2  # the conflict is not recorded as an attempt


@pytest.mark.usefixtures("either_store")
def test_a_recreation_after_the_snapshot(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY")

    def recreate() -> None:
        save_secrets(world, delete_command(row), by="mia")
        save_secrets(world, create_command("API_KEY", "mia's"), by="mia")

    interrupted.after("current", recreate)
    [lost] = save_secrets(world, set_command(row, "alice's"))
    assert lost.outcome == "conflict" or stored_values(world, "API_KEY") == ("alice's", None)


def test_a_creation_after_the_snapshot(world: World, interrupted: InterruptedStore) -> None:
    interrupted.after(
        "current", lambda: save_secrets(world, create_command("API_KEY", "mia's"), by="mia")
    )
    [lost] = save_secrets(world, create_command("API_KEY", "alice's"))
    assert (lost.outcome, lost.version) == ("conflict", 1)
    assert "mia@example.org added" in lost.message
    assert stored_values(world, "API_KEY") == ("mia's", None)


def test_another_save_is_in_progress(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY")
    outcomes: list[RowOutcome] = []
    interrupted.before(
        "put", lambda: outcomes.extend(save_secrets(world, set_command(row, "mia's"), by="mia"))
    )
    [won] = save_secrets(world, set_command(row, "alice's"))
    assert (won.outcome, won.version) == ("saved", 2)
    assert outcomes[0].outcome == "conflict"
    assert outcomes[0].message.startswith("alice@example.org is saving this secret right now.")
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_another_save_has_written_but_not_finished(
    world: World, interrupted: InterruptedStore
) -> None:
    row = set_secret(world, "API_KEY")
    outcomes: list[RowOutcome] = []
    interrupted.after(
        "put", lambda: outcomes.extend(save_secrets(world, set_command(row, "mia's"), by="mia"))
    )
    save_secrets(world, set_command(row, "alice's"))
    assert outcomes[0].outcome == "conflict"
    assert outcomes[0].message.startswith("alice@example.org changed this secret")


def test_an_outside_write_during_the_save(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    interrupted.before("put", lambda: write_outside(path))
    [saved] = save_secrets(world, set_command(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 3)
    assert "outside Branchkeep" in saved.message
    assert secret_row(world, "API_KEY").version == 3


def test_an_outside_removal_during_the_save(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY")
    save_secrets(world, set_command(row))
    row = secret_row(world, "API_KEY")
    interrupted.before("put", lambda: parameter_store().remove(secret_paths(world, "API_KEY")[:1]))
    [saved] = save_secrets(world, set_command(row, "alice's"))
    assert (saved.outcome, saved.version) == ("saved", 1)
    assert "outside Branchkeep" in saved.message
