"""Import a text: what its keys would change as secrets and variables, and writing them.

A secret's stored value is only compared on request, which is an act of its own. What is shown of a
text are its keys, and the sizes of its values.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from console.access.policy import Access, Permission
from console.environment.importing import Change, ImportRow, PlannedRow
from console.environment.sources import EnvironmentSource, secrets_first, sources
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Entry, Refused
from console.lib.text.invisible import describe_invisible, without_invisible
from console.lib.text.likely_secrets import secret_warning
from console.lib.text.placeholders import is_placeholder
from console.models import Branch
from console.workflows import comparing

MAX_ROWS = 2_000  # keys times scopes
BATCH = 10  # the store looks up this many in one call

Scope = tuple[int | None, str]  # id of the branch (None is All branches) and key


@dataclass(frozen=True)
class Choice:
    """What was chosen about a text.

    `kinds` are the nouns of sources by key, `cleaned` the keys whose values lose what can't be
    seen. `seen` is what an earlier preview of the same text was based on, by kind and scope.
    """

    scopes: Sequence[Branch | None]
    kinds: Mapping[str, str] = field(default_factory=dict)
    cleaned: Collection[str] = ()
    seen: Mapping[tuple[str, Scope], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Line:
    """A key in a scope: what importing it would do, and what to know before.

    `also` is the noun of another kind of value that the scope has under this key.
    """

    noun: str
    planned: PlannedRow
    size: int  # bytes of UTF-8
    warning: str  # why the value looks like a secret
    remark: str  # what can't be seen in it
    can_be_cleaned: bool
    is_placeholder: bool
    is_conflict: bool
    also: str
    overrides: bool  # it overrides a value for All branches

    @property
    def is_ready(self) -> bool:
        """Return True if it is imported unless somebody leaves it out."""
        changes = self.planned.change is not Change.SAME and not self.planned.refusal
        return changes and not (self.is_placeholder or self.is_conflict or self.also)

    @property
    def needs_decision(self) -> bool:
        """Return True if somebody should look at it first."""
        if self.planned.change is Change.SAME:
            return False
        return not self.is_ready or bool(self.remark)


def prepare(entries: Sequence[Entry], cleaned: Collection[str]) -> Sequence[Entry]:
    """Return the entries, without what can't be seen in those that are to be cleaned."""
    return [
        replace(entry, value=without_invisible(entry.value)) if entry.key in cleaned else entry
        for entry in entries
    ]


def preview(access: Access, entries: Sequence[Entry], choice: Choice) -> list[Line]:
    """Return what importing the entries would do. Raises dotenv.Refused for too many rows."""
    _check_size(entries, choice)
    entries = prepare(entries, choice.cleaned)
    return _lines(entries, choice, _plans(access, entries, choice))


def preview_compared(access: Access, entries: Sequence[Entry], choice: Choice) -> list[Line]:
    """Do the same as `preview`, and compare with the stored values what would be imported.

    More than `comparing.MAX_VALUES` stay as they are. Raises the errors of
    `EnvironmentSource.compare` besides.
    """
    _check_size(entries, choice)
    entries = prepare(entries, choice.cleaned)
    plans = _plans(access, entries, choice)
    chosen = _kinds(entries, choice, plans)
    scopes = [scope for entry in entries for scope in _scopes(entry, choice)]
    for source in sources():
        rows = plans[source.noun]
        wanted = [rows[scope] for scope in scopes if chosen[scope[1]] == source.noun]
        if len(comparable(access, wanted)) <= comparing.MAX_VALUES:
            compared = source.compare(access, entries, wanted)
            plans[source.noun] = {**rows, **{row.scope: row for row in compared}}
    return _lines(entries, choice, plans)


def comparable(access: Access, rows: Iterable[PlannedRow]) -> list[PlannedRow]:
    """Return the rows with a stored value that the actor may compare with the new one."""
    existing = (row for row in rows if row.change is Change.EXISTS)
    return [row for row in existing if access.may_on(Permission.REVEAL, row.branch)]


def shared_with_production(lines: Iterable[Line]) -> list[str]:
    """Return keys of secrets that would have the text's value on production and elsewhere."""
    confidential = {source.noun for source in sources() if source.is_confidential}
    scopes: dict[str, list[Branch | None]] = {}
    for line in lines:
        if line.noun in confidential and (line.is_ready or line.planned.change is Change.SAME):
            scopes.setdefault(line.planned.key, []).append(line.planned.branch)
    return [
        key
        for key, found in scopes.items()
        if len(found) > 1 and any(branch and branch.production for branch in found)
    ]


