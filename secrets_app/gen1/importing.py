"""Import the values of a Gen 1 environment as secrets: plan, then read and write.

The parameters stay as they are, because the environment may still use them. Values are read from
the store when they are saved, and never leave the server.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction

from console.access import acts
from console.access.policy import Access, Permission
from console.audit.events import Action, Attempt, Outcome, Target, attempt_all, conclude_all
from console.audit.refusals import recording_denial
from console.environment.importing import ImportRow
from console.lib.results import Result, RowOutcome
from console.lib.text.dotenv import Entry
from console.models import AuditEvent, Branch
from console.workflows.importing import Choice, Line, preview
from secrets_app import importing as secrets
from secrets_app.gen1.finding import Source, find
from secrets_app.store import parameter_store
from secrets_app.store.base import Reading
from secrets_app.store.errors import (
    AccessDenied,
    KeyUnavailable,
    Rejected,
    StoreError,
    Unreadable,
)
from secrets_app.store.limits import BATCH

NOUN = "secret"
SAME_KEY = "Another row has the same key. Give one of them another key, or leave it out."
GONE = "This parameter is no longer in the parameter store. Nothing was imported from it."
CHANGED = "This parameter changed after you opened the preview. Check it, then import it again."
NOT_READ = "not read"  # in the audit trail: it is gone, or the store did not answer
_UNREAD = "stored"  # stands for a value in the plan
# What is wrong with one parameter, and not with the others of the same call
_OF_ONE = (AccessDenied, KeyUnavailable, Rejected, Unreadable)


@dataclass(frozen=True)
class Plan:
    """What importing a parameter would do. `problem` says why it can't be imported, or ""."""

    source: Source
    line: Line
    problem: str

    @property
    def key(self) -> str:
        """Return the key of the secret."""
        return self.line.planned.key


@dataclass(frozen=True)
class Wanted:
    """A parameter to import, if it and the secret are still as planned.

    `token` is the parameter's name, and `base` what the plan showed of it.
    """

    token: str
    base: str
    key: str
    expected_version: int = 0
    revision: int | None = None


def require(access: Access) -> None:
    """Raise PermissionDenied unless the actor may reveal and change every value of the app.

    No branch's protection covers an environment of Gen 1, so nobody knows what its values open.
    """
    acts.require(access, Action.PARAMETER_READ)
    access.require_on(Permission.WRITE, None)


def may_import(access: Access) -> bool:
    """Return True if `require` allows it."""
    return all(access.may_on(it, None) for it in (Permission.REVEAL, Permission.WRITE))


def require_for_post(access: Access) -> None:
    """Raise what `require` raises, and record the denial."""
    with recording_denial(access.actor, Action.PARAMETER_READ, Target(access.app.app_id)):
        require(access)


def plan(
    access: Access,
    keys: Iterable[tuple[Source, str]],
    branch: Branch | None,
    left_out: Collection[str] = (),
) -> list[Plan]:
    """Return what importing each parameter under its key would do. Reads no value.

    Names that are `left_out` don't count as duplicates. Raises dotenv.Refused for too many keys.
    """
    keys = [(source, _searchable(key)) for source, key in keys]
    times = Counter(key for source, key in keys if source.name not in left_out)
    entries = [Entry(key, _UNREAD, 0, True) for key in dict.fromkeys(key for _, key in keys)]
    choice = Choice([branch], dict.fromkeys((entry.key for entry in entries), NOUN))
    lines = {line.planned.key: line for line in preview(access, entries, choice)}
    plans = []
    for source, key in keys:
        is_duplicate = times[key] > 1 and source.name not in left_out
        problem = lines[key].planned.refusal or (SAME_KEY if is_duplicate else "")
        plans.append(Plan(source, lines[key], problem))
    return plans


def _searchable(key: str) -> str:
    """Return a typed key with U+FFFD for what no database can search for."""
    return key.encode(errors="replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def save(
    access: Access,
    environment: str,
    branch: Branch | None,
    wanted: Sequence[Wanted],
    change_set: uuid.UUID,
    *,
    may_go_on: Callable[[], bool],
) -> list[RowOutcome]:
    """Read the parameters and write the secrets, ten at a time while `may_go_on`, at least ten.

    Each read and each write is audited. Returns the outcomes in the order of `wanted`; what is left
    for another call is NOT_TRIED. Raises PermissionDenied or ConfirmationRequired.
    """
    require_for_post(access)
    acts.require_recent(access.actor, Action.PARAMETER_READ)
    sources = {source.name: source for source in find(access).get(environment, ())}
    outcomes = _refusals(access, sources, branch, wanted)
    ready = [(it, sources[it.token]) for it in wanted if it.token not in outcomes]
    for start in range(0, len(ready), BATCH):
        if start and not may_go_on():
            break
        saved = _save(access, ready[start : start + BATCH], branch, change_set)
        outcomes |= {it.token: it for it in saved}
        if any(it.outcome is Result.NOT_TRIED for it in saved):
            break
    return [outcomes.get(it.token) or RowOutcome(it.token, Result.NOT_TRIED) for it in wanted]


