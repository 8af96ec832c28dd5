"""Mirror repair: make primary and mirror hold the same value again."""

from collections.abc import Iterator
from contextlib import contextmanager

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action
from console.audit.refusals import recording_denial
from secrets_app.locations import find_secret, require_location
from secrets_app.models import LeaseStage, Secret
from secrets_app.projection import is_recreated, key_and_tier, mirror_key
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, Reading, Written
from secrets_app.store.errors import Conflict, NotFound, OutcomeUnknown, Rejected, StoreError
from secrets_app.writes import endings, leases, messages
from secrets_app.writes.leases import Lease
from secrets_app.writes.snapshots import WriteTarget, audit_target, take_snapshots

MOVED = "This secret changed after you opened the page. Review it, then decide."
SAME = "Both paths already hold the same value. Nothing was written."
DONE = "The mirror now holds the secret's value."
ALIEN = "The mirror holds a value that Branchkeep did not write. It was left as it is."


def repair_mirror(*, actor: Actor, app_id: str, pk: int, expected_versions: tuple[int, int]) -> str:
    """Make primary and mirror hold the same value; return a sentence that says what was done.

    The primary's value wins; if only the mirror exists, its value is copied to the primary.
    `expected_versions` are the versions of primary and mirror that the page showed. Raises Http404,
    PermissionDenied, a StoreError, or Conflict if either version is another one by now.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    named = audit_target(access, secret.branch, secret.key)
    with recording_denial(actor, Action.MIRROR_REPAIRED, named):
        access.require_on(Permission.WRITE, secret.branch)
    paths = require_location(access, secret)
    if paths.mirror is None:
        raise Rejected(paths.note or "This secret has only one path, so it has no mirror.")
    target = WriteTarget(secret.branch, secret.key, paths.primary)
    [snapshot] = take_snapshots(parameter_store(), access.app, [target])
    # Another secret of this key may have the same versions by now.
    if snapshot.secret is None or snapshot.secret.pk != pk:
        raise Conflict(MOVED)
    try:
        lease = leases.acquire(access, Action.MIRROR_REPAIRED, snapshot)
        with _released_on_failure(lease):
            return _copy(lease, paths.primary, paths.mirror, expected_versions)
    except leases.NotLeased:
        known = access.app.secrets.select_related("claim").filter(pk=pk).first()
        problem, until = messages.why_leased(known, actor)
        again = "Try again after that." if until else "Try again in a few seconds."
        raise Conflict(f"Not repaired: {problem} {again}") from None


@contextmanager
def _released_on_failure(lease: Lease) -> Iterator[None]:
    """If the store fails in the block, save the outcome and release the lease."""
    try:
        yield
    except StoreError as error:
        ending = endings.unknown if isinstance(error, OutcomeUnknown) else endings.failed
        endings.commit([ending(lease, error.code)])
        raise


def finish_mirror(access: Access, secret: Secret) -> bool:
    """Write the mirror that our own save did not get to. Return True if it holds the value now.

    Checks no permission: the background does this too. Writes only what is known to be ours: a
    mirror that is missing, or still holds what we wrote there. Any other is drift, and is left as
    it is. Raises a StoreError; Conflict if someone else is faster.
    """
    paths = require_location(access, secret)
    if paths.mirror is None:  # since the path profile changed
        Secret.objects.filter(pk=secret.pk).update(mirror_due_at=None)
        return False
    target = WriteTarget(secret.branch, secret.key, paths.primary)
    [snapshot] = take_snapshots(parameter_store(), access.app, [target])
    row = snapshot.secret
    is_ours = row is not None and row.claim_id is None and row.mirror_due_at is not None
    if row is None or not is_ours or row.version != snapshot.version or snapshot.is_recreated:
        raise Conflict(MOVED)  # the next reconcile finds out what happened
    try:
        lease = leases.acquire(access, Action.MIRROR_REPAIRED, snapshot)
        with _released_on_failure(lease):
            return _finish(lease, snapshot.stored, paths.primary, paths.mirror)
    except leases.NotLeased:
        raise Conflict(MOVED) from None


def _finish(lease: Lease, stored: Parameter | None, primary: str, mirror: str) -> bool:
    store, row = parameter_store(), lease.secret
    readings = store.read([primary, mirror])
    source, other = readings.get(primary), readings.get(mirror)
    if source is None or source.parameter != stored:
        raise Conflict(MOVED)
    version = lease.version_before
    if other and other.value == source.value:
        mirror_version = other.parameter.version
        _commit(lease, version, mirror_version, None, SAME)
        return True
    is_ours = other and row.mirror_of and other.parameter.version == row.mirror_version
    if other and (not is_ours or _is_recreated(row, other)):
        endings.commit([endings.mirror_left(lease, ALIEN)])
        return False
    written = _write(lease, mirror, source, overwrite=other is not None)
    held_as = LeaseStage.MIRROR if written.may_repeat else None
    _commit(lease, version, written.version, held_as, DONE)
    return True


def _copy(lease: Lease, primary: str, mirror: str, expected_versions: tuple[int, int]) -> str:
    store = parameter_store()
    readings = store.read([primary, mirror])
    source, other = readings.get(primary), readings.get(mirror)
    version, mirror_version = (r.parameter.version if r else 0 for r in (source, other))
    held_as = None
    if (version, mirror_version) != expected_versions or _is_recreated(lease.secret, other):
        raise Conflict(MOVED)
    if source and other and source.value == other.value:
        done = SAME
    elif source:
        written = _write(lease, mirror, source, overwrite=other is not None)
        mirror_version = written.version
        held_as = LeaseStage.MIRROR if written.may_repeat else None
        done = DONE
    elif other:
        leases.mark_called(lease)
        kept = key_and_tier(lease.secret, version=0)
        written = store.put(primary, other.value, overwrite=False, **kept)
        version, held_as = written.version, LeaseStage.LATE if written.may_repeat else None
        done = "The backend path now holds the documented path's value."
    else:
        raise NotFound
    _commit(lease, version, mirror_version, held_as, done)
    return done


def _is_recreated(row: Secret, mirror: Reading | None) -> bool:
    """Return True if a mirror of the known version was removed and added again outside."""
    is_same = mirror is not None and mirror.parameter.version == row.mirror_version
    return bool(
        is_same and mirror and is_recreated(row, row.mirror_modified, mirror.parameter.modified)
    )


def _write(lease: Lease, mirror: str, source: Reading, *, overwrite: bool) -> Written:
    leases.mark_called(lease)
    row = lease.secret
    return parameter_store().put(
        mirror,
        source.value,
        overwrite=overwrite,
        key_id=mirror_key(row),
        advanced=row.mirror_advanced,
    )


def _commit(
    lease: Lease, version: int, mirror_version: int, held_as: LeaseStage | None, detail: str
) -> None:
    ending = endings.mirror_written(lease, version, mirror_version, held_as=held_as, detail=detail)
    endings.commit([ending])