_Plans = dict[str, dict[Scope, PlannedRow]]


def _check_size(entries: Sequence[Entry], choice: Choice) -> None:
    if (total := len(entries) * len(choice.scopes)) > MAX_ROWS:
        raise Refused(
            f"This would import {total:,} values; the limit is {MAX_ROWS:,}. Choose fewer branches."
        )


def _plans(access: Access, entries: Sequence[Entry], choice: Choice) -> _Plans:
    """Return the plan of every source, because each entry may become either kind.

    All branches is always among the scopes, to tell what an override overrides.
    """
    scopes = [*choice.scopes, *([] if None in choice.scopes else [None])]
    return {
        source.noun: {row.scope: row for row in source.plan(access, entries, scopes)}
        for source in sources()
    }


def _kinds(entries: Sequence[Entry], choice: Choice, plans: _Plans) -> dict[str, str]:
    """Return the chosen kind of each key, otherwise what it looks like or already is."""
    plain, confidential = sources()[0].noun, sources()[-1].noun
    kinds = {}
    for entry in entries:
        is_stored = any(
            plans[confidential][scope].change is not Change.NEW for scope in _scopes(entry, choice)
        )
        is_secret = is_stored or secret_warning(entry.key, entry.value)
        preset = confidential if is_secret else plain
        wanted = choice.kinds.get(entry.key)
        kinds[entry.key] = wanted if wanted in plans else preset
    return kinds


def _scopes(entry: Entry, choice: Choice) -> list[Scope]:
    return [(branch.pk if branch else None, entry.key) for branch in choice.scopes]


def _lines(entries: Sequence[Entry], choice: Choice, plans: _Plans) -> list[Line]:
    kinds = _kinds(entries, choice, plans)
    confidential = {source.noun for source in sources() if source.is_confidential}
    return [
        _line(entry, scope, kinds[entry.key], choice, plans, confidential)
        for entry in entries
        for scope in _scopes(entry, choice)
    ]


def _line(
    entry: Entry,
    scope: Scope,
    noun: str,
    choice: Choice,
    plans: _Plans,
    confidential: Collection[str],
) -> Line:
    planned = plans[noun][scope]
    others = (other for other in plans if other != noun)
    seen = choice.seen.get((noun, scope), planned.base)
    return Line(
        noun=noun,
        planned=planned,
        size=len(entry.value.encode()),
        warning="" if noun in confidential else secret_warning(entry.key, entry.value),
        remark=describe_invisible(entry.value),
        can_be_cleaned=without_invisible(entry.value) != entry.value,
        is_placeholder=is_placeholder(entry.value),
        is_conflict=seen != planned.base,
        also=next((it for it in others if plans[it][scope].change is not Change.NEW), ""),
        overrides=scope[0] is not None and plans[noun][None, entry.key].change is not Change.NEW,
    )


def save(
    access: Access,
    rows: Sequence[tuple[str, ImportRow]],
    change_set: UUID,
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Write the rows (noun, row), batch by batch while `may_go_on`, at least one.

    Returns an outcome for each row in its order. Those that were left for another call are
    NOT_TRIED, without a message. After a batch that could not be tried, the rest is left, too.
    """
    outcomes: dict[str, RowOutcome] = {}
    for source, batch in _batches(rows):
        if outcomes and not (may_go_on() and _is_going_on(outcomes.values())):
            break
        outcomes |= {it.token: it for it in source.apply(access, batch, change_set)}
    return [outcomes.get(row.token) or RowOutcome(row.token, Result.NOT_TRIED) for _, row in rows]


def _is_going_on(outcomes: Collection[RowOutcome]) -> bool:
    return not any(it.outcome is Result.NOT_TRIED for it in outcomes)


def _batches(
    rows: Sequence[tuple[str, ImportRow]],
) -> Iterator[tuple[EnvironmentSource, Sequence[ImportRow]]]:
    """Yield the rows of each source, confidential ones first."""
    for source in secrets_first():
        found = [row for noun, row in rows if noun == source.noun]
        for start in range(0, len(found), BATCH):
            yield source, found[start : start + BATCH]
