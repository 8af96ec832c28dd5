"""Replace a String by a SecureString: SSM can't change a type, so it is removed and created again.

Its value must survive whatever happens in between. So it is first copied to the recycle bin, as a
SecureString. If the store fails or the process is killed from then on, the row's lease stays. When
no request can arrive anymore, the background puts back what is missing and removes the copy
(docs/adr/0046).
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.access.actors import BACKGROUND, Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Outcome, attempt, conclude, conclude_all
from console.audit.refusals import record_refusal
from console.lib.naming.names import PathProfile
from console.models import App, AuditEvent
from secrets_app.locations import find_secret, location_of, require_location, scope_of
from secrets_app.models import LeaseStage, Secret
from secrets_app.paths import Location, bin_path, locate
from secrets_app.projection import RemoteState, adopt_paths
from secrets_app.store import parameter_store
from secrets_app.store.base import ParameterStore, Reading, Written
from secrets_app.store.errors import (
    AlreadyExists,
    Conflict,
    OutcomeUnknown,
    Rejected,
    StoreError,
)
from secrets_app.writes import endings, leases, messages
from secrets_app.writes.endings import Ending
from secrets_app.writes.leases import Lease
from secrets_app.writes.snapshots import WriteTarget, audit_target, take_snapshots

MOVED = "This secret changed after you opened the page. Review it, then decide."
ENCRYPTED = "The store already encrypts this secret. Nothing was changed."
DONE = "The store encrypts this secret now. Rotate it: anyone who can read parameters could see it."
INTERRUPTED = (
    "The parameter store failed while this secret was replaced. Its value is kept, and Branchkeep "
    "puts it back by itself in about two minutes."
)
FINISHED = "Branchkeep finished in the background what was interrupted."


def encrypt(*, actor: Actor, app_id: str, pk: int, expected_versions: tuple[int, int]) -> str:
    """Replace the secret's unencrypted parameters; return a sentence that says what was done.

    `expected_versions` are the versions of primary and mirror that the page showed. Raises Http404,
    PermissionDenied, or a StoreError; Conflict if either version is another one by now.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    if not access.may_on(Permission.WRITE, secret.branch):
        target = audit_target(access, secret.branch, secret.key)
        record_refusal(actor, Action.SECRET_ENCRYPTED, target)
    access.require_on(Permission.WRITE, secret.branch)
    paths = require_location(access, secret)
    write_target = WriteTarget(secret.branch, secret.key, paths.primary)
    [snapshot] = take_snapshots(parameter_store(), access.app, [write_target])
    if snapshot.secret is None or snapshot.secret.pk != pk:
        raise Conflict(MOVED)
    try:
        lease = leases.acquire(access, Action.SECRET_ENCRYPTED, snapshot)
        return _encrypt(parameter_store(), access.app, lease, paths, expected_versions)
    except leases.NotLeased:
        known = access.app.secrets.select_related("claim").filter(pk=pk).first()
        problem, until = messages.why_leased(known, actor)
        again = "Try again after that." if until else "Try again in a few seconds."
        raise Conflict(f"Not replaced: {problem} {again}") from None


def finish_interrupted(app: App) -> None:
    """Finish the app's replacements that were interrupted, where no request can arrive anymore.

    Each is an audit event of its own, because it reads a value. Raises StoreError.
    """
    rows = Secret.objects.filter(leases.is_expired(timezone.now()), app=app)
    rows = rows.filter(claim__action=Action.SECRET_ENCRYPTED).exclude(claim_stage=LeaseStage.TAKEN)
    for row in rows.select_related("branch", "claim"):
        _finish(app, row)


def _encrypt(
    store: ParameterStore,
    app: App,
    lease: Lease,
    paths: Location,
    expected_versions: tuple[int, int],
) -> str:
    is_touched = False
    try:
        found = store.read(filter(None, [paths.primary, paths.mirror]))
        plain = _unencrypted(found, paths, expected_versions)
        copies = _copies(app, lease.secret, lease.event_id)
        kept = {path: _kept(lease.secret, is_mirror=path == paths.mirror) for path in plain}
        leases.mark_called(lease)
        for path in plain:  # nothing is removed before every value is safe
            store.put(copies[path], found[path].value, overwrite=True, **kept[path])
            is_touched = True
        written = {path: _replace(store, lease, found[path], kept[path]) for path in plain}
        store.remove(copies[path] for path in plain)
    except StoreError as error:
        if not is_touched and not isinstance(error, OutcomeUnknown):
            endings.commit([endings.failed(lease, error.code)])
            raise
        endings.commit([endings.unknown(lease, error.code)])
        raise OutcomeUnknown(INTERRUPTED, code=error.code) from None
    endings.commit([_ending(lease, paths, found, written)])
    return DONE


def _unencrypted(
    found: Mapping[str, Reading], paths: Location, expected_versions: tuple[int, int]
) -> list[str]:
    """Return the paths that hold a String. Raises Conflict, or Rejected if none does."""
    readings = (found.get(paths.primary), found.get(paths.mirror or ""))
    if tuple(it.parameter.version if it else 0 for it in readings) != expected_versions:
        raise Conflict(MOVED)
    plain = [path for path, reading in found.items() if not reading.parameter.encrypted]
    if not plain:
        raise Rejected(ENCRYPTED)
    return plain


