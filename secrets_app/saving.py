"""Save: many rows, each answers for itself.

Right and rules first, then one read per ten rows of what the store holds, then row by row: claim
and attempt, store, outcome and projection. A store that is away stops the rest, untried.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import structlog
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.utils import timezone

from console.access import Access, Permission, find_app
from console.actors import Actor
from console.audit import Action, Outcome, refuse
from console.models import Branch
from console.outcomes import Result, RowOutcome
from secrets_app import lives, rows, wording
from secrets_app.changes import Change
from secrets_app.models import Secret
from secrets_app.paths import Folder, PathRefused
from secrets_app.places import place_of
from secrets_app.projection import mirror_is_left_open
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, SecretValue, Written
from secrets_app.store.errors import (
    AlreadyExists,
    KeyUnavailable,
    Misconfigured,
    OutcomeUnknown,
    Rejected,
    StoreError,
    Throttled,
    Unreachable,
)
from secrets_app.store.limits import check_value

log = structlog.get_logger()

LOOKS = 3  # at a row that others keep writing
# After these the next row would fare no better, or would make the answer come too late.
_STOPPING = (Unreachable, Throttled, Misconfigured, KeyUnavailable, OutcomeUnknown)


@dataclass(frozen=True)
class Ready:
    """A change that is allowed and well-formed."""

    change: Change
    spot: rows.Spot
    place: Folder


class Refused(Exception):
    """A row that goes no further; carries what to tell."""

    def __init__(self, outcome: RowOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.outcome)


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
    if ready := list(_prepare(access, changes, known, outcomes)):
        rows_of_all = known.values() if len(known) == len(changes) else ()
        spots = [row.spot for row in ready]
        looks = rows.look(parameter_store(), access.app, spots, rows_of_all, since)
        _write_all(access, zip(ready, looks, strict=True), change_set, outcomes)
    return [outcomes[change.token] for change in changes]


def _prepare(
    access: Access,
    changes: Sequence[Change],
    known: dict[int, Secret],
    outcomes: dict[str, RowOutcome],
) -> Iterable[Ready]:
    branches: dict[int, Branch] = {branch.pk: branch for branch in access.branches}
    taken: set[str] = set()
    for change in changes:
        try:
            ready = _ready(access, change, known, branches)
            if ready.place.primary in taken:
                _refuse(change, "This name is twice in this save for the same branch.", "key")
            taken.add(ready.place.primary)
            yield ready
        except Refused as refusal:
            outcomes[change.token] = refusal.outcome


def _ready(
    access: Access, change: Change, known: dict[int, Secret], branches: dict[int, Branch]
) -> Ready:
    secret = known.get(change.secret_id) if change.secret_id is not None else None
    if change.secret_id is not None and secret is None:
        raise Refused(RowOutcome(change.token, Result.CONFLICT, wording.GONE, pk=None))
    key = secret.key if secret else change.key
    branch = _branch_of(change, secret, branches)
    _check_right(access, change, branch, key)
    try:
        place = place_of(access.app, branch, key)
    except PathRefused as refusal:
        _refuse(change, str(refusal), "key")
    if change.value is not None:
        _check_value(change, change.value)
    return Ready(change, rows.Spot(branch, key, place.primary), place)


def _refuse(change: Change, message: str, field: str) -> None:
    raise Refused(RowOutcome(change.token, Result.REFUSED, message, field, change.base))


def _branch_of(change: Change, secret: Secret | None, branches: dict[int, Branch]) -> Branch | None:
    branch_id = secret.branch_id if secret else change.branch_id
    if branch_id is None:
        return None
    branch = branches.get(branch_id)
    if branch is None or (secret is None and branch.deleted_at is not None):
        raise Refused(
            RowOutcome(change.token, Result.REFUSED, wording.NO_BRANCH, "branch", change.base)
        )
    return branch


def _check_right(access: Access, change: Change, branch: Branch | None, key: str) -> None:
    try:
        access.require_on(Permission.WRITE, branch)
    except PermissionDenied as denial:
        refuse(access.actor, _action(change), rows.target_of(access, branch, key))
        raise Refused(
            RowOutcome(change.token, Result.DENIED, str(denial), version=change.base)
        ) from None


def _check_value(change: Change, value: SecretValue) -> None:
    try:
        check_value(value)
    except Rejected as rejection:
        _refuse(change, rejection.sentence, "value")


def _action(change: Change) -> Action:
    if change.value is None:
        return Action.SECRET_REMOVED
    return Action.SECRET_CHANGED if change.base else Action.SECRET_CREATED


def _write_all(
    access: Access,
    ready: Iterable[tuple[Ready, rows.Look]],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> None:
    store = parameter_store()
    stopped = False
    for row, look in ready:
        token = row.change.token
        if stopped:
            outcomes[token] = RowOutcome(
                token, Result.NOT_TRIED, wording.NOT_TRIED, version=row.change.base
            )
        else:
            outcomes[token], stopped = _write_one(access, store, row, look, change_set)


def _write_one(
    access: Access, store: ParameterStore, row: Ready, look: rows.Look, change_set: uuid.UUID
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
        rows.finish(claimed, Outcome.FAILED, detail="conflict")
        return _beaten(access, store, row, error), False
    except OutcomeUnknown as error:
        rows.finish(claimed, Outcome.UNKNOWN, detail=error.code)
        return _told(row, Result.UNKNOWN, error), True
    except StoreError as error:
        rows.finish(claimed, Outcome.FAILED, detail=error.code)
        return _told(row, Result.FAILED, error), isinstance(error, _STOPPING)
    except DatabaseError as error:  # its claim stays, and the next check settles it
        log.error("save.database", error=type(error).__name__)
        return _lost(row, Result.UNKNOWN), True


def _claim(
    access: Access, store: ParameterStore, row: Ready, look: rows.Look, change_set: uuid.UUID
) -> rows.Claimed:
    """Take the row. Raises Refused for a conflict, and StoreError where a second look fails."""
    token = row.change.token
    for _ in range(LOOKS):
        if _is_another(row.change, look):
            raise Refused(RowOutcome(token, Result.CONFLICT, wording.GONE, pk=None))
        if _has_moved(row.change, look):
            raise Refused(wording.conflict(token, access, look))
        try:
            return rows.claim(access, _action(row.change), look, change_set=change_set)
        except rows.Busy:
            break
        except rows.Stale:
            [look] = rows.look(store, access.app, [row.spot])
    raise Refused(wording.busy(row.change, access, row.spot))


def _is_another(change: Change, look: rows.Look) -> bool:
    """Say whether the page's secret was removed: one that was added since may have its version."""
    return change.secret_id is not None and (
        look.secret is None or look.secret.pk != change.secret_id
    )


