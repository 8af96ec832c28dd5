"""Import a text as secrets and variables: what it would change, comparing, writing, stopping."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from structlog.testing import capture_logs

from console.access.acts import ConfirmationRequired
from console.access.policy import find_app
from console.environment.importing import Change, ImportRow
from console.lib.documents import parse
from console.lib.results import DONE, RowOutcome, encode_base
from console.lib.row_forms import known_base
from console.lib.text.dotenv import Refused
from console.members import exposure
from console.models import AuditEvent, Branch
from console.workflows import change_sets, comparing, importing
from console.workflows.importing import Choice, Line
from console.workflows.undoing import undo
from secrets_app.store.errors import AccessDenied
from tests.factories import (
    access_of,
    audit_rows,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
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

STRIPE = "sk_" + "live_51H8xJk2eZvKYlo2C"
TEXT = f"""\
STRIPE_KEY={STRIPE}
DB_PASSWORD=hunter2
API_URL=https://example.org
"""


def preview(
    world: World, text: str, *scopes: Branch | None, by: str = "alice", **choice: Any
) -> list[Line]:
    """Return what importing the text into the scopes (All branches by default) would do."""
    wanted = Choice(scopes or (None,), **choice)
    return importing.preview(access_of(world, by), parse(text), wanted)


def compared(world: World, text: str, *scopes: Branch | None, by: str = "alice") -> list[Line]:
    return importing.preview_compared(access_of(world, by), parse(text), Choice(scopes or (None,)))


def rows_of(text: str, lines: Sequence[Line]) -> list[tuple[str, ImportRow]]:
    """Return the rows that a page would post for these lines."""
    values = {entry.key: entry.value for entry in parse(text)}
    return [
        (
            line.noun,
            ImportRow(
                f"{line.planned.scope}",
                line.planned.key,
                line.planned.scope[0],
                values[line.planned.key],
                *known_base(line.planned.base),
            ),
        )
        for line in lines
        if line.planned.change is not Change.SAME
    ]


def save(
    world: World,
    rows: Sequence[tuple[str, ImportRow]],
    by: str = "alice",
    may_go_on: Callable[[], bool] = lambda: True,
) -> list[RowOutcome]:
    return importing.save(access_of(world, by), rows, uuid.uuid4(), may_go_on=may_go_on)


def described(lines: Sequence[Line]) -> Mapping[str, tuple[str, str, bool]]:
    return {it.planned.key: (it.noun, str(it.planned.change), it.is_ready) for it in lines}


def test_it_works(world: World, django_assert_num_queries: Callable[..., Any]) -> None:
    access = access_of(world, "alice")
    with django_assert_num_queries(6):
        lines = importing.preview(access, parse(TEXT), Choice([world.dev]))
    assert described(lines) == {
        "STRIPE_KEY": ("secret", "new", True),
        "DB_PASSWORD": ("secret", "new", True),
        "API_URL": ("variable", "new", True),
    }
    assert [line.size for line in lines] == [len(STRIPE), 7, 19]
    outcomes = save(world, rows_of(TEXT, lines))
    assert [it.outcome for it in outcomes] == ["saved"] * 3
    assert stored_values(world, "STRIPE_KEY", world.dev) == (STRIPE, STRIPE)
    assert variable_values(world) == {("dev", "API_URL"): "https://example.org"}
    events = AuditEvent.objects.filter(action__endswith=".create")
    assert events.count() == 3
    assert len({event.change_set for event in events}) == 1


def test_again_it_is_all_there(world: World) -> None:
    save(world, rows_of(TEXT, preview(world, TEXT)))
    assert described(preview(world, TEXT)) == {
        "STRIPE_KEY": ("secret", "exists", True),
        "DB_PASSWORD": ("secret", "exists", True),
        "API_URL": ("variable", "same", False),
    }
    assert {it.planned.change for it in compared(world, TEXT)} == {Change.SAME}


def test_several_scopes(world: World) -> None:
    set_secret(world, "DB_PASSWORD", "other")
    lines = preview(world, "DB_PASSWORD=hunter2", None, world.dev)
    assert [(it.planned.change, it.overrides) for it in lines] == [
        (Change.EXISTS, False),
        (Change.NEW, True),
    ]
    assert [it.outcome for it in save(world, rows_of("DB_PASSWORD=hunter2", lines))] == [
        "saved",
        "saved",
    ]


@pytest.mark.parametrize(
    ("text", "noun", "ready"),
    [
        ("API_KEY=your-api-key", "secret", False),
        ("API_KEY=", "variable", True),  # no secret is empty
        ("A/B=sk_live_51H8xJk2eZvKYlo2C", "secret", False),  # no secret has this key
        ("NAME=", "variable", True),
        ("AWS_REGION=us-east-1", "variable", False),  # Amplify reserves it
        ("NEXT_PUBLIC_API_KEY=x", "variable", True),
    ],
)
def test_what_is_left_out(world: World, text: str, noun: str, ready: bool) -> None:
    text = text if "/" not in text else "{" + '"A/B": "' + text[4:] + '"}'
    [line] = preview(world, text)
    assert (line.noun, line.is_ready, line.needs_decision) == (noun, ready, not ready)


def test_the_kind_can_be_chosen(world: World) -> None:
    lines = preview(world, TEXT, kinds={"STRIPE_KEY": "variable", "API_URL": "nonsense"})
    assert [(it.noun, it.warning) for it in lines] == [
        ("variable", "The value looks like a Stripe key."),
        ("secret", ""),
        ("variable", ""),
    ]


def test_a_key_that_is_of_the_other_kind(world: World) -> None:
    set_secret(world, "API_URL", "x")
    set_variable(world, "DB_PASSWORD", "x", world.dev)
    lines = preview(world, TEXT, world.dev, None)
    found = {it.planned.scope: (it.noun, it.also, it.is_ready) for it in lines}
    assert found[None, "API_URL"] == ("secret", "", True)  # as it is stored
    assert found[world.dev.pk, "DB_PASSWORD"] == ("secret", "variable", False)
    assert found[None, "DB_PASSWORD"] == ("secret", "", True)


def test_the_same_secret_on_production_and_elsewhere(world: World) -> None:
    set_secret(world, "API_KEY", "one", world.main)
    text = "API_KEY=hunter2\nDB_PASSWORD=changeme\nAPI_URL=https://example.org\n"
    shared = importing.shared_with_production
    assert shared(preview(world, text, world.main, world.dev)) == ["API_KEY"]
    assert shared(preview(world, text, world.main, None)) == ["API_KEY"]
    assert shared(preview(world, text, world.main)) == []
    assert shared(preview(world, text, world.dev, None)) == []


def test_what_cannot_be_seen(world: World) -> None:
    text = 'API_KEY="x\\n"\nNAME="a\u200bb "\nTAB="a\tb"'
    lines = preview(world, text)
    assert [(it.remark, it.can_be_cleaned, it.is_ready, it.needs_decision) for it in lines] == [
        ("The value ends with a line break.", True, True, True),
        ("The value ends with a space, contains a zero-width character.", True, True, True),
        ("The value contains a tab.", False, True, True),
    ]
    cleaned = preview(world, text, cleaned={"API_KEY", "NAME"})
    assert [(it.remark, it.size) for it in cleaned[:2]] == [("", 1), ("", 2)]
    entries = importing.prepare(parse(text), {"API_KEY", "NAME"})
    assert [entry.value for entry in entries] == ["x", "ab", "a\tb"]


def test_too_many_rows(world: World) -> None:
    text = "".join(f"K{number}=v\n" for number in range(1_000))
    scopes = [Branch.objects.create(app=world.app, name=f"b{number}") for number in range(3)]
    with pytest.raises(Refused, match="3,000 values"):
        preview(world, text, *scopes)


def test_what_changed_since_the_preview_is_a_conflict(world: World) -> None:
    set_secret(world, "DB_PASSWORD", "one")
    set_variable(world, "API_URL", "one")
    lines = preview(world, TEXT)
    rows = rows_of(TEXT, lines)
    set_secret(world, "DB_PASSWORD", "two", by="mia")
    seen = {(it.noun, it.planned.scope): it.planned.base for it in lines}
    again = {it.planned.key: it for it in preview(world, TEXT, seen=seen)}
    assert [key for key, it in again.items() if it.is_conflict] == ["DB_PASSWORD"]
    assert "mia@example.org changed it" in again["DB_PASSWORD"].planned.last_change
    assert not again["DB_PASSWORD"].is_ready
    outcomes = save(world, rows)
    assert [it.outcome for it in outcomes] == ["saved", "conflict", "saved"]
    assert "mia@example.org changed this secret" in outcomes[1].message
    # "Write yours": the same row, based on what the conflict reported
    noun, row = rows[1]
    version, revision = known_base(outcomes[1].base_again)
    forced = replace(row, expected_version=version, revision=revision)
    assert [it.outcome for it in save(world, [(noun, forced)])] == ["saved"]


def test_a_variable_that_changed_since(world: World) -> None:
    row = set_variable(world, "API_URL", "one")
    rows = rows_of(TEXT, preview(world, TEXT))
    base = encode_base(row.version, row.pk)
    assert [encode_base(it.expected_version, it.revision) for _, it in rows][2] == base
    row.delete()
    set_variable(world, "API_URL", "two")
    assert [it.outcome for it in save(world, rows)] == ["saved", "saved", "conflict"]


def test_comparing_is_a_recorded_act(
    either_store: str, world: World, store_calls: StoreCalls
) -> None:
    set_secret(world, "STRIPE_KEY", STRIPE)
    set_secret(world, "DB_PASSWORD", "größer")
    store_calls.clear()
    lines = compared(world, TEXT, by="mia")
    assert [(it.planned.change, it.planned.size_before) for it in lines] == [
        (Change.SAME, len(STRIPE)),
        (Change.CHANGED, 8),
        (Change.NEW, None),
    ]
    assert store_calls("read") == 1
    assert audit_rows(world)[-2:] == [
        ("mia", "secret.compare", "STRIPE_KEY", 1, "succeeded", 1),
        ("mia", "secret.compare", "DB_PASSWORD", 1, "succeeded", 1),
    ]
    known = exposure.exposed_secrets(world.person("mia").pk)
    assert {it.key for it in known} == {"STRIPE_KEY", "DB_PASSWORD"}


def test_comparing_has_a_limit(
    world: World, store_calls: StoreCalls, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MAX_VALUES", 20)
    keys = [f"API_KEY_{number}" for number in range(21)]
    for key in keys:
        set_secret(world, key, "x", world.dev)
    text = "".join(f"{key}=x\n" for key in keys)
    store_calls.clear()
    lines = compared(world, text, world.dev)
    assert {it.planned.change for it in lines} == {Change.EXISTS}
    assert store_calls("read") == 0
    assert [row for row in audit_rows(world) if row[1] == "secret.compare"] == []
    fewer = text.removeprefix(f"{keys[0]}=x\n")
    lines = compared(world, fewer, world.dev)
    assert {it.planned.change for it in lines} == {Change.SAME}
    assert store_calls("read") == 2  # ten secrets each


def test_comparing_needs_what_revealing_needs(world: World) -> None:
    for branch in (world.main, world.dev):
        set_secret(world, "DB_PASSWORD", "x", branch)
    with pytest.raises(PermissionDenied):
        compared(world, TEXT, world.main, by="bob")
    assert audit_rows(world)[-1][:5] == ("bob", "secret.compare", "DB_PASSWORD", None, "denied")
    lines = compared(world, "DB_PASSWORD=x", world.main, world.dev, by="bob")
    assert [it.planned.change for it in lines] == [Change.EXISTS, Change.SAME]
    stale = replace(world.actor("alice"), confirmed_at=0)
    access = find_app(stale, world.app.app_id)
    with pytest.raises(ConfirmationRequired):
        importing.preview_compared(access, parse(TEXT), Choice([world.main]))


def test_only_the_chosen_scopes_are_compared(world: World) -> None:
    """What an override would override is not read: reading it would count as knowing it."""
    for branch in (None, world.main, world.dev):
        set_secret(world, "DB_PASSWORD", "x", branch)
    old = find_app(world.old_actor("alice"), world.app.app_id)
    lines = importing.preview_compared(old, parse("DB_PASSWORD=x"), Choice([world.dev]))
    assert [(it.planned.change, it.overrides) for it in lines] == [(Change.SAME, True)]
    compared_on = AuditEvent.objects.filter(action="secret.compare").values_list("branch")
    assert [*compared_on] == [("dev",)]


def test_a_store_that_cannot_be_read_while_comparing(
    world: World, interrupted: InterruptedStore
) -> None:
    set_secret(world, "DB_PASSWORD", "x")
    interrupted.before("read", deny_access)
    with pytest.raises(AccessDenied):
        compared(world, TEXT)
    assert audit_rows(world)[-1].outcome == "failed"


def test_permissions(world: World) -> None:
    lines = preview(world, TEXT, world.main, by="bob")
    assert {it.is_ready for it in lines} == {False}
    assert "does not allow changes" in lines[0].planned.refusal
    outcomes = save(world, rows_of(TEXT, lines), by="bob")
    assert {it.outcome for it in outcomes} == {"denied"}
    assert not world.app.secrets.exists()


MANY = "".join(f"API_KEY_{number}=x\n" for number in range(35)) + "NAME=x\n"


def test_it_can_be_stopped(world: World) -> None:
    rows = rows_of(MANY, preview(world, MANY))
    calls = count(1)
    outcomes = save(world, rows, may_go_on=lambda: next(calls) < 2)
    assert [it.outcome for it in outcomes] == ["saved"] * 20 + ["not_tried"] * 16
    assert {it.message for it in outcomes[20:]} == {""}


def test_a_store_that_fails_in_between(world: World, interrupted: InterruptedStore) -> None:
    rows = rows_of(MANY, preview(world, MANY))
    interrupted.after(
        "current", lambda: interrupted.before("current", deny_access)
    )  # the second batch can't be read
    outcomes = save(world, rows)
    assert [it.outcome for it in outcomes[:12]] == ["saved"] * 10 + ["failed", "not_tried"]
    assert {it.outcome for it in outcomes[12:]} == {"not_tried"}


def test_a_lost_response(world: World, interrupted: InterruptedStore) -> None:
    rows = rows_of(TEXT, preview(world, TEXT))
    interrupted.after("put", lose_response)
    assert [it.outcome for it in save(world, rows)] == ["unknown", "not_tried", "not_tried"]
    assert [it.planned.change for it in preview(world, TEXT)] == [Change.NEW] * 3


def test_it_can_be_undone_as_one(world: World) -> None:
    set_secret(world, "DB_PASSWORD", "before")
    set_variable(world, "API_URL", "before")
    access, change_set, new = access_of(world, "alice"), uuid.uuid4(), uuid.uuid4()
    rows = rows_of(TEXT, preview(world, TEXT))
    importing.save(access, rows, change_set, may_go_on=lambda: True)
    planned = [row for _, row in change_sets.plan(access, change_set, [])]
    tokens = {row.token for row in planned}
    outcomes = undo(access, change_set, tokens, new, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= DONE
    assert len(outcomes) == 3
    assert stored_values(world, "DB_PASSWORD") == ("before", None)
    assert stored_values(world, "STRIPE_KEY") == (None, None)
    assert variable_values(world) == {("", "API_URL"): "before"}


def test_killed_in_between(world: World, interrupted: InterruptedStore) -> None:
    """What was saved stays, and the same import afterwards writes the rest."""
    text = "API_KEY=one\nDB_PASSWORD=two\nNAME=three"
    interrupted.after("put", lambda: interrupted.after("put", kill_process))
    rows = rows_of(text, preview(world, text))
    with pytest.raises(Killed):
        save(world, rows)
    assert not variable_values(world)
    assert {it.planned.key for it in preview(world, text) if it.is_ready} >= {"NAME"}


def test_five_hundred_keys(world: World) -> None:
    """One read for ten keys, and for each key one write and one of its mirror."""
    text = "".join(f"API_KEY_{number}=x\n" for number in range(500))
    rows = rows_of(text, preview(world, text, world.dev))
    with capture_logs() as log:
        outcomes = save(world, rows)
    calls = [it["operation"] for it in log if it["event"] == "store.call"]
    assert {it.outcome for it in outcomes} == {"saved"}
    assert {name: calls.count(name) for name in {*calls}} == {"current": 50, "put": 1_000}
