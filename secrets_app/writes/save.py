"""Save: many rows, each answers for itself.

Right and rules first, then one read per ten rows of what the store holds, then row by row: claim
and attempt, store, outcome and projection. A store that is away stops the rest, untried.
"""

import uuid
from collections.abc import Iterable, Sequence

import structlog
from django.db import DatabaseError
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Outcome
from console.lib.results import Result, RowOutcome
from secrets_app import revisions
from secrets_app.projection import mirror_is_left_open
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, SecretValue, Written
from secrets_app.store.errors import (
    AlreadyExists,
    KeyUnavailable,
    Misconfigured,
    OutcomeUnknown,
    StoreError,
    Throttled,
    Unreachable,
)
from secrets_app.writes import leases, messages
from secrets_app.writes.commands import Change
from secrets_app.writes.validation import Ready, Refused, action_of, prepare

log = structlog.get_logger()

LOOKS = 3  # at a row that others keep writing
# After these the next row would fare no better, or would make the answer come too late.
_STOPPING = (Unreachable, Throttled, Misconfigured, KeyUnavailable, OutcomeUnknown)


def save(
    *, actor: Actor, app_id: str, changes: Sequence[Change], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write and remove secrets; return one outcome for each change, in their order.

    Raises Http404 for an outsider, and a StoreError where the store can't even be read: then
    nothing was tried.
    """
    return save_as(access=find_app(actor, app_id), changes=changes, change_set=change_set)


def save_as(
    *, access: Access, changes: Sequence[Change], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Do the same for an actor whose access was looked up for this very request."""
    since = timezone.now()  # before the rows are read: who writes after it is told of
    outcomes: dict[str, RowOutcome] = {}
    ids = [change.secret_id for change in changes if change.secret_id is not None]
    known = {secret.pk: secret for secret in access.app.secrets.filter(pk__in=ids)}
    if ready := list(prepare(access, changes, known, outcomes)):
        rows_of_all = known.values() if len(known) == len(changes) else ()
        spots = [row.spot for row in ready]
        looks = leases.look(parameter_store(), access.app, spots, rows_of_all, since)
        _write_all(access, zip(ready, looks, strict=True), change_set, outcomes)
    return [outcomes[change.token] for change in changes]


def _write_all(
    access: Access,
    ready: Iterable[tuple[Ready, leases.Look]],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> None:
    store = parameter_store()
    stopped = False
    for row, look in ready:
        token = row.change.token
        if stopped:
            outcomes[token] = RowOutcome(
                token, Result.NOT_TRIED, messages.NOT_TRIED, version=row.change.base
            )
        else:
            outcomes[token], stopped = _write_one(access, store, row, look, change_set)


def _write_one(
    access: Access, store: ParameterStore, row: Ready, look: leases.Look, change_set: uuid.UUID
) -> tuple[RowOutcome, bool]:
    """Write a row; return its outcome, and whether the rest is better left untried."""
    try:
        claimed = _claim(access, store, row, look, change_set)
    except Refused as refusal:
        return refusal.outcome, False
    except StoreError as error:
        return _told(row, Result.FAILED, error), isinstance(error, _STOPPING)
    except DatabaseError as error:  # the rows before it are saved: their outcomes must not be lost
        log.error("save.database", error=type(error).__name__)
        return _lost(row, Result.FAILED), True
    try:
        if row.change.value is None:
            return _remove(store, row, claimed), False
        with store.together():
            return _put(access, store, row, claimed, row.change.value)
    except AlreadyExists as error:
        leases.finish(claimed, Outcome.FAILED, detail="conflict")
        return _beaten(access, store, row, error), False
    except OutcomeUnknown as error:
        leases.finish(claimed, Outcome.UNKNOWN, detail=error.code)
        return _told(row, Result.UNKNOWN, error), True
    except StoreError as error:
        leases.finish(claimed, Outcome.FAILED, detail=error.code)
        return _told(row, Result.FAILED, error), isinstance(error, _STOPPING)
    except DatabaseError as error:  # its claim stays, and the next check settles it
        log.error("save.database", error=type(error).__name__)
        return _lost(row, Result.UNKNOWN), True


def _claim(
    access: Access, store: ParameterStore, row: Ready, look: leases.Look, change_set: uuid.UUID
) -> leases.Claimed:
    """Take the row. Raises Refused for a conflict, and StoreError where a second look fails."""
    token = row.change.token
    for _ in range(LOOKS):
        if _is_another(row.change, look):
            raise Refused(RowOutcome(token, Result.CONFLICT, messages.GONE, pk=None))
        if _has_moved(row.change, look):
            raise Refused(messages.conflict(token, access, look))
        try:
            return leases.claim(access, action_of(row.change), look, change_set=change_set)
        except leases.Busy:
            break
        except leases.Stale:
            [look] = leases.look(store, access.app, [row.spot])
    raise Refused(messages.busy(row.change, access, row.spot))


def _is_another(change: Change, look: leases.Look) -> bool:
    """Say whether the page's secret was removed: one that was added since may have its version."""
    return change.secret_id is not None and (
        look.secret is None or look.secret.pk != change.secret_id
    )


def _has_moved(change: Change, look: leases.Look) -> bool:
    """Say whether the store holds something else than what the change is based on."""
    if change.value is None and look.version == 0:
        return False  # it is gone, as it was to be
    return not look.is_still(change.base, change.life)


def _beaten(access: Access, store: ParameterStore, row: Ready, error: AlreadyExists) -> RowOutcome:
    """Say who created it first."""
    try:
        [look] = leases.look(store, access.app, [row.spot])
    except StoreError:  # the rows before it are saved, so their outcomes must not be lost
        return _told(row, Result.CONFLICT, error)
    return messages.conflict(row.change.token, access, look)


def _lost(row: Ready, result: Result) -> RowOutcome:
    message = messages.DATABASE_UNKNOWN if result is Result.UNKNOWN else messages.DATABASE_BUSY
    return RowOutcome(row.change.token, result, message, version=row.change.base)


def _told(row: Ready, result: Result, error: StoreError) -> RowOutcome:
    return RowOutcome(
        row.change.token, result, error.sentence, version=row.change.base, life=row.change.life
    )


def _put(
    access: Access, store: ParameterStore, row: Ready, claimed: leases.Claimed, value: SecretValue
) -> tuple[RowOutcome, bool]:
    written = store.put(row.place.primary, value, overwrite=claimed.base > 0)
    mirror, problem, notes = None, None, messages.Notes()
    if row.place.mirror:
        known, ours = claimed.secret.mirror_version, mirror_is_left_open(claimed.secret)
        try:
            mirror = store.put(row.place.mirror, value, overwrite=ours or known > 0)
        except StoreError as error:  # the secret is saved; its mirror shows as off until put right
            problem = error
        else:
            notes.mirror_meanwhile = not ours and _skipped(known, mirror)
    notes.meanwhile, notes.mirror_problem = _skipped(claimed.base, written), problem
    written_at = leases.finish_write(
        claimed,
        written,
        mirror,
        changed_by=access.actor.label,
        detail=notes.for_the_trail(),
    )
    outcome = RowOutcome(
        row.change.token,
        Result.SAVED,
        notes.for_people(),
        version=written.version,
        life=revisions.as_written(written_at),
        pk=claimed.secret.pk,
    )
    return outcome, isinstance(problem, _STOPPING)


def _skipped(base: int, written: Written) -> bool:
    """Say whether a version came between: someone wrote outside the console."""
    return not 0 < written.version - base <= written.attempts


def _remove(store: ParameterStore, row: Ready, claimed: leases.Claimed) -> RowOutcome:
    with store.together():
        removed = store.remove(filter(None, [row.place.primary, row.place.mirror]))
        leases.finish_removal(claimed, "" if removed else "It was already removed from the store.")
    return RowOutcome(row.change.token, Result.REMOVED, pk=claimed.secret.pk)
