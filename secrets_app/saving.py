"""Save: many rows, each answers for itself.

Right and rules first, then one read per ten rows of what the store holds, then row by row: claim
and attempt, store, outcome and projection. A store that is away stops the rest, untried.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied

from console.access import Access, Permission, find_app
from console.actors import Actor
from console.audit import Action, Outcome, refuse
from console.models import Branch
from secrets_app import rows, wording
from secrets_app.changes import Change, Result, RowOutcome
from secrets_app.models import Secret
from secrets_app.paths import Folder, PathRefused
from secrets_app.places import place_of
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore, SecretValue
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

# After these the next row would fare no better, or would make the answer come too late.
_STOPPING = (Unreachable, Throttled, Misconfigured, KeyUnavailable, OutcomeUnknown)


@dataclass(frozen=True)
class Ready:
    """A change that is allowed and well-formed."""

    change: Change
    branch: Branch | None
    key: str
    place: Folder
    secret: Secret | None


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
    access = find_app(actor, app_id)
    outcomes: dict[str, RowOutcome] = {}
    ready = list(_prepare(access, changes, outcomes))
    if ready:
        store = parameter_store()
        current = store.current(row.place.primary for row in ready)
        _write_all(access, store, ready, current, change_set, outcomes)
    return [outcomes[change.token] for change in changes]


def _prepare(
    access: Access, changes: Sequence[Change], outcomes: dict[str, RowOutcome]
) -> Iterable[Ready]:
    ids = [change.secret_id for change in changes if change.secret_id is not None]
    known = {s.pk: s for s in access.app.secrets.select_related("branch").filter(pk__in=ids)}
    branches: dict[int, Branch] = {branch.pk: branch for branch in access.app.branches.all()}
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
    return Ready(change, branch, key, place, secret)


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
        raise Refused(RowOutcome(change.token, Result.DENIED, str(denial))) from None


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
    store: ParameterStore,
    ready: Sequence[Ready],
    current: dict[str, Parameter],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> None:
    stopped = False
    for row in ready:
        token = row.change.token
        if stopped:
            outcomes[token] = RowOutcome(
                token, Result.NOT_TRIED, wording.NOT_TRIED, version=row.change.base
            )
            continue
        outcome, stopped = _write_one(
            access, store, row, current.get(row.place.primary), change_set
        )
        outcomes[token] = outcome


def _write_one(
    access: Access,
    store: ParameterStore,
    row: Ready,
    stored: Parameter | None,
    change_set: uuid.UUID,
) -> tuple[RowOutcome, bool]:
    """Write a row; return its outcome, and whether the rest is better left untried."""
    version = stored.version if stored else 0
    value = row.change.value
    if version != row.change.base and not (value is None and version == 0):
        return wording.conflict(row.change.token, access, row.branch, row.key, stored), False
    try:
        claimed = rows.claim(
            access, _action(row.change), row.branch, row.key, base=version, change_set=change_set
        )
    except rows.Busy:
        return wording.busy(row.change.token, access, row.branch, row.key, version), False
    try:
        if value is None:
            return _remove(store, row, claimed), False
        return _put(access, store, row, claimed, value), False
    except AlreadyExists:
        rows.finish(claimed, Outcome.FAILED, detail="conflict")
        found = store.current([row.place.primary]).get(row.place.primary)
        return wording.conflict(row.change.token, access, row.branch, row.key, found), False
    except OutcomeUnknown as error:
        rows.finish(claimed, Outcome.UNKNOWN, detail=error.code)
        return _told(row, Result.UNKNOWN, error), True
    except StoreError as error:
        rows.finish(claimed, Outcome.FAILED, detail=error.code)
        return _told(row, Result.FAILED, error), isinstance(error, _STOPPING)


def _told(row: Ready, result: Result, error: StoreError) -> RowOutcome:
    return RowOutcome(row.change.token, result, error.sentence, version=row.change.base)


def _put(
    access: Access, store: ParameterStore, row: Ready, claimed: rows.Claimed, value: SecretValue
) -> RowOutcome:
    written = store.put(row.place.primary, value, overwrite=claimed.base > 0)
    mirror, problem = None, ""
    if row.place.mirror:
        try:
            mirror = store.put(row.place.mirror, value, overwrite=True).version
        except StoreError as error:  # the secret is saved; its mirror shows as off until put right
            problem = wording.mirror_off(error)
    meanwhile = written.version - claimed.base > written.attempts
    rows.finish_write(
        claimed,
        written.version,
        mirror,
        changed_by=access.actor.label,
        detail=wording.saved_detail(meanwhile=meanwhile, mirror_problem=problem),
    )
    return RowOutcome(
        row.change.token,
        Result.SAVED,
        " ".join(filter(None, [problem, wording.MEANWHILE if meanwhile else ""])),
        version=written.version,
        pk=claimed.secret.pk,
    )


def _remove(store: ParameterStore, row: Ready, claimed: rows.Claimed) -> RowOutcome:
    removed = store.remove(filter(None, [row.place.primary, row.place.mirror]))
    rows.finish_removal(claimed, "" if removed else "It was already gone from the store.")
    return RowOutcome(row.change.token, Result.REMOVED, pk=claimed.secret.pk)
