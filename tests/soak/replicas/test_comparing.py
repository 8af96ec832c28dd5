"""The proof can fail: records that were tampered with are complained of, each for its reason."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.soak.replicas.journal import Act
from tests.soak.replicas.proof import complaints
from tests.soak.replicas.records import End, Entry, Records, Reveal, Row, Sent

PLACE = ("dev", "KEY")
PATHS = {"/primary": (PLACE, False), "/mirror": (PLACE, True)}
NEWER = "bob changed this secret now (now version 2)."
ANEW = "dan added this secret now (now version 1)."
BUSY = "dan is saving this secret right now. Save again in a few seconds."
GONE = "This secret has been removed. Add it again if you still need it."
Change = Callable[[Records], None]


def sent(who: str, base: int, sent: float, value: str | None, answer: str, **more: Any) -> Sent:
    """Return a row of a Save, answered a second after it was sent; its page came just before."""
    times = {"asked": sent - 0.2, "seen": sent - 0.1, "sent": sent, "heard": sent + 1}
    return Sent(
        **{
            "who": who, "change_set": f"set of {who} {sent}", "place": PLACE, "base": base,
            "value": value, "answer": answer, **times, **more,
        }
    )  # fmt: skip


def entry(number: int, row: Sent, action: str, outcome: str, version: int, **more: Any) -> Entry:
    """Return the attempt of a row, and its end half a second later."""
    ends = (End(row.sent + 0.6, outcome, version),)
    fields = {"at": row.sent + 0.1, "before": row.base, "ends": ends, **more}
    return Entry(number, fields.pop("at"), row.who, action, PLACE, row.change_set, **fields)


def honest() -> Records:
    """Add, change, conflict, reveal, remove, a kill in the midst of adding, and what follows."""
    added = sent("ann", 0, 10, "first", "saved", version=1)
    changed = sent("bob", 1, 20, "second", "saved", version=2)
    late = sent("ann", 1, 30, "late", "conflict", seen=15, version=2, message=NEWER)
    removed = sent("cleo", 2, 50, None, "removed")
    gone = sent("fay", 2, 52, "in vain", "conflict", asked=49, seen=49, message=GONE)
    cut_off = sent("dan", 0, 60, "third", "")
    busy = sent("eve", 0, 62, "busy", "conflict", message=BUSY)
    settled = (End(90, "settled", 1, "The store holds version 1: it was written."),)
    return Records(
        sent=[added, changed, late, removed, gone, cut_off, busy],
        reveals=[Reveal("bob", PLACE, 40, 41, 200, "second")],
        trail=[
            entry(1, added, "secret.create", "succeeded", 1),
            entry(2, changed, "secret.change", "succeeded", 2),
            Entry(3, 40.1, "bob", "secret.reveal", PLACE, "", 2, (End(40.2, "succeeded", 2),)),
            entry(4, removed, "secret.remove", "succeeded", 0),
            entry(5, cut_off, "secret.create", "", 0, ends=settled),
        ],
        journal=[
            Act(10.2, "put", "/primary", 1, "first"),
            Act(10.3, "put", "/mirror", 1, "first"),
            Act(20.2, "put", "/primary", 2, "second"),
            Act(20.3, "put", "/mirror", 2, "second"),
            Act(50.2, "delete", "/primary"),
            Act(50.2, "delete", "/mirror"),
            Act(60.2, "put", "/primary", 1, "third"),
        ],
        history={"/primary": [(1, "third")], "/mirror": []},
        rows={PLACE: Row(1, "missing")},
        paths=PATHS,
        kills=[(60.3, 60.4)],
    )


def test_it_works() -> None:
    assert complaints(honest()) == []


def blind(asked: float) -> Sent:
    """Return a row on version 1 that was told dan's, which has that version too."""
    told = {"version": 1, "message": ANEW}
    return sent("gil", 1, 63, "blind", "conflict", asked=asked, seen=asked + 0.1, **told)


def test_another_life_may_have_the_pages_version() -> None:
    records = honest()
    records.sent.append(blind(asked=12))
    assert complaints(records) == []


def edit(name: str, at: int, **fields: Any) -> Change:
    """Return what changes a record."""

    def change(records: Records) -> None:
        rows = getattr(records, name)
        rows[at] = replace(rows[at], **fields)

    return change


def drop(name: str, *at: int) -> Change:
    """Return what takes records out."""

    def change(records: Records) -> None:
        rows = getattr(records, name)
        rows[:] = [row for number, row in enumerate(rows) if number not in at]

    return change


def add(name: str, row: object) -> Change:
    """Return what puts a record in at the end."""
    return lambda records: getattr(records, name).append(row)


def again(name: str, at: int, **fields: Any) -> Change:
    """Return what doubles a record."""

    def change(records: Records) -> None:
        getattr(records, name).append(replace(getattr(records, name)[at], **fields))

    return change


