"""What the matrix shows: its query parameters, and the chips that filter its rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from django.utils import timezone

from console.web.lists.chips import Chip
from console.workflows.matrix import Matrix, Place, Row, State

DEPLOYMENT = "deployment"
DIFFERENT = "different"
PERIODS = {"1": "24 hours", "7": "7 days", "30": "30 days"}
DEFAULT_PERIOD = "1"


@dataclass(frozen=True)
class Filter:
    """A way to filter the rows, by the name that the parameter `show` has."""

    name: str
    label: str
    icon: str
    accepts: Callable[[Row], Any]
    tone: str = ""


@dataclass(frozen=True)
class Query:
    """The parameters of the page. Invalid ones fall back to their defaults."""

    q: str
    kind: str
    show: str
    since: str
    is_connected: bool

    @classmethod
    def of(cls, parameters: Mapping[str, str], *, is_connected: bool) -> "Query":
        """Parse a query string."""
        since = parameters.get("since", "")
        if since not in PERIODS:
            since = DEPLOYMENT if is_connected else DEFAULT_PERIOD
        kind, show = (parameters.get(name, "")[:20] for name in ("kind", "show"))
        q = parameters.get("q", "").strip()[:200]
        return cls(q, kind, show, since, is_connected)

    @cached_property
    def moment(self) -> datetime | None:
        """Return since when changes count, None for each branch's last deployment."""
        if self.since == DEPLOYMENT:
            return None
        return timezone.now() - timedelta(days=int(self.since))

    @property
    def periods(self) -> list[tuple[str, str]]:
        """Return the choices of `since`."""
        deployment = [(DEPLOYMENT, "since the last deployment")] if self.is_connected else []
        return [*deployment, *((days, f"in the last {label}") for days, label in PERIODS.items())]

    @property
    def period(self) -> str:
        """Return since when changes count, in words."""
        return dict(self.periods)[self.since]

    def address(self, **changes: str) -> str:
        """Return the query string with other parameters, or "?"."""
        default = DEPLOYMENT if self.is_connected else DEFAULT_PERIOD
        since = "" if self.since == default else self.since
        kept = {"q": self.q, "kind": self.kind, "show": self.show, "since": since, **changes}
        return "?" + urlencode({name: value for name, value in kept.items() if value})

    def found(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows with the right kind and key."""
        wanted = self.q.casefold()
        return [
            row
            for row in rows
            if self.kind in {"", row.source.noun} and wanted in row.key.casefold()
        ]


def filters(matrix: Matrix, query: Query, different: Set[Place]) -> list[Filter]:
    """Return the filters that a page offers. `different` is where values aren't production's."""
    keys = {(noun, key) for noun, key, _ in different}
    found = [
        Filter("missing", "Missing anywhere", "close", lambda it: it.is_missing, "bad"),
        Filter("overrides", "Overrides", "override", lambda it: it.is_overridden),
        Filter("alone", "On one branch only", "branch", lambda it: it.is_alone),
        Filter("pending", "Pending", "clock", lambda it: it.is_pending),
        Filter("changed", _changed_label(query), "clock", lambda it: it.is_changed),
    ]
    if matrix.previews:
        found.append(Filter("offered", "To copy to previews", "copy", lambda it: it.is_offered))
    if matrix.production:
        missing = f"Missing on {matrix.production}"
        label = f"Different from {matrix.production}"
        found.insert(0, Filter("missing-production", missing, "close", _misses_first, "bad"))
        found.insert(2, Filter(DIFFERENT, label, "differs", lambda it: _name_of(it) in keys))
    return found


def _name_of(row: Row) -> tuple[str, str]:
    return row.source.noun, row.key


def _misses_first(row: Row) -> bool:
    return row.states[0] is State.MISSING


def _changed_label(query: Query) -> str:
    if query.since == DEPLOYMENT:
        return "Changed since the last deployment"
    return f"Changed in {PERIODS[query.since]}"


def chips(
    query: Query, offered: Sequence[Filter], rows: Sequence[Row], *, form: str = ""
) -> list[Chip]:
    """Return a chip for each filter, with the number of rows that match it.

    `form` is the form that shows what is different, once it has been posted.
    """
    return [
        Chip(
            it.label,
            sum(bool(it.accepts(row)) for row in rows),
            query.address(show="" if it.name == query.show else it.name),
            it.icon,
            it.tone,
            it.name == query.show,
            form if it.name == DIFFERENT else "",
        )
        for it in offered
    ]


def shown(query: Query, offered: Sequence[Filter], rows: Sequence[Row]) -> Sequence[Row]:
    """Return the rows that match the current filter."""
    for it in offered:
        if it.name == query.show:
            return [row for row in rows if it.accepts(row)]
    return rows
