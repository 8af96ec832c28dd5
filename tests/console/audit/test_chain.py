"""A row edited, deleted or forged with SQL, past the triggers, is found (guarantee 10)."""

import uuid
from datetime import UTC, datetime
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.access.actors import Actor
from console.audit import chain, triggers
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.models import AuditEvent, AuditOutcome, AuditSeal

pytestmark = pytest.mark.both_databases

EVENTS, OUTCOMES, SEALS = (model._meta.db_table for model in (AuditEvent, AuditOutcome, AuditSeal))
BOB = Actor("web", "bob@example.org", 7, address="203.0.113.7", agent="Lynx/2.9", request_id="r")
COLUMNS = "at, action, actor_kind, actor, app_id, branch, subject, address, agent, request_id"


def write(number: int = 3) -> list[AuditEvent]:
    """Write this many audit events with their outcomes."""
    events = []
    for count in range(number):
        target = Target("d1shop", "main", f"KEY_{count}")
        event = attempt(BOB, Action.SECRET_REVEALED, target, version_before=1)
        conclude(event.pk, Outcome.SUCCEEDED, version_after=1, detail="as it was")
        events.append(event)
    return events


@pytest.fixture
def events(db: None) -> list[AuditEvent]:
    """Return three audit events with their links."""
    events = write()
    chain.append_links()
    return events


def sql(statement: str, *values: object) -> None:
    """Run a statement as an attacker with database access would, without the triggers."""
    triggers.drop(connection)
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        assert cursor.rowcount > 0
    triggers.create(connection)


def edit(table: str, pk: int, column: str, value: object) -> None:
    """Change a column of a row."""
    sql(f"UPDATE {table} SET {column} = %s WHERE id = %s", value, pk)  # noqa: S608 - ours


def delete(table: str, *pks: int) -> None:
    """Delete rows."""
    for pk in pks:
        sql(f"DELETE FROM {table} WHERE id = %s", pk)  # noqa: S608 - ours


def copy(pk: int, columns: str) -> int:
    """Copy columns of an audit event to a new row and return its id."""
    sql(
        f"INSERT INTO {EVENTS} ({columns}) SELECT {columns} FROM {EVENTS} WHERE id = %s",  # noqa: S608 - ours
        pk,
    )
    return AuditEvent.objects.order_by("pk").values_list("pk", flat=True).reverse()[0]


def verify(**options: Any) -> str:
    """Return the output of verify_audit."""
    out = StringIO()
    call_command("verify_audit", stdout=out, **options)
    return out.getvalue()


def problems(**options: Any) -> list[str]:
    """Return the problems that verify_audit reports, in order."""
    with pytest.raises(CommandError) as complaint:
        verify(**options)
    assert complaint.value.returncode == 1
    heading, *lines = str(complaint.value).splitlines()
    assert heading == "The audit trail is damaged. First affected row:"
    return lines


def damaged_rows(**options: Any) -> list[str]:
    """Return the rows that verify_audit reports."""
    return [line.partition(":")[0] for line in problems(**options)]


def test_it_works(events: list[AuditEvent]) -> None:
    response = verify()
    assert "6 rows verified, 0 newly linked." in response
    assert f"Head: {AuditSeal.objects.get(id=6)}" in response


@pytest.mark.parametrize("microseconds", [0, 1, 120_000, 123_000, 123_400, 123_450, 123_456])
def test_times_of_any_precision(events: list[AuditEvent], microseconds: int) -> None:
    at = datetime(2026, 11, 27, 12, 0, 0, microseconds, tzinfo=UTC)
    with time_machine.travel(at, tick=False):
        write(1)
        chain.append_links()
    assert AuditSeal.objects.filter(at=at).count() == 2
    assert "8 rows verified, 0 newly linked." in verify()


def test_what_has_to_be_escaped(events: list[AuditEvent]) -> None:
    change_set = uuid.uuid4()
    for subject in ('"\\', "\u2028\x1b[1m", "日本語 🔑", "{}, []: null", "\x7f"):
        event = attempt(BOB, Action.SECRET_REVEALED, Target(subject=subject), change_set=change_set)
        conclude(event.pk, Outcome.FAILED, detail=subject)
    assert "16 rows verified, 10 newly linked." in verify()


def test_many_unlinked_rows(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "LARGE_BATCH", 3)
    write(10)
    with CaptureQueriesContext(connection) as queries:
        assert chain.append_links(all_rows=True) == 20
    # Per batch of three rows per table: two reads, the head, the links, a transaction and a lock
    assert len(queries) <= 5 * (4 + 2 + 2)
    assert "20 rows verified, 0 newly linked." in verify()


