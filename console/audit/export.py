"""Export the activity: exactly what is filtered, streamed. An export is itself an audit event."""

import json
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Max

from console.access import acts
from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.queries import ATTEMPTED, Filter, matching
from console.conf.signing import json_value
from console.db import prepared_statements
from console.lib.text import csv
from console.models import AuditEvent, AuditOutcome

CHUNK = 500  # entries per query, so that no transaction stays open while a slow client downloads

COLUMNS = {
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
    "Origin entry": "origin",
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
    """A file format: its label, extension, content type, and how entries become lines."""

    label: str
    extension: str
    content_type: str
    lines: Callable[[Iterable[Any]], Iterator[str]]


def export(*, actor: Actor, filters: Filter, format: Format) -> Generator[str]:
    """Record an export and return the lines of the file.

    The caller has checked the permission. The attempt is committed before anything is read. The
    outcome says how many entries were sent, and is "failed" if the download was cut off. Raises
    ConfirmationRequired.
    """
    acts.require_recent_always(actor, Action.AUDIT_EXPORTED)
    # Read first: the export's own entry, and later ones, are not part of it.
    newest = AuditEvent.objects.aggregate(newest=Max("pk"))["newest"] or 0
    target = Target(filters.app, subject=f"{format.label}: {filters.describe()}")
    with transaction.atomic(durable=True):
        event = attempt(actor, Action.AUDIT_EXPORTED, target)
    return _stream(event.pk, filters, newest, format)


def _stream(event_id: int, filters: Filter, newest: int, format: Format) -> Generator[str]:
    exported = _Counter(_entries(filters, newest))
    outcome = Outcome.FAILED
    try:
        yield from format.lines(exported)
        outcome = Outcome.SUCCEEDED
    finally:
        # Also runs if the client disconnects, because the server then closes the generator.
        conclude(event_id, outcome, detail=_count_text(exported.number))


class _Counter:
    """Counts the entries that pass through it."""

    def __init__(self, entries: Iterator[Any]) -> None:
        self.number = 0
        self._entries = entries

    def __iter__(self) -> Iterator[Any]:
        for entry in self._entries:
            self.number += 1
            yield entry


def _count_text(number: int) -> str:
    return "1 entry" if number == 1 else f"{number:,} entries"


def _entries(filters: Filter, newest: int) -> Iterator[Any]:
    """Yield the entries up to `newest`, newest first."""
    below = newest + 1
    while chunk := _chunk(filters, below):
        yield from _with_all_outcomes(chunk)
        below = chunk[-1].pk


@prepared_statements.custom_plans()
def _chunk(filters: Filter, below: int) -> list[Any]:
    return list(matching(filters).filter(pk__lt=below)[:CHUNK])


def _with_all_outcomes(events: list[Any]) -> list[Any]:
    outcomes: dict[int, list[AuditOutcome]] = {}
    for outcome in AuditOutcome.objects.filter(event__in=[event.pk for event in events]):
        outcomes.setdefault(outcome.event_id, []).append(outcome)
    for event in events:
        event.all_outcomes = outcomes.get(event.pk, [])
    return events


def _csv(events: Iterable[Any]) -> Iterator[str]:
    rows = ([_cell(event, name) for name in COLUMNS.values()] for event in events)
    return csv.lines(list(COLUMNS), rows)


def _cell(event: Any, name: str) -> object:
    value = getattr(event, name)
    return value or ATTEMPTED if name == "last_outcome" else json_value(value)


def _json_lines(events: Iterable[Any]) -> Iterator[str]:
    """Yield one JSON line per entry with all its outcomes.

    ASCII only, so that no character breaks a line.
    """
    for event in events:
        yield json.dumps(_to_dict(event)).replace("\x7f", "\\u007f") + "\n"


def _to_dict(event: Any) -> dict[str, Any]:
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
