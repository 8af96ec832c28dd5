"""Keys that an imported text lacks: which they are, and removing them after the import."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.lib.documents import parse
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Refused
from console.models import Branch
from console.workflows import absent_keys, change_sets
from console.workflows.absent_keys import AbsentKey, RemovalRow
from console.workflows.undoing import undo
from secrets_app.models import BinEntry
from secrets_app.store.errors import AccessDenied
from tests.factories import (
    access_of,
    audit_rows,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

TEXT = "KEPT=x\n"
SAVED = (RowOutcome("all KEPT", Result.SAVED),)


def find(world: World, *scopes: Branch | None, text: str = TEXT, by: str = "alice") -> Any:
    return absent_keys.find(access_of(world, by), parse(text), scopes)


def remove(
    world: World,
    found: Sequence[AbsentKey],
    imported: Sequence[RowOutcome] = SAVED,
    by: str = "alice",
    **more: Any,
) -> list[tuple[str, str]]:
    """Remove what was found, and return how each ended: outcome and message."""
    rows = [
        RemovalRow(f"{number}", it.noun, it.key, it.branch.pk if it.branch else None, it.value)
        for number, it in enumerate(found)
    ]
    options = {"may_go_on": lambda: True} | more
    change_set = options.pop("change_set", uuid.uuid4())
    outcomes = absent_keys.remove(access_of(world, by), rows, change_set, imported, **options)
    assert [it.token for it in outcomes] == [row.token for row in rows]
    return [(str(it.outcome), it.message) for it in outcomes]


def fill(world: World) -> None:
    for branch in (None, world.dev):
        set_secret(world, "OLD_KEY", "CANARY", branch)
    for branch in (world.main, world.dev):
        set_variable(world, "OLD_URL", "x", branch)
        set_secret(world, "KEPT", "CANARY", branch)


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    fill(world)
    found = find(world, world.dev)
    assert [(it.noun, it.key, it.branch, it.is_override) for it in found] == [
        ("secret", "OLD_KEY", world.dev, True),
        ("variable", "OLD_URL", world.dev, False),
    ]
    change_set = uuid.uuid4()
    assert remove(world, found, change_set=change_set) == [("removed", "")] * 2
    assert stored_values(world, "OLD_KEY", world.dev)[0] is None
    assert stored_values(world, "OLD_KEY")[0] == "CANARY"
    assert variable_values(world) == {("main", "OLD_URL"): "x"}
    assert [it.key for it in BinEntry.objects.all()] == ["OLD_KEY"]
    access = access_of(world, "alice")
    tokens = [row.token for row in change_sets.find(access, change_set).ready]
    undo(access, change_set, tokens, uuid.uuid4(), may_go_on=lambda: True)
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"
    assert variable_values(world)["dev", "OLD_URL"] == "x"


def test_all_branches_keeps_overrides(world: World) -> None:
    fill(world)
    found = find(world, None)
    assert [(it.noun, it.key, it.branch) for it in found] == [("secret", "OLD_KEY", None)]
    assert remove(world, found) == [("removed", "")]
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"


def test_queries(world: World, django_assert_num_queries: Any) -> None:
    fill(world)
    access, entries = access_of(world, "alice"), parse(TEXT)
    assert access.branches
    with CaptureQueriesContext(connection) as one:
        absent_keys.find(access, entries, [world.dev])
    with django_assert_num_queries(len(one)):
        absent_keys.find(access, entries, [None, world.main, world.dev])
    assert len(one) == 2


def test_too_many(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(world)
    monkeypatch.setattr(absent_keys, "MAX_KEYS", 1)
    with pytest.raises(Refused, match="2 keys that are not in the text; the limit is 1"):
        find(world, world.dev)


def test_a_value_that_changed_since_stays(world: World) -> None:
    fill(world)
    found = find(world, world.dev)
    set_secret(world, "OLD_KEY", "CANARY2", world.dev, by="mia")
    [(ended, message), other] = remove(world, found)
    assert (ended, other) == ("conflict", ("removed", ""))
    assert message.startswith("mia@example.org changed this secret")
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY2"


def test_what_is_gone_counts_as_removed(world: World) -> None:
    fill(world)
    found = find(world, world.dev)
    remove(world, found)
    assert remove(world, found) == [("removed", "")] * 2
    assert len(audit_rows(world, "secret.remove")) == 1


@pytest.mark.parametrize(
    ("outcome", "message"),
    [(Result.CONFLICT, absent_keys.IMPORT_FIRST), (Result.NOT_TRIED, "")],
)
def test_the_import_comes_first(world: World, outcome: Result, message: str) -> None:
    fill(world)
    imported = [*SAVED, RowOutcome("all OTHER", outcome)]
    ended = remove(world, find(world, world.dev), imported)
    assert ended == [("not_tried", message)] * 2
    assert audit_rows(world, "secret.remove") == []


def test_stopping(world: World) -> None:
    fill(world)
    found = find(world, world.main, world.dev)
    assert [it.branch for it in found] == [world.dev, world.main, world.dev]
    ended = remove(world, found, may_go_on=lambda: False)
    assert ended == [("not_tried", "")] * 3
    assert remove(world, found, (), may_go_on=lambda: False)[0] == ("removed", "")


def test_permissions(world: World) -> None:
    set_role(world, "bob", "developer", "dev")
    fill(world)
    found = find(world, world.main, world.dev, by="bob")
    assert [bool(it.refusal) for it in found] == [False, True, False]
    assert [it for it, _ in remove(world, found, by="bob")] == ["removed", "denied", "removed"]
    assert variable_values(world) == {("main", "OLD_URL"): "x"}


def test_a_branch_that_was_deleted_since(world: World) -> None:
    fill(world)
    found = find(world, world.main, None)
    world.main.deleted_at = timezone.now()
    world.main.save()
    assert remove(world, found) == [("removed", ""), ("refused", absent_keys.GONE)]
    assert variable_values(world)["main", "OLD_URL"] == "x"


def test_without_a_recycle_bin(world: World, settings: Any) -> None:
    fill(world)
    settings.BIN_DAYS = 0
    assert remove(world, find(world, world.dev)) == [("refused", absent_keys.NO_COPY)] * 2
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"


def test_the_store_fails(world: World, interrupted: InterruptedStore) -> None:
    fill(world)
    found = find(world, world.dev, None)
    interrupted.before("current", deny_access)
    assert remove(world, found) == [("failed", AccessDenied.message)] * 3
