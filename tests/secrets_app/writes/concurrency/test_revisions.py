"""A re-created secret starts at version 1 again, and is another secret (guarantee 12)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from console.lib.results import RowOutcome
from secrets_app.store import parameter_store
from secrets_app.store.errors import Conflict
from secrets_app.writes import mirror as mirror_repair
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    create_command,
    delete_command,
    reconciled_secret,
    repair_secret_mirror,
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

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
NEW = {"new-1-key": "API_KEY", "new-1-value": "mine", "new-1-branch": ""}


def retried(change: SecretCommand, conflict: RowOutcome) -> SecretCommand:
    """Return the command that overwrites what the conflict reported."""
    return replace(change, expected_version=conflict.version, revision=conflict.revision)


def recreate(world: World) -> None:
    """Remove the secret as alice, and add one with the same key as mia."""
    save_secrets(world, delete_command(secret_row(world, "API_KEY")))
    save_secrets(world, create_command("API_KEY", "mia's"), by="mia")


@pytest.mark.usefixtures("clock", "either_store")
def test_it_works(world: World) -> None:
    set_secret(world, "API_KEY", "alice's")
    mine = create_command("API_KEY", "mine")
    [first] = save_secrets(world, mine)
    recreate(world)
    [second] = save_secrets(world, retried(mine, first))
    assert (second.outcome, second.version) == ("conflict", 1)
    assert second.message == "mia@example.org added this secret now (now version 1)."
    assert stored_values(world, "API_KEY") == ("mia's", None)
    [won] = save_secrets(world, retried(mine, second))
    assert (won.outcome, won.version) == ("saved", 2)
    assert stored_values(world, "API_KEY") == ("mine", None)


@pytest.mark.usefixtures("either_store")
def test_recreated_outside(world: World) -> None:
    [path, _] = secret_paths(world, "API_KEY")
    write_outside(path, "one")
    mine = create_command("API_KEY", "mine")
    [first] = save_secrets(world, mine)
    parameter_store().remove([path])
    write_outside(path, "another")
    [second] = save_secrets(world, retried(mine, first))
    assert (second.outcome, second.version) == ("conflict", 1)
    assert second.message.startswith("Someone outside Branchkeep added this secret")
    assert stored_values(world, "API_KEY") == ("another", None)


def test_recreated_outside_after_a_conflict(world: World) -> None:
    row = set_secret(world, "API_KEY")
    [path, _] = secret_paths(world, "API_KEY")
    write_outside(path, "two")
    mine = set_command(row, "mine")
    [first] = save_secrets(world, mine)
    parameter_store().remove([path])
    for value in ("one", "another"):
        write_outside(path, value)
    [second] = save_secrets(world, retried(mine, first))
    assert (first.version, second.version, second.outcome) == (2, 2, "conflict")
    assert stored_values(world, "API_KEY") == ("another", None)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("mine", ["change", "remove"])
def test_recreated_outside_before_the_save(world: World, mine: str) -> None:
    row = reconciled_secret(world, "API_KEY")
    [path, _] = secret_paths(world, "API_KEY")
    parameter_store().remove([path])
    write_outside(path, "another")
    change = set_command(row, "mine") if mine == "change" else delete_command(row)
    [conflict] = save_secrets(world, change)
    assert (conflict.outcome, conflict.version) == ("conflict", 1)
    assert conflict.message.startswith("Someone outside Branchkeep added this secret")
    assert stored_values(world, "API_KEY") == ("another", None)
    [done] = save_secrets(world, retried(change, conflict))
    assert done.outcome in {"saved", "removed"}
    assert stored_values(world, "API_KEY") == ("mine" if mine == "change" else None, None)


def test_a_save_in_progress_keeps_the_base(world: World, interrupted: InterruptedStore) -> None:
    row = set_secret(world, "API_KEY", "alice's")
    mine = create_command("API_KEY", "mine")
    [first] = save_secrets(world, mine)
    outcomes: list[RowOutcome] = []
    interrupted.before("put", lambda: outcomes.extend(save_secrets(world, retried(mine, first))))
    save_secrets(world, set_command(row, "mia's"), by="mia")
    assert "mia@example.org is saving this secret" in outcomes[0].message
    assert outcomes[0].base_again == first.base_again != ""


def test_repairing_the_mirror_of_a_recreated_secret(world: World, monkeypatch: Any) -> None:
    main = world.main
    row = set_secret(world, "API_KEY", branch=main)
    [_, mirror] = secret_paths(world, "API_KEY", main)

    def recreate_first() -> Any:
        monkeypatch.undo()
        save_secrets(world, delete_command(row), by="mia")
        set_secret(world, "API_KEY", "another", main)
        parameter_store().remove([mirror])
        write_outside(mirror, "from outside")
        return parameter_store()

    monkeypatch.setattr(mirror_repair, "parameter_store", recreate_first)
    with pytest.raises(Conflict, match="changed after you opened the page"):
        repair_secret_mirror(world, row, by="alice")
    assert stored_values(world, "API_KEY", main) == ("another", "from outside")


@pytest.mark.parametrize("fragment", [False, True])
def test_overwriting_in_a_browser(
    world: World, client_for: Callable[[str], Client], fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    base = r'data-base="([^"]*)"' if fragment else r'name="new-1-base" value="([^"]*)"'
    alice, bases = client_for("alice"), [""]
    set_secret(world, "API_KEY", "alice's")
    for _ in range(2):
        response = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
        assert response.status_code == 422
        bases += re.findall(base, response.text)[:1]
        if len(bases) == 2:
            recreate(world)
    assert "mia@example.org added this secret" in response.text
    assert stored_values(world, "API_KEY") == ("mia's", None)
    response = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
    assert response.status_code == (200 if fragment else 302)
    assert stored_values(world, "API_KEY") == ("mine", None)


@pytest.mark.parametrize(
    "base", ["1", "2", "-1", "x", "1:", "1:x", "1:5", "1:1:1", "9" * 40, f"1:{'9' * 18}", "\0"]
)
def test_an_invalid_base(world: World, client_for: Callable[[str], Client], base: str) -> None:
    set_secret(world, "API_KEY", "alice's")
    response = client_for("mia").post(MANAGE, {**NEW, "new-1-base": base})
    assert response.status_code == 422
    assert "alice@example.org added this secret" in response.text
    assert stored_values(world, "API_KEY") == ("alice's", None)


def test_a_base_of_a_removed_secret(world: World, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    response = alice.post(MANAGE, {**NEW, "new-1-base": "1:5"})
    assert response.status_code == 422
    assert "This secret has been removed. Add it again" in response.text
    [base] = re.findall(r'name="new-1-base" value="([^"]*)"', response.text)
    assert alice.post(MANAGE, {**NEW, "new-1-base": base}).status_code == 302
    assert stored_values(world, "API_KEY") == ("mine", None)
