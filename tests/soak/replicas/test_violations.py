"""The proof detects each kind of violation in records that were tampered with."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.replicas.journal import StoreCall
from tests.soak.replicas.proof import violations
from tests.soak.replicas.records import Event, Outcome, ProjectedRow, Records, Reveal, SentRow

SECRET = ("dev", "KEY")
PATHS = {"/primary": (SECRET, False), "/mirror": (SECRET, True)}
NEWER = "bob changed this secret now (now version 2)."
RECREATED = "dan added this secret now (now version 1)."
BUSY = "dan is saving this secret right now. Save again in a few seconds."
GONE = "This secret has been removed. Add it again if you still need it."
Change = Callable[[Records], None]


def sent(
    user: str, base: int, sent: float, value: str | None, outcome: str, **more: Any
) -> SentRow:
    """Return a row of a Save, answered a second after it was sent."""
    times = {"requested": sent - 0.2, "loaded": sent - 0.1, "sent": sent, "answered": sent + 1}
    return SentRow(
        **{
            "user": user, "change_set": f"set of {user} {sent}", "secret": SECRET, "base": base,
            "value": value, "outcome": outcome, **times, **more,
        }
    )  # fmt: skip


def event(number: int, row: SentRow, action: str, outcome: str, version: int, **more: Any) -> Event:
    """Return the audit event of a row, with an outcome half a second later."""
    outcomes = (Outcome(row.sent + 0.6, outcome, version),)
    fields = {"at": row.sent + 0.1, "version_before": row.base, "outcomes": outcomes, **more}
    return Event(number, fields.pop("at"), row.user, action, SECRET, row.change_set, **fields)


def valid_records() -> Records:
    """Return a trial: add, change, conflict, reveal, remove, and a kill while adding."""
    added = sent("ann", 0, 10, "first", "saved", version=1)
    changed = sent("bob", 1, 20, "second", "saved", version=2)
    late = sent("ann", 1, 30, "late", "conflict", loaded=15, version=2, message=NEWER)
    removed = sent("cleo", 2, 50, None, "removed")
    gone = sent("fay", 2, 52, "in vain", "conflict", requested=49, loaded=49, message=GONE)
    cut_off = sent("dan", 0, 60, "third", "")
    busy = sent("eve", 0, 62, "busy", "conflict", message=BUSY)
    settled = (Outcome(90, "settled", 1, "The store holds version 1: it was written."),)
    return Records(
        sent=[added, changed, late, removed, gone, cut_off, busy],
        reveals=[Reveal("bob", SECRET, 40, 41, 200, "second")],
        events=[
            event(1, added, "secret.create", "succeeded", 1),
            event(2, changed, "secret.change", "succeeded", 2),
            Event(3, 40.1, "bob", "secret.reveal", SECRET, "", 2, (Outcome(40.2, "succeeded", 2),)),
            event(4, removed, "secret.remove", "succeeded", 0),
            event(5, cut_off, "secret.create", "", 0, outcomes=settled),
        ],
        journal=[
            StoreCall(10.2, "put", "/primary", 1, "first"),
            StoreCall(10.3, "put", "/mirror", 1, "first"),
            StoreCall(20.2, "put", "/primary", 2, "second"),
            StoreCall(20.3, "put", "/mirror", 2, "second"),
            StoreCall(50.2, "delete", "/primary"),
            StoreCall(50.2, "delete", "/mirror"),
            StoreCall(60.2, "put", "/primary", 1, "third"),
        ],
        copies=[StoreCall(50.1, "put", "/bin", 1, "second")],
        history={"/primary": [(1, "third")], "/mirror": []},
        rows={SECRET: ProjectedRow(1, "missing")},
        paths=PATHS,
        kills=[(60.3, 60.4)],
    )


def test_it_works() -> None:
    assert violations(valid_records()) == []


def conflict_with_recreated(requested: float) -> SentRow:
    """Return a conflict of a page at version 1 with dan's secret, also at version 1."""
    response = {"version": 1, "message": RECREATED}
    return sent(
        "gil",
        1,
        63,
        "late too",
        "conflict",
        requested=requested,
        loaded=requested + 0.1,
        **response,
    )


def test_a_recreated_secret_may_have_the_pages_version() -> None:
    records = valid_records()
    records.sent.append(conflict_with_recreated(requested=12))
    assert violations(records) == []


def edit(name: str, at: int, **fields: Any) -> Change:
    """Return a change of one record."""

    def change(records: Records) -> None:
        rows = getattr(records, name)
        rows[at] = replace(rows[at], **fields)

    return change


def drop(name: str, *at: int) -> Change:
    """Return a change that removes records."""

    def change(records: Records) -> None:
        rows = getattr(records, name)
        rows[:] = [row for number, row in enumerate(rows) if number not in at]

    return change


def add(name: str, row: object) -> Change:
    """Return a change that appends a record."""
    return lambda records: getattr(records, name).append(row)


def duplicate(name: str, at: int, **fields: Any) -> Change:
    """Return a change that appends a copy of a record."""

    def change(records: Records) -> None:
        getattr(records, name).append(replace(getattr(records, name)[at], **fields))

    return change