def test_empty_log(db: None) -> None:
    assert "The audit trail is empty." in verify()


@pytest.mark.parametrize("sealed", [True, False], ids=["sealed", "not sealed yet"])
@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("actor", "alice@example.org"),
        ("actor_id", 8),
        ("actor_kind", "command"),
        ("action", "secret.change"),
        ("app_id", ""),
        ("app_id", "d2other"),
        ("branch", "dev"),
        ("subject", "KEY_2"),
        ("address", "203.0.113.8"),
        ("agent", ""),
        ("request_id", "s"),
        ("version_before", None),
        ("version_before", 2),
        ("change_set", "0" * 32),
        ("at", "1999-01-01 00:00:00+00:00"),
        ("mark", ""),
        ("mark", "0" * 88),
    ],
)
def test_event_is_edited(
    events: list[AuditEvent], column: str, value: object, sealed: bool
) -> None:
    event = write(1)[0]
    if sealed:
        chain.append_links()
    edit(EVENTS, event.pk, column, value)
    assert damaged_rows()[0] == f"auditevent {event.pk}"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("outcome", "denied"),
        ("detail", ""),
        ("version_after", 2),
        ("at", "1999-01-01 00:00:00+00:00"),
    ],
)
def test_outcome_is_edited(events: list[AuditEvent], column: str, value: object) -> None:
    outcome = events[1].outcomes.get()
    edit(OUTCOMES, outcome.pk, column, value)
    assert damaged_rows()[0] == f"auditoutcome {outcome.pk}"


def test_outcome_is_moved_to_another_event(events: list[AuditEvent]) -> None:
    outcome = events[1].outcomes.get()
    edit(OUTCOMES, outcome.pk, "event_id", events[0].pk)
    assert damaged_rows()[0] == f"auditoutcome {outcome.pk}"


@pytest.mark.parametrize("which", [0, 1, 2])
def test_row_is_deleted(events: list[AuditEvent], which: int) -> None:
    delete(EVENTS, events[which].pk)
    assert problems()[0] == (f"auditevent {events[which].pk}: The row was deleted or renumbered.")


def test_row_and_its_link_are_deleted(events: list[AuditEvent]) -> None:
    delete(EVENTS, events[0].pk)
    delete(SEALS, 1)
    assert damaged_rows()[0] == "link 1"


def test_ids_of_two_rows_are_swapped(events: list[AuditEvent]) -> None:
    first, second = events[0].pk, events[1].pk
    for old, new in ((first, -1), (second, first), (-1, second)):
        edit(EVENTS, old, "id", new)
    assert damaged_rows()[0] == f"auditevent {first}"


def test_row_is_forged(events: list[AuditEvent]) -> None:
    sql(
        "INSERT INTO console_auditevent (at, action, actor_kind, actor, app_id, branch, subject, "
        "address, agent, request_id, mark) VALUES (%s, 'secret.reveal', 'web', 'x@example.org', "
        "'d1shop', 'main', 'K', '', '', '', '')",
        timezone.now(),
    )
    forged = AuditEvent.objects.get(subject="K")
    for _ in range(2):  # linked or not
        assert problems() == [
            f"auditevent {forged.pk}: Branchkeep did not write this row: it has no signature."
        ]


def test_row_is_forged_with_the_mark_of_another(events: list[AuditEvent]) -> None:
    pk = copy(events[0].pk, f"{COLUMNS}, mark")
    assert f"auditevent {pk}" in damaged_rows()


def test_row_is_copied(events: list[AuditEvent]) -> None:
    pk = copy(events[0].pk, f"{COLUMNS}, actor_id, change_set, version_before, mark")
    assert problems() == [f"auditevent {pk}: The row is a copy of another row."]


@pytest.mark.parametrize(
    ("column", "value"),
    [("digest", "0" * 88), ("at", "1999-01-01 00:00:00+00:00"), ("row_id", 999_999)],
)
def test_link_is_edited(events: list[AuditEvent], column: str, value: object) -> None:
    edit(SEALS, 2, column, value)
    assert len(damaged_rows()) >= 1