def _refusals(
    access: Access, sources: Mapping[str, Source], branch: Branch | None, wanted: Sequence[Wanted]
) -> dict[str, RowOutcome]:
    """Return the outcomes of what can't be imported, by name. Nothing is read for these."""
    outcomes = {}
    for it in wanted:
        source = sources.get(it.token)
        if source is None or source.base != it.base:
            problem = CHANGED if source else GONE
            outcomes[it.token] = _outcome(it, Result.CONFLICT, problem)
    left = [it for it in wanted if it.token not in outcomes]
    plans = plan(access, [(sources[it.token], it.key) for it in left], branch)
    for it, planned in zip(left, plans, strict=True):
        if planned.problem:
            outcomes[it.token] = _outcome(it, Result.REFUSED, planned.problem)
    return outcomes


def _outcome(wanted: Wanted, result: Result, message: str = "") -> RowOutcome:
    return RowOutcome(
        wanted.token, result, message, version=wanted.expected_version, revision=wanted.revision
    )


def _save(
    access: Access,
    batch: Sequence[tuple[Wanted, Source]],
    branch: Branch | None,
    change_set: uuid.UUID,
) -> list[RowOutcome]:
    """Read at most ten parameters, and write what was read."""
    events = _begin(access, [source for _, source in batch])
    readings, errors = _read([source.path for _, source in batch])
    _conclude(events, readings, errors)
    outcomes, rows = [], []
    for it, source in batch:
        reading = readings.get(source.path)
        if error := errors.get(source.path):
            outcomes.append(_outcome(it, Result.FAILED, error.message))
        elif reading is None:
            # The whole call failed, or this parameter is gone
            is_left = any(not isinstance(error, _OF_ONE) for error in errors.values())
            left = (Result.NOT_TRIED, "") if is_left else (Result.CONFLICT, GONE)
            outcomes.append(_outcome(it, *left))
        elif not _is_as_planned(source, reading):
            outcomes.append(_outcome(it, Result.CONFLICT, CHANGED))
        else:
            rows.append(_row(it, branch, reading, events[source.path]))
    return [*outcomes, *(secrets.apply(access, rows, change_set) if rows else ())]


def _row(wanted: Wanted, branch: Branch | None, reading: Reading, event: AuditEvent) -> ImportRow:
    return ImportRow(
        wanted.token,
        wanted.key,
        branch.pk if branch else None,
        reading.value.reveal(),
        wanted.expected_version,
        wanted.revision,
        event.pk,
    )


def _is_as_planned(source: Source, reading: Reading) -> bool:
    found = reading.parameter
    return found.version == source.version and source.modified in {None, found.modified}


@transaction.atomic(durable=True)
def _begin(access: Access, sources: Sequence[Source]) -> dict[str, AuditEvent]:
    """Commit that the parameters are about to be read. Returns the events by path."""
    attempts = (
        Attempt(
            Action.PARAMETER_READ,
            Target(access.app.app_id, subject=source.path),
            source.version,
        )
        for source in sources
    )
    events = attempt_all(access.actor, attempts, change_set=uuid.uuid4())
    return {source.path: event for source, event in zip(sources, events, strict=True)}


def _conclude(
    events: Mapping[str, AuditEvent],
    readings: Mapping[str, Reading],
    errors: Mapping[str, StoreError],
) -> None:
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, readings[path].parameter.version, "")
        if path in readings
        else (event.pk, Outcome.FAILED, None, errors[path].code if path in errors else NOT_READ)
        for path, event in events.items()
    )


def _read(paths: Sequence[str]) -> tuple[Mapping[str, Reading], Mapping[str, StoreError]]:
    """Return what the paths hold, and the errors. Reads one by one if one of them can't be read.

    Stops at an error that isn't about a single parameter.
    """
    store = parameter_store()
    try:
        return store.read(paths), {}
    except _OF_ONE:
        readings, errors = dict[str, Reading](), dict[str, StoreError]()
    except StoreError as error:
        return {}, {paths[0]: error}
    for path in paths:
        try:
            readings |= store.read([path])
        except StoreError as error:
            errors[path] = error
            if not isinstance(error, _OF_ONE):
                break
    return readings, errors