def both(one: Change, other: Change) -> Change:
    """Return two changes, one after the other."""

    def change(records: Records) -> None:
        one(records)
        other(records)

    return change


def outcomes(*names: str, version: int = 2) -> tuple[Outcome, ...]:
    """Return outcomes of an event."""
    return tuple(Outcome(20.6, name, version) for name in names)


# The start of the expected violation, and the change that causes it
TAMPERED = {
    "Lost: bob": drop("journal", 2),
    "Removed without a copy: cleo": drop("copies", 0),
    "Lost: ann": edit("sent", 0, version=2),
    "Not removed: cleo": drop("journal", 4, 5),
    "Not sent by any user": add("journal", StoreCall(70, "put", "/primary", 2, "strange")),
    "Written to an unknown path": add("journal", StoreCall(70, "put", "/else", 1, "first")),
    "Written despite the response": add("journal", StoreCall(70, "put", "/primary", 2, "late")),
    "Written 2 times": add("journal", StoreCall(70, "put", "/primary", 2, "third")),
    "Overwritten unseen: State(at=10.2": edit("sent", 1, loaded=10.1),
    "Overwritten unseen: State(at=20.2": edit("sent", 3, base=1),
    "Audited 2 times: bob": duplicate("events", 1, number=9),
    "Audited 2 times: Reveal": both(duplicate("events", 2, number=9), edit("reveals", 0, status=0)),
    "A reveal of version 2 is audited as [Event(number=3": duplicate("events", 2, number=9),
    "Not audited: bob": drop("events", 1),
    "Outcomes are ()": edit("events", 1, outcomes=()),
    "Outcomes are ('succeeded', 'succeeded')": edit(
        "events", 1, outcomes=outcomes("succeeded", "succeeded")
    ),
    "Outcomes are ('unknown',)": edit("events", 4, outcomes=outcomes("unknown")),
    "Audited as secret.change failed": edit("events", 1, outcomes=outcomes("failed")),
    "Audited as secret.change settled": edit("events", 1, outcomes=outcomes("settled")),
    "Audited as secret.remove succeeded": edit("events", 1, action="secret.remove"),
    "Audited as version 7:": edit("events", 1, outcomes=outcomes("succeeded", version=7)),
    "Audited with version 7 before": edit("events", 1, version_before=7),
    "Audited as version 1 but not written": drop("journal", 6),
    "Version 1 was written but audited as": edit(
        "events", 4, outcomes=(Outcome(90, "settled", 0),)
    ),
    "An audit event without a request": edit("events", 1, actor="zoe"),
    "A reveal event without a request": edit("events", 2, actor="zoe"),
    "Reported as changed outside Branchkeep": duplicate(
        "events", 1, number=9, action="found.change"
    ),
    "A removal of ('dev', 'KEY') at 50.2": edit(
        "events", 3, outcomes=(Outcome(50.6, "failed", 0),)
    ),
    "A false conflict: ann": edit("sent", 2, message=NEWER.replace("bob", "cleo")),
    "A false conflict: ann, ('dev', 'KEY'), value late on version 2": edit("sent", 2, base=2),
    "A false conflict: gil": lambda records: records.sent.append(
        conflict_with_recreated(requested=61)
    ),
    "A false conflict: eve": edit("sent", 6, message=BUSY.replace("dan", "cleo")),
    "A false conflict: eve, ('dev', 'KEY')": edit("sent", 6, sent=95, answered=96),
    "A false conflict: fay": edit("sent", 4, requested=60, loaded=60, sent=60, answered=60.1),
    "('dev', 'KEY') shows ProjectedRow(version=2": lambda records: records.rows.update(
        {SECRET: ProjectedRow(2, "m")}
    ),
    "('dev', 'KEY') shows None": lambda records: records.rows.clear(),
    "('dev', 'KEY') is left over": lambda records: records.rows.update(
        {SECRET: ProjectedRow(1, "missing", is_leased=True)}
    ),
    "('dev', 'KEY'): the mirror differs": lambda records: records.rows.update(
        {SECRET: ProjectedRow(1)}
    ),
    "The store's history of /primary": lambda records: records.history.update({"/primary": []}),
    "Revealed a value that the store did not hold": edit("reveals", 0, value="first"),
    "A reveal of version 2 is audited as []": drop("events", 2),
    "A reveal of version 2 is audited as [Event": edit("events", 2, outcomes=outcomes("failed")),
    "Status 404 is audited as": edit("reveals", 0, status=404),
    "An unexpected response: Reveal": edit("reveals", 0, status=500),
    "An unexpected response: SentRow": edit("sent", 6, outcome="status 500"),
    "No response, and nothing was killed: SentRow": lambda records: records.kills.clear(),
    "No response, and nothing was killed: Reveal": edit("reveals", 0, status=0),
    "The audit chain is broken": add("chain_breaks", "auditevent 3"),
}


@pytest.mark.parametrize("violation", TAMPERED)
def test_tampering_is_detected(violation: str) -> None:
    records = valid_records()
    TAMPERED[violation](records)
    found = violations(records)
    assert any(line.startswith(violation) for line in found), found
