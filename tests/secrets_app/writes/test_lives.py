"""What is removed and added anew begins at version 1 again; it is another one (guarantee 12)."""

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
from tests.secrets_app.writes.desk import Desk

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
NEW = {"new-1-key": "API_KEY", "new-1-value": "mine", "new-1-branch": ""}


def again(change: SecretCommand, told: RowOutcome) -> SecretCommand:
    """Return what is sent again after a conflict."""
    return replace(change, expected_version=told.version, revision=told.revision)


def added_anew(desk: Desk) -> None:
    """Let alice remove the secret, and mia add one of that name."""
    desk.save("alice", desk.removal(desk.row("API_KEY")))
    desk.save("mia", desk.new("API_KEY", "mia's"))


@pytest.mark.usefixtures("clock", "either_store")
def test_it_works(desk: Desk) -> None:
    desk.put("API_KEY", "alice's")
    mine = desk.new("API_KEY", "mine")
    [first] = desk.save("alice", mine)
    added_anew(desk)
    [second] = desk.save("alice", again(mine, first))
    assert (second.outcome, second.version) == ("conflict", 1)
    assert second.message == "mia@example.org added this secret now (now version 1)."
    assert desk.values("API_KEY") == ("mia's", None)
    [won] = desk.save("alice", again(mine, second))
    assert (won.outcome, won.version) == ("saved", 2)
    assert desk.values("API_KEY") == ("mine", None)


@pytest.mark.usefixtures("either_store")
def test_outside_the_console(desk: Desk) -> None:
    [path, _] = desk.paths("API_KEY")
    desk.outside(path, "one")
    mine = desk.new("API_KEY", "mine")
    [first] = desk.save("alice", mine)
    desk.store.remove([path])
    desk.outside(path, "another")
    [second] = desk.save("alice", again(mine, first))
    assert (second.outcome, second.version) == ("conflict", 1)
    assert second.message.startswith("Someone outside Branchkeep added this secret")
    assert desk.values("API_KEY") == ("another", None)


def test_a_known_one_that_a_conflict_was_told_of(desk: Desk) -> None:
    row = desk.put("API_KEY")
    [path, _] = desk.paths("API_KEY")
    desk.outside(path, "two")
    mine = desk.change(row, "mine")
    [first] = desk.save("alice", mine)
    desk.store.remove([path])
    for value in ("one", "another"):
        desk.outside(path, value)
    [second] = desk.save("alice", again(mine, first))
    assert (first.version, second.version, second.outcome) == (2, 2, "conflict")
    assert desk.values("API_KEY") == ("another", None)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("mine", ["change", "remove"])
def test_a_known_one_that_somebody_outside_replaced(desk: Desk, mine: str) -> None:
    row = desk.known("API_KEY")
    [path, _] = desk.paths("API_KEY")
    desk.store.remove([path])
    desk.outside(path, "another")
    change = desk.change(row, "mine") if mine == "change" else desk.removal(row)
    [told] = desk.save("alice", change)
    assert (told.outcome, told.version) == ("conflict", 1)
    assert told.message.startswith("Someone outside Branchkeep added this secret")
    assert desk.values("API_KEY") == ("another", None)
    [done] = desk.save("alice", again(change, told))
    assert done.outcome in {"saved", "removed"}
    assert desk.values("API_KEY") == ("mine" if mine == "change" else None, None)


def test_somebody_who_is_saving_leaves_it_what_it_was_based_on(
    desk: Desk, interrupted: Any
) -> None:
    row = desk.put("API_KEY", "alice's")
    mine = desk.new("API_KEY", "mine")
    [first] = desk.save("alice", mine)
    told: list[RowOutcome] = []
    interrupted.before("put", lambda: told.extend(desk.save("alice", again(mine, first))))
    desk.save("mia", desk.change(row, "mia's"))
    assert "mia@example.org is saving this secret" in told[0].message
    assert told[0].base_again == first.base_again != ""


def test_putting_the_mirror_of_another_right(desk: Desk, monkeypatch: Any) -> None:
    main = desk.world.main
    row = desk.put("API_KEY", branch=main)
    [_, mirror] = desk.paths("API_KEY", main)

    def meanwhile() -> Any:
        monkeypatch.undo()
        desk.save("mia", desk.removal(row))
        desk.put("API_KEY", "another", main)
        desk.store.remove([mirror])
        desk.outside(mirror, "from outside")
        return parameter_store()

    monkeypatch.setattr(mirror_repair, "parameter_store", meanwhile)
    with pytest.raises(Conflict, match="changed after you opened the page"):
        desk.repair("alice", row)
    assert desk.values("API_KEY", main) == ("another", "from outside")


@pytest.mark.parametrize("fragment", [False, True])
def test_write_mine_in_a_browser(desk: Desk, as_: Callable[[str], Client], fragment: bool) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    base = r'data-base="([^"]*)"' if fragment else r'name="new-1-base" value="([^"]*)"'
    alice, bases = as_("alice"), [""]
    desk.put("API_KEY", "alice's")
    for _ in range(2):
        answer = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
        assert answer.status_code == 422
        bases += re.findall(base, answer.text)[:1]
        if len(bases) == 2:
            added_anew(desk)
    assert "mia@example.org added this secret" in answer.text
    assert desk.values("API_KEY") == ("mia's", None)
    answer = alice.post(MANAGE, {**NEW, "new-1-base": bases[-1]}, headers=headers)
    assert answer.status_code == (200 if fragment else 302)
    assert desk.values("API_KEY") == ("mine", None)


@pytest.mark.parametrize(
    "base", ["1", "2", "-1", "x", "1:", "1:x", "1:5", "1:1:1", "9" * 40, f"1:{'9' * 18}", "\0"]
)
def test_a_base_that_is_none(desk: Desk, as_: Callable[[str], Client], base: str) -> None:
    desk.put("API_KEY", "alice's")
    answer = as_("mia").post(MANAGE, {**NEW, "new-1-base": base})
    assert answer.status_code == 422
    assert "alice@example.org added this secret" in answer.text
    assert desk.values("API_KEY") == ("alice's", None)


def test_a_base_of_what_is_no_more(desk: Desk, as_: Callable[[str], Client]) -> None:
    alice = as_("alice")
    answer = alice.post(MANAGE, {**NEW, "new-1-base": "1:5"})
    assert answer.status_code == 422
    assert "This secret has been removed. Add it again" in answer.text
    [base] = re.findall(r'name="new-1-base" value="([^"]*)"', answer.text)
    assert alice.post(MANAGE, {**NEW, "new-1-base": base}).status_code == 302
    assert desk.values("API_KEY") == ("mine", None)