def _kept(secret: Secret, *, is_mirror: bool) -> dict[str, Any]:
    """Return the KMS key and the tier with which a parameter is created again.

    A String has no key, so it gets the one of the other parameter, which may hold the same value.
    """
    return {
        "key_id": secret.key_id or secret.mirror_key_id,
        "advanced": secret.mirror_advanced if is_mirror else secret.advanced,
    }


def _replace(
    store: ParameterStore, lease: Lease, reading: Reading, kept: Mapping[str, Any]
) -> Written:
    """Remove a parameter and create it again.

    If a response is lost, nothing more is sent: a removal that arrives late would take the new
    parameter. Once it is removed, it is created whether the lease still holds or not.
    """
    leases.mark_called(lease)
    path = reading.parameter.path
    store.remove([path])
    written = store.put(path, reading.value, overwrite=False, **kept)
    if written.may_repeat:
        raise OutcomeUnknown(code="SentTwice")
    return written


def _ending(
    lease: Lease, paths: Location, found: Mapping[str, Reading], written: Mapping[str, Written]
) -> Ending:
    columns: dict[str, Any] = {"unencrypted": False, "modified_by": ""}
    key_id = _kept(lease.secret, is_mirror=False)["key_id"]
    at: datetime | None = None
    version, mirror_version = lease.version_before, lease.secret.mirror_version
    if result := written.get(paths.primary):
        version, at = result.version, result.at
        columns |= {"version": version, "modified": None, "key_id": key_id}
    if result := written.get(paths.mirror or ""):
        mirror_version, at = result.version, result.at
        columns |= {"mirror_version": mirror_version, "mirror_modified": None}
        columns["mirror_key_id"] = key_id
    primary, mirror = found.get(paths.primary), found.get(paths.mirror or "")
    is_same = bool(primary and mirror and primary.value == mirror.value)
    columns |= {"mirror_of": version if is_same else 0, "answered_at": at}
    return Ending(lease, Outcome.SUCCEEDED, DONE, version or None, columns)


def _copies(app: App, secret: Secret, event_id: int) -> dict[str, str]:
    """Map each path that the secret has in any profile to that of its copy in the recycle bin."""
    location = locate(scope_of(app, secret.branch), secret.key, PathProfile.BOTH)
    places = {"backend": location.primary, "documented": location.mirror}
    return {
        path: bin_path(app.app_id, f"{event_id}-{name}", secret.key)
        for name, path in places.items()
        if path
    }


def _finish(app: App, row: Secret) -> None:
    same = Secret.objects.filter(pk=row.pk, claim=row.claim_id, claimed_until=row.claimed_until)
    until = timezone.now() + leases.LEASE_DURATION
    if row.claim is None or not same.update(claimed_until=until):
        return  # another process finishes it
    access = Access(BACKGROUND, app, ())
    target = audit_target(access, row.branch, row.key)
    with transaction.atomic(durable=True):
        event = attempt(BACKGROUND, Action.SECRET_ENCRYPTED, target)
    try:
        _put_back(parameter_store(), app, row, _copies(app, row, row.claim.pk))
        location = location_of(app, row)
        current = parameter_store().current(filter(None, [location.primary, location.mirror]))
    except StoreError as error:  # tried again once the lease has expired
        conclude(event.pk, Outcome.FAILED, detail=error.code)
        raise
    remote = RemoteState(current.get(location.primary), current.get(location.mirror or ""))
    _settle(row, row.claim, event, remote)


def _put_back(store: ParameterStore, app: App, row: Secret, copies: Mapping[str, str]) -> None:
    """Create what is missing from its copy, then remove the copies."""
    documented = locate(scope_of(app, row.branch), row.key, PathProfile.BOTH).mirror
    mirror = documented if app.path_profile == PathProfile.BOTH else None
    found = store.read([*copies, *copies.values()])
    for path, copy in copies.items():
        if copy in found and path not in found:
            with suppress(AlreadyExists):  # someone has just added it
                kept = _kept(row, is_mirror=path == mirror)
                store.put(path, found[copy].value, overwrite=False, **kept)
    if left := [copy for copy in copies.values() if copy in found]:
        store.remove(left)


@transaction.atomic
def _settle(row: Secret, claim: AuditEvent, event: AuditEvent, remote: RemoteState) -> None:
    """Show what the store holds now. It is no drift."""
    [locked] = Secret.objects.select_for_update().filter(pk=row.pk)
    detail = FINISHED if not remote.unencrypted else "It was not replaced. Its value is unchanged."
    version = remote.version or None
    conclude_all(
        [
            (claim.pk, Outcome.SETTLED, version, detail),
            (event.pk, Outcome.SUCCEEDED, version, detail),
        ]
    )
    if locked.claim_id != claim.pk:
        return
    adopt_paths(locked, remote, timezone.now())
    locked.claim, locked.claimed_until, locked.claim_stage = None, None, ""
    locked.save()