def both(one: Change, other: Change) -> Change:
    """Return what does one thing and then another."""

    def change(records: Records) -> None:
        one(records)
        other(records)

    return change


def ends(*outcomes: str, version: int = 2) -> tuple[End, ...]:
    """Return ends of an entry."""
    return tuple(End(20.6, outcome, version) for outcome in outcomes)


TAMPERED = {
    "Lost: bob": drop("journal", 2),
    "Lost: ann": edit("sent", 0, version=2),
    "Not removed: cleo": drop("journal", 4, 5),
    "A value that nobody sent": add("journal", Act(70, "put", "/primary", 2, "strange")),
    "Written to a path that is nobody's": add("journal", Act(70, "put", "/else", 1, "first")),
    "Written, though told otherwise": add("journal", Act(70, "put", "/primary", 2, "late")),
    "Written 2 times": add("journal", Act(70, "put", "/primary", 2, "third")),
    "Overwritten unseen: State(at=10.2": edit("sent", 1, seen=10.1),
    "Overwritten unseen: State(at=20.2": edit("sent", 3, base=1),
    "Audited 2 times: bob": again("trail", 1, number=9),
    "Audited 2 times: Reveal": both(again("trail", 2, number=9), edit("reveals", 0, status=0)),
    "A reveal of version 2 is audited as [Entry(number=3": again("trail", 2, number=9),
    "Not audited: bob": drop("trail", 1),
    "Ended as ()": edit("trail", 1, ends=()),
    "Ended as ('succeeded', 'succeeded')": edit("trail", 1, ends=ends("succeeded", "succeeded")),
    "Ended as ('unknown',)": edit("trail", 4, ends=ends("unknown")),
    "The trail has secret.change failed": edit("trail", 1, ends=ends("failed")),
    "The trail has secret.change settled": edit("trail", 1, ends=ends("settled")),
    "The trail has secret.remove succeeded": edit("trail", 1, action="secret.remove"),
    "The trail has version 7, and he was told": edit("trail", 1, ends=ends("succeeded", version=7)),
    "The trail has version 7 before": edit("trail", 1, before=7),
    "The trail has version 1, and nothing was written": drop("journal", 6),
    "Version 1 was written": edit("trail", 4, ends=(End(90, "settled", 0),)),
    "An entry of what nobody did": edit("trail", 1, who="zoe"),
    "An entry of a reveal that nobody asked for": edit("trail", 2, who="zoe"),
    "Somebody outside is accused": again("trail", 1, number=9, action="found.change"),
    "A removal of ('dev', 'KEY') at 50.2": edit("trail", 3, ends=(End(50.6, "failed", 0),)),
    "A dishonest conflict: ann": edit("sent", 2, message=NEWER.replace("bob", "cleo")),
    "A dishonest conflict: ann, ('dev', 'KEY'), value late on version 2": edit("sent", 2, base=2),
    "A dishonest conflict: gil": lambda records: records.sent.append(blind(asked=61)),
    "A dishonest conflict: eve": edit("sent", 6, message=BUSY.replace("dan", "cleo")),
    "A dishonest conflict: eve, ('dev', 'KEY')": edit("sent", 6, sent=95, heard=96),
    "A dishonest conflict: fay": edit("sent", 4, asked=60, seen=60, sent=60, heard=60.1),
    "('dev', 'KEY') shows Row(version=2": lambda records: records.rows.update({PLACE: Row(2, "m")}),
    "('dev', 'KEY') shows None": lambda records: records.rows.clear(),
    "('dev', 'KEY') is left over": lambda records: records.rows.update(
        {PLACE: Row(1, "missing", claimed=True)}
    ),
    "('dev', 'KEY'): the mirror differs": lambda records: records.rows.update({PLACE: Row(1)}),
    "The store's history of /primary": lambda records: records.history.update({"/primary": []}),
    "Revealed what the store did not hold": edit("reveals", 0, value="first"),
    "A reveal of version 2 is audited as []": drop("trail", 2),
    "A reveal of version 2 is audited as [Entry": edit("trail", 2, ends=ends("failed")),
    "Status 404 is audited as": edit("reveals", 0, status=404),
    "A strange answer: Reveal": edit("reveals", 0, status=500),
    "A strange answer: Sent": edit("sent", 6, answer="status 500"),
    "No answer, and nothing was killed: Sent": lambda records: records.kills.clear(),
    "No answer, and nothing was killed: Reveal": edit("reveals", 0, status=0),
    "The audit chain is broken": add("chain", "auditevent 3"),
}


@pytest.mark.parametrize("complaint", TAMPERED)
def test_what_was_tampered_with_is_complained_of(complaint: str) -> None:
    records = honest()
    TAMPERED[complaint](records)
    found = complaints(records)
    assert any(line.startswith(complaint) for line in found), found
