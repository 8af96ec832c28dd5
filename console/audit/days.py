"""Numbers of events per day, for the bars above the activity."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

from django.utils import timezone

from console.audit.presentation import Entry
from console.audit.queries import Filter, matching

DAYS = 28
LIMIT = 10_000  # newest events that are counted
HEIGHT = 20  # of the highest bar


@dataclass(frozen=True, slots=True)
class Day:
    """A day, and how many events match. `number` None is not known, because there are too many."""

    date: date
    number: int | None
    highest: int
    is_chosen: bool

    @property
    def first(self) -> str:
        """Return its first minute, as the filter takes it."""
        return f"{self.date}T00:00"

    @property
    def last(self) -> str:
        """Return its last minute."""
        return f"{self.date}T23:59"

    @property
    def label(self) -> str:
        """Return what is read out for its bar."""
        many = "too many events to count" if self.number is None else f"{self.number} events"
        return f"{self.date:%b} {self.date.day}: {'1 event' if self.number == 1 else many}"

    @property
    def height(self) -> str:
        """Return the height of its bar. A day without events has a line."""
        return f"{max(HEIGHT * (self.number or 0) / max(self.highest, 1), 0.4):.1f}"

    @property
    def top(self) -> str:
        """Return where its bar begins."""
        return f"{HEIGHT - float(self.height):.1f}"


@dataclass(frozen=True, slots=True)
class DayOfEntries:
    """The entries of one day on a page. `number` of all events is None if it is not known."""

    date: date
    name: str  # "Today", "Yesterday", or ""
    number: int | None
    entries: Sequence[Entry]


def by_day(entries: Iterable[Entry], days: Sequence[Day], zone: ZoneInfo) -> list[DayOfEntries]:
    """Group entries by their days in a time zone. Takes no query."""
    today = timezone.now().astimezone(zone).date()
    names = {today: "Today", today - timedelta(days=1): "Yesterday"}
    numbers = {day.date: day.number for day in days}
    grouped = groupby(entries, lambda entry: entry.at.astimezone(zone).date())
    return [
        DayOfEntries(day, names.get(day, ""), numbers.get(day), [*found]) for day, found in grouped
    ]


def days_of(filters: Filter, zone: ZoneInfo) -> Sequence[Day]:
    """Return the last days in a time zone, oldest first. Takes one query."""
    today = timezone.now().astimezone(zone).date()
    dates = [today - timedelta(days=ago) for ago in reversed(range(DAYS))]
    events = matching(replace(filters, since=_start(dates[0], zone), until=None))
    times = [*events.values_list("at", flat=True)[:LIMIT]]
    numbers = Counter(at.astimezone(zone).date() for at in times)
    # The oldest day that was reached has more events than were counted
    is_cut = len(times) == LIMIT
    known = times[-1].astimezone(zone).date() + timedelta(days=1) if is_cut else dates[0]
    highest = max((number for day, number in numbers.items() if day >= known), default=0)
    return [
        Day(
            day,
            numbers[day] if day >= known else None,
            highest,
            _is_chosen(filters, day, zone),
        )
        for day in dates
    ]


def _start(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _is_chosen(filters: Filter, day: date, zone: ZoneInfo) -> bool:
    last = datetime.combine(day, time(23, 59), zone)
    return (filters.since, filters.until) == (_start(day, zone), last)