@pytest.mark.parametrize("number", [7, 99, 2**63 - 1])
def test_link_is_forged(events: list[AuditEvent], number: int) -> None:
    sql(
        'INSERT INTO console_auditseal (id, "table", row_id, at, digest) '
        "VALUES (%s, 'auditevent', %s, %s, 'made up')",
        number,
        events[-1].pk + 1,
        timezone.now(),
    )
    write(1)
    chain.append_pending_links()  # must not fail a request
    first, *_ = problems()
    assert first.startswith("auditevent" if number == 7 else "link 7: Links before number")


def test_link_in_the_middle_is_deleted(events: list[AuditEvent]) -> None:
    delete(SEALS, 3)
    assert damaged_rows()[0] == "link 3"


def test_chain_is_rebuilt_without_the_key(events: list[AuditEvent], settings: Any) -> None:
    delete(OUTCOMES, events[0].outcomes.get().pk)
    delete(EVENTS, events[0].pk)
    delete(SEALS, *range(1, 7))
    ours, settings.AUDIT_KEYS = settings.AUDIT_KEYS, ["the key of the attacker"]
    chain.append_links(all_rows=True)
    settings.AUDIT_KEYS = ours
    [first, *_] = problems()
    assert first.startswith(f"auditevent {events[1].pk}: The row is signed with the key ")
    assert first.endswith(", which is not in AUDIT_KEYS.")


def test_end_is_cut_off(events: list[AuditEvent]) -> None:
    head = verify(head=True).strip()
    assert head == str(chain.head())
    last = AuditSeal.objects.get(id=6)
    delete(OUTCOMES, last.row_id)
    delete(SEALS, 6)
    assert "5 rows" in verify()  # undetectable without a kept head
    assert "The end of the trail was cut off" in problems(kept=[head])[0]
    write(1)
    assert f"link {head}" in problems(kept=[head])[0]


@pytest.mark.parametrize("kept", ["", "6", "x:y", "6:" + "0" * 88, "9" * 30 + ":a", "²:a"])
def test_unknown_head(events: list[AuditEvent], kept: str) -> None:
    assert len(problems(kept=[kept])) == 1
    assert "6 rows" in verify(kept=[str(AuditSeal.objects.get(id=3))])


def test_rows_from_before_the_chain(db: None) -> None:
    for event in write(2):
        edit(EVENTS, event.pk, "mark", "")
        edit(OUTCOMES, event.outcomes.get().pk, "mark", "")
    write(1)
    assert "6 rows verified, 6 newly linked." in verify()
    assert list(AuditSeal.objects.order_by("id").values_list("table", flat=True)) == [
        "auditevent", "auditevent", "auditoutcome", "auditoutcome", "auditevent", "auditoutcome",
    ]  # fmt: skip
    first = AuditEvent.objects.order_by("pk")[0]
    edit(EVENTS, first.pk, "actor", "x")
    assert damaged_rows()[0] == f"auditevent {first.pk}"


def test_key_changes(events: list[AuditEvent], settings: Any) -> None:
    old = settings.AUDIT_KEYS[0]
    settings.AUDIT_KEYS = ["a new key, " * 5, old]
    write(1)
    chain.append_links()
    assert "8 rows" in verify()
    settings.AUDIT_KEYS = settings.AUDIT_KEYS[:1]
    assert "which is not in AUDIT_KEYS" in problems()[0]


def test_more_rows_than_a_batch(events: list[AuditEvent], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 4)
    write(9)
    assert "24 rows verified, 18 newly linked." in verify()


def test_trigger_is_missing(events: list[AuditEvent]) -> None:
    triggers.drop(connection)
    with pytest.raises(CommandError) as complaint:
        verify()
    heading, *lines = str(complaint.value).splitlines()
    assert heading == "The rows are unchanged, but:"
    assert len(lines) == (6 if connection.vendor == "postgresql" else 9)
    assert all(line.startswith("trigger console_audit") for line in lines)
    call_command("migrate", verbosity=0)
    assert "6 rows" in verify()


@pytest.mark.postgres
def test_trigger_is_disabled(events: list[AuditEvent]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_auditevent DISABLE TRIGGER USER")
    with pytest.raises(CommandError, match="console_auditevent_append_only: Missing, disabled"):
        verify()


def test_row_that_is_committed_late(
    events: list[AuditEvent], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "LOOKBACK", 1)
    old = events[0].pk - 1_000
    event = AuditEvent(pk=old, action="secret.reveal", actor_kind="web", actor="late")
    event.save(force_insert=True)
    assert chain.append_links() == 0
    assert "7 rows verified, 1 newly linked." in verify()
