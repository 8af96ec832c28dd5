"""What is held against each other after a trial: what people were told, the audit trail, the
projection, and the parameter store. Times are seconds since 1970, of this one machine's clock.
"""

from dataclasses import dataclass, field

from tests.soak.replicas.journal import Act

Place = tuple[str, str]  # branch, or "All branches"; key
Spot = tuple[Place, bool]  # a place's primary path, or (True) its mirror
Kill = tuple[float, float]  # from when to when its processes died


@dataclass(frozen=True)
class Sent:
    """A row of a Save: the page that it stood on, what was sent, and what was told of it."""

    who: str
    change_set: str
    place: Place
    base: int  # the version that the page showed
    asked: float  # when the page was asked for, or after a conflict, what was told of it
    seen: float  # and when that was there
    sent: float
    heard: float
    value: str | None = None  # None removes
    answer: str = ""  # "" is none: the connection broke
    version: int = 0
    message: str = ""
    again: str = ""  # the base that a conflict told, as the page posts it


@dataclass(frozen=True)
class Reveal:
    """Somebody asked for a value. Status 0: the connection broke."""

    who: str
    place: Place
    sent: float
    heard: float
    status: int
    value: str = ""


@dataclass(frozen=True)
class End:
    """An outcome in the audit trail."""

    at: float
    outcome: str
    version: int
    detail: str = ""


@dataclass(frozen=True)
class Entry:
    """An attempt in the audit trail, with its outcomes in order."""

    number: int
    at: float
    who: str
    action: str
    place: Place
    change_set: str
    before: int
    ends: tuple[End, ...] = ()

    @property
    def is_done(self) -> bool:
        """Say whether it ended well, as far as the trail knows."""
        return bool(self.ends) and self.ends[-1].outcome in {"succeeded", "settled"}

    def is_of(self, sent: Sent) -> bool:
        """Say whether it is of this row of this Save: a person does one thing at a time."""
        same = (self.who, self.change_set) == (sent.who, sent.change_set)
        return same and sent.sent <= self.at <= sent.heard

    def is_of_reveal(self, reveal: Reveal) -> bool:
        """Say whether it is of this reveal."""
        mine = self.action == "secret.reveal" and self.who == reveal.who
        return mine and reveal.sent <= self.at <= reveal.heard


@dataclass(frozen=True)
class Row:
    """A row of the projection. `mirror` is "" where it is shown to be in step."""

    version: int
    mirror: str = ""
    claimed: bool = False


@dataclass
class Records:
    """All of a trial."""

    sent: list[Sent] = field(default_factory=list)
    reveals: list[Reveal] = field(default_factory=list)
    trail: list[Entry] = field(default_factory=list)
    journal: list[Act] = field(default_factory=list)
    history: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # by path
    rows: dict[Place, Row] = field(default_factory=dict)
    paths: dict[str, Spot] = field(default_factory=dict)  # what each path is
    kills: list[Kill] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)  # what does not fit in the audit chain
