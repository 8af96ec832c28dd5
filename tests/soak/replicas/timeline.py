"""The records of a trial, indexed so that they can be compared."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.soak.replicas.records import Event, Records, ScopedKey, SentRow

WRITES = {"secret.create", "secret.change"}
REMOVALS = {"secret.remove"}
DONE = {"succeeded", "settled"}
COMMIT = 1.0  # seconds that a commit may take


@dataclass(frozen=True)
class State:
    """What the store held for a secret from a moment on; version 0 is nothing."""

    at: float
    version: int = 0
    value: str = ""


@dataclass
class Timeline:
    """The states of every secret, and the Save and the audit event behind each."""

    records: Records
    states: dict[ScopedKey, list[State]] = field(default_factory=lambda: defaultdict(list))
    mirrors: dict[ScopedKey, list[State]] = field(default_factory=lambda: defaultdict(list))
    by_value: dict[tuple[ScopedKey, str], SentRow] = field(default_factory=dict)
    events: dict[ScopedKey, list[Event]] = field(default_factory=lambda: defaultdict(list))
    events_of: dict[SentRow, list[Event]] = field(default_factory=dict)
    row_of: dict[int, SentRow] = field(default_factory=dict)  # by the event's number

    def __post_init__(self) -> None:
        for call in self.records.journal:
            if call.path in self.records.paths:
                secret, is_mirror = self.records.paths[call.path]
                states = (self.mirrors if is_mirror else self.states)[secret]
                states.append(State(call.at, call.version, call.value))
        for event in self.records.events:
            self.events[event.secret].append(event)
        for row in self.records.sent:
            if row.value:
                self.by_value[row.secret, row.value] = row
            caused = [event for event in self.events[row.secret] if event.belongs_to(row)]
            self.events_of[row] = caused
            self.row_of |= {event.number: row for event in caused}

    def during(self, secret: ScopedKey, start: float, end: float) -> list[State]:
        """Return the states that a secret was in at any moment from `start` to `end`."""
        states = [State(0), *self.states[secret]]
        ends = [*[state.at for state in states[1:]], float("inf")]
        return [s for s, until in zip(states, ends, strict=True) if s.at <= end and until >= start]

    def was_under_way(self, event: Event, start: float, end: float) -> bool:
        """Return True if an attempt was running at any moment from `start` to `end`.

        An outcome is committed after the time that it carries, but before the user's response.
        """
        over = event.outcomes[-1].at + COMMIT if event.outcomes else float("inf")
        if (row := self.row_of.get(event.number)) and row.outcome:
            over = row.answered
        return event.at <= end and over >= start

    def removals_at(self, secret: ScopedKey, at: float) -> list[Event]:
        """Return the successful removals that were running at a moment."""
        removals = [e for e in self.events[secret] if e.action in REMOVALS and e.is_done]
        return [event for event in removals if event.at <= at <= event.outcomes[-1].at]

    def cause_of(self, secret: ScopedKey, state: State) -> SentRow | None:
        """Return the row of a Save that led to a state."""
        if state.version:
            return self.by_value.get((secret, state.value))
        removals = self.removals_at(secret, state.at)
        return self.row_of.get(removals[0].number) if removals else None


def describe(row: SentRow) -> str:
    """Return a row of a Save in words."""
    what = "removal" if row.value is None else f"value {row.value}"
    return (
        f"{row.user}, {row.secret}, {what} on version {row.base}, response "
        f"“{row.outcome or 'none'}” {row.version or ''} at {row.answered:.3f}"
    )
