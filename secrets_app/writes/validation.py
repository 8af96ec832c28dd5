"""Which rows of a Save may be written: right, rules and paths, before the store is asked."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.core.exceptions import PermissionDenied

from console.access.policy import Access, Permission
from console.audit.events import Action, refuse
from console.lib.results import Result, RowOutcome
from console.models import Branch
from secrets_app.locations import place_of
from secrets_app.models import Secret
from secrets_app.paths import Folder, PathRefused
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected
from secrets_app.store.limits import check_value
from secrets_app.writes import leases, messages
from secrets_app.writes.commands import Change


@dataclass(frozen=True)
class Ready:
    """A change that is allowed and well-formed."""

    change: Change
    spot: leases.Spot
    place: Folder


class Refused(Exception):
    """A row that goes no further; carries what to tell."""

    def __init__(self, outcome: RowOutcome) -> None:
        self.outcome = outcome
        super().__init__(outcome.outcome)


def prepare(
    access: Access,
    changes: Sequence[Change],
    known: dict[int, Secret],
    outcomes: dict[str, RowOutcome],
) -> Iterable[Ready]:
    """Yield the changes that are allowed and well-formed; the others' outcomes go to `outcomes`.

    `known` are the rows that the changes name, by id. What is denied is recorded.
    """
    branches: dict[int, Branch] = {branch.pk: branch for branch in access.branches}
    taken: set[str] = set()
    for change in changes:
        try:
            ready = _ready(access, change, known, branches)
            if ready.place.primary in taken:
                _refuse(change, "Another row in this save has the same name and branch.", "key")
            taken.add(ready.place.primary)
            yield ready
        except Refused as refusal:
            outcomes[change.token] = refusal.outcome


def _ready(
    access: Access, change: Change, known: dict[int, Secret], branches: dict[int, Branch]
) -> Ready:
    secret = known.get(change.secret_id) if change.secret_id is not None else None
    if change.secret_id is not None and secret is None:
        raise Refused(RowOutcome(change.token, Result.CONFLICT, messages.GONE, pk=None))
    key = secret.key if secret else change.key
    branch = _branch_of(change, secret, branches)
    _check_right(access, change, branch, key)
    try:
        place = place_of(access.app, branch, key)
    except PathRefused as refusal:
        _refuse(change, str(refusal), "key")
    if change.value is not None:
        _check_value(change, change.value)
    return Ready(change, leases.Spot(branch, key, place.primary), place)


def _refuse(change: Change, message: str, field: str) -> None:
    raise Refused(RowOutcome(change.token, Result.REFUSED, message, field, change.base))


def _branch_of(change: Change, secret: Secret | None, branches: dict[int, Branch]) -> Branch | None:
    branch_id = secret.branch_id if secret else change.branch_id
    if branch_id is None:
        return None
    branch = branches.get(branch_id)
    if branch is None or (secret is None and branch.deleted_at is not None):
        raise Refused(
            RowOutcome(change.token, Result.REFUSED, messages.NO_BRANCH, "branch", change.base)
        )
    return branch


def _check_right(access: Access, change: Change, branch: Branch | None, key: str) -> None:
    try:
        access.require_on(Permission.WRITE, branch)
    except PermissionDenied as denial:
        refuse(access.actor, action_of(change), leases.target_of(access, branch, key))
        raise Refused(
            RowOutcome(change.token, Result.DENIED, str(denial), version=change.base)
        ) from None


def _check_value(change: Change, value: SecretValue) -> None:
    try:
        check_value(value)
    except Rejected as rejection:
        _refuse(change, rejection.sentence, "value")


def action_of(change: Change) -> Action:
    """Return what a change does, for the trail."""
    if change.value is None:
        return Action.SECRET_REMOVED
    return Action.SECRET_CHANGED if change.base else Action.SECRET_CREATED
