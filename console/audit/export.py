"""The activity as a file: exactly what is filtered, streamed, and itself in the activity."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.queries import ATTEMPTED, Filter, matching
from console.conf.signing import json_value
from console.db import prepared_statements
from console.lib import csv
from console.models import AuditEvent, AuditOutcome

CHUNK = 500  # entries at a time: no transaction stays open while somebody's line is slow

HEADS = {
    "Entry": "id",
    "Time (UTC)": "at",
    "Person": "actor",
    "Through": "actor_kind",
    "Action": "action",
    "App": "app_id",
    "Branch": "branch",
    "Subject": "subject",
    "Version before": "version_before",
    "Version after": "version_after",
    "Outcome": "last_outcome",
    "Outcome time (UTC)": "last_at",
    "Detail": "last_detail",
    "Address": "address",
    "Agent": "agent",
    "Request": "request_id",
    "Change set": "change_set",
}


@dataclass(frozen=True)
class Format:
    """A kind of file: its name's ending, its type, and how entries become its lines."""

    words: str
    ending: str
    content_type: str
    lines: Callable[[Iterable[Any]], Iterator[str]]


def export(*, actor: Actor, asked: Filter, format: Format) -> Generator[str]:
    """Record that the actor exports what the filter asks for, and return the file's lines.

    The caller has checked that he may see it. The attempt is committed before anything is read; how
    many entries were handed out is its outcome, and one that was cut short failed.
    """
    newest = AuditEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    target = Target(asked.app, subject=f"{format.words}: {asked.words()}")
    with transaction.atomic(durable=True):
        event = attempt(actor, Action.AUDIT_EXPORTED, target)
    return _recorded(event.pk, asked, newest, format)


def _recorded(event_id: int, asked: Filter, newest: int, format: Format) -> Generator[str]:
    handed = _Counted(_entries(asked, newest))
    outcome = Outcome.FAILED
    try:
        yield from format.lines(handed)
        outcome = Outcome.SUCCEEDED
    finally:
        conclude(event_id, outcome, detail=_count(handed.number))


class _Counted:
    """Counts what goes through."""

    def __init__(self, entries: Iterator[Any]) -> None:
        self.number = 0
        self._entries = entries

    def __iter__(self) -> Iterator[Any]:
        for entry in self._entries:
            self.number += 1
            yield entry


def _count(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"


def _entries(asked: Filter, newest: int) -> Iterator[Any]:
    """Yield the entries up to `newest`, newest first."""
    below = newest + 1
    while chunk := _chunk(asked, below):
        yield from _with_all_outcomes(chunk)
        below = chunk[-1].pk


@prepared_statements.custom_plans()
def _chunk(asked: Filter, below: int) -> list[Any]:
    return list(matching(asked).filter(pk__lt=below)[:CHUNK])


def _with_all_outcomes(events: list[Any]) -> list[Any]:
    outcomes: dict[int, list[AuditOutcome]] = {}
    for outcome in AuditOutcome.objects.filter(event__in=[event.pk for event in events]):
        outcomes.setdefault(outcome.event_id, []).append(outcome)
    for event in events:
        event.all_outcomes = outcomes.get(event.pk, [])
    return events


def _csv(events: Iterable[Any]) -> Iterator[str]:
    rows = ([_cell(event, name) for name in HEADS.values()] for event in events)
    return csv.lines(list(HEADS), rows)


def _cell(event: Any, name: str) -> object:
    value = getattr(event, name)
    return value or ATTEMPTED if name == "last_outcome" else json_value(value)


def _json_lines(events: Iterable[Any]) -> Iterator[str]:
    """Yield an entry a line, with every outcome that it had; ASCII, so that a line is a line."""
    for event in events:
        yield json.dumps(_described(event)).replace("\x7f", "\\u007f") + "\n"


def _described(event: Any) -> dict[str, Any]:
    fields = [field.attname for field in event._meta.concrete_fields if field.name != "mark"]
    ends = ("at", "outcome", "version_after", "detail")
    return {
        **{name: json_value(getattr(event, name)) for name in fields},
        "outcome": event.last_outcome or ATTEMPTED,
        "outcomes": [
            {name: json_value(getattr(outcome, name)) for name in ends}
            for outcome in event.all_outcomes
        ],
    }


FORMATS = {
    "csv": Format("CSV", "csv", csv.CONTENT_TYPE, _csv),
    "jsonl": Format("JSON lines", "jsonl", "application/x-ndjson", _json_lines),
}
