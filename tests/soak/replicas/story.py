"""The records of a trial, sorted so that they can be held against each other."""

from collections import defaultdict
from dataclasses import dataclass, field

from tests.soak.replicas.records import Entry, Place, Records, Sent

WRITES = {"secret.create", "secret.change"}
REMOVES = {"secret.remove"}
DONE = {"succeeded", "settled"}
COMMIT = 1.0  # seconds that a commit may take


@dataclass(frozen=True)
class State:
    """What a place held from a moment on: a version and its value, or version 0, nothing."""

    at: float
    version: int = 0
    value: str = ""


@dataclass
class Story:
    """What each place held, and whose doing it was."""

    records: Records
    states: dict[Place, list[State]] = field(default_factory=lambda: defaultdict(list))
    mirrors: dict[Place, list[State]] = field(default_factory=lambda: defaultdict(list))
    by_value: dict[tuple[Place, str], Sent] = field(default_factory=dict)
    entries: dict[Place, list[Entry]] = field(default_factory=lambda: defaultdict(list))
    entries_of: dict[Sent, list[Entry]] = field(default_factory=dict)
    sender_of: dict[int, Sent] = field(default_factory=dict)  # by the entry's number

    def __post_init__(self) -> None:
        for act in self.records.journal:
            if act.path in self.records.paths:
                place, is_mirror = self.records.paths[act.path]
                states = (self.mirrors if is_mirror else self.states)[place]
                states.append(State(act.at, act.version, act.value))
        for entry in self.records.trail:
            self.entries[entry.place].append(entry)
        for sent in self.records.sent:
            if sent.value:
                self.by_value[sent.place, sent.value] = sent
            mine = [entry for entry in self.entries[sent.place] if entry.is_of(sent)]
            self.entries_of[sent] = mine
            self.sender_of |= {entry.number: sent for entry in mine}

    def during(self, place: Place, start: float, end: float) -> list[State]:
        """Return what a place held at any moment of a time, in order."""
        states = [State(0), *self.states[place]]
        later = [*[state.at for state in states[1:]], float("inf")]
        return [s for s, until in zip(states, later, strict=True) if s.at <= end and until >= start]

    def lasted(self, entry: Entry, start: float, end: float) -> bool:
        """Say whether an attempt was under way at any moment of a time.

        Its end is committed after the time that it carries, and before anybody is told of it.
        """
        over = entry.ends[-1].at + COMMIT if entry.ends else float("inf")
        if (sender := self.sender_of.get(entry.number)) and sender.answer:
            over = sender.heard
        return entry.at <= end and over >= start

    def removing(self, place: Place, at: float) -> list[Entry]:
        """Return the removals that were under way at a moment, and ended well."""
        removals = [e for e in self.entries[place] if e.action in REMOVES and e.is_done]
        return [entry for entry in removals if entry.at <= at <= entry.ends[-1].at]

    def by_whom(self, place: Place, state: State) -> Sent | None:
        """Return the row of a Save that made a place hold this."""
        if state.version:
            return self.by_value.get((place, state.value))
        entries = self.removing(place, state.at)
        return self.sender_of.get(entries[0].number) if entries else None


def said(sent: Sent) -> str:
    """Return a row of a Save in words."""
    what = "removal" if sent.value is None else f"value {sent.value}"
    return (
        f"{sent.who}, {sent.place}, {what} on version {sent.base}, told "
        f"“{sent.answer or 'nothing'}” {sent.version or ''} at {sent.heard:.3f}"
    )
