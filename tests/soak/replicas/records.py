"""What a trial records: responses, audit events, the projection, and the parameter store.

Times are seconds since the epoch, all from this machine's clock.
"""

from dataclasses import dataclass, field

from tests.soak.replicas.journal import StoreCall

ScopedKey = tuple[str, str]  # branch name or "All branches", and key
PathOwner = tuple[ScopedKey, bool]  # the secret of a path, and True for its mirror
Kill = tuple[float, float]  # when the kill began, and when the processes were gone


@dataclass(frozen=True)
class SentRow:
    """One row of a Save: the page it was based on, what was sent, and the response."""

    user: str
    change_set: str
    secret: ScopedKey
    base: int  # the version that the page showed
    requested: float  # when the page (or, for a retry, the first Save) was requested
    loaded: float  # when that response had arrived
    sent: float
    answered: float
    value: str | None = None  # None removes the secret
    outcome: str = ""  # "" is no response
    version: int = 0
    message: str = ""
    retry_base: str = ""  # the base that a conflict returned, in the form's format


@dataclass(frozen=True)
class Reveal:
    """A request for a value. Status 0 means no response."""

    user: str
    secret: ScopedKey
    sent: float
    answered: float
    status: int
    value: str = ""


@dataclass(frozen=True)
class Outcome:
    """One outcome of an audit event."""

    at: float
    name: str
    version: int
    detail: str = ""


@dataclass(frozen=True)
class Event:
    """An audit event, with its outcomes in order."""

    number: int
    at: float
    actor: str
    action: str
    secret: ScopedKey
    change_set: str
    version_before: int
    outcomes: tuple[Outcome, ...] = ()

    @property
    def is_done(self) -> bool:
        """Return True if the last outcome is a success."""
        return bool(self.outcomes) and self.outcomes[-1].name in {"succeeded", "settled"}

    def belongs_to(self, row: SentRow) -> bool:
        """Return True if this row of this Save caused it; a user saves one thing at a time."""
        same = (self.actor, self.change_set) == (row.user, row.change_set)
        return same and row.sent <= self.at <= row.answered

    def belongs_to_reveal(self, reveal: Reveal) -> bool:
        """Return True if this reveal caused it."""
        same = self.action == "secret.reveal" and self.actor == reveal.user
        return same and reveal.sent <= self.at <= reveal.answered


@dataclass(frozen=True)
class ProjectedRow:
    """A row of the projection. `mirror` is its shown state, "" when in sync."""

    version: int
    mirror: str = ""
    is_leased: bool = False


@dataclass
class Records:
    """Everything recorded in a trial."""

    sent: list[SentRow] = field(default_factory=list)
    reveals: list[Reveal] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    journal: list[StoreCall] = field(default_factory=list)
    copies: list[StoreCall] = field(default_factory=list)  # the journal of the recycle bin
    history: dict[str, list[tuple[int, str]]] = field(default_factory=dict)  # by path
    rows: dict[ScopedKey, ProjectedRow] = field(default_factory=dict)
    paths: dict[str, PathOwner] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    chain_breaks: list[str] = field(default_factory=list)