def _has_moved(change: Change, look: rows.Look) -> bool:
    """Say whether the store holds something else than what the change is based on."""
    if change.value is None and look.version == 0:
        return False  # it is gone, as it was to be
    return not look.is_still(change.base, change.life)


def _beaten(access: Access, store: ParameterStore, row: Ready, error: AlreadyExists) -> RowOutcome:
    """Say who created it first."""
    try:
        [look] = rows.look(store, access.app, [row.spot])
    except StoreError:  # the rows before it are saved, so their outcomes must not be lost
        return _told(row, Result.CONFLICT, error)
    return wording.conflict(row.change.token, access, look)


def _lost(row: Ready, result: Result) -> RowOutcome:
    message = wording.DATABASE_UNKNOWN if result is Result.UNKNOWN else wording.DATABASE_BUSY
    return RowOutcome(row.change.token, result, message, version=row.change.base)


def _told(row: Ready, result: Result, error: StoreError) -> RowOutcome:
    return RowOutcome(
        row.change.token, result, error.sentence, version=row.change.base, life=row.change.life
    )


def _put(
    access: Access, store: ParameterStore, row: Ready, claimed: rows.Claimed, value: SecretValue
) -> tuple[RowOutcome, bool]:
    written = store.put(row.place.primary, value, overwrite=claimed.base > 0)
    mirror, problem, notes = None, None, wording.Notes()
    if row.place.mirror:
        known, ours = claimed.secret.mirror_version, mirror_is_left_open(claimed.secret)
        try:
            mirror = store.put(row.place.mirror, value, overwrite=ours or known > 0)
        except StoreError as error:  # the secret is saved; its mirror shows as off until put right
            problem = error
        else:
            notes.mirror_meanwhile = not ours and _skipped(known, mirror)
    notes.meanwhile, notes.mirror_problem = _skipped(claimed.base, written), problem
    written_at = rows.finish_write(
        claimed,
        written.version,
        mirror.version if mirror else None,
        changed_by=access.actor.label,
        detail=notes.for_the_trail(),
    )
    outcome = RowOutcome(
        row.change.token,
        Result.SAVED,
        notes.for_people(),
        version=written.version,
        life=lives.as_written(written_at),
        pk=claimed.secret.pk,
    )
    return outcome, isinstance(problem, _STOPPING)


def _skipped(base: int, written: Written) -> bool:
    """Say whether a version came between: someone wrote outside the console."""
    return not 0 < written.version - base <= written.attempts


def _remove(store: ParameterStore, row: Ready, claimed: rows.Claimed) -> RowOutcome:
    with store.together():
        removed = store.remove(filter(None, [row.place.primary, row.place.mirror]))
        rows.finish_removal(claimed, "" if removed else "It was already gone from the store.")
    return RowOutcome(row.change.token, Result.REMOVED, pk=claimed.secret.pk)
