"""Reconciling: compare a listing of the parameter store with the projection, and update that.

A pass takes one paged listing that decrypts nothing, at most once per 15 seconds and app. SSM
listings are eventually consistent, so anything that is new in one or may be older than what we
know, and every write with a lost response, is asked for by name. Only that answer counts.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from django.db import transaction
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import find_app
from console.audit.events import Action, Target
from console.models import App, Branch, scope_name
from secrets_app.locations import locate_secret, scope_folders
from secrets_app.models import Revalidation, Secret
from secrets_app.paths import InvalidPath, Location, listing_prefixes
from secrets_app.projection import (
    ExternalChange,
    RemoteState,
    adopt_paths,
    matches,
    may_be_stale,
    record_drift,
    update_from_store,
)
from secrets_app.settling import settle
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import StoreError

MIN_INTERVAL = timedelta(seconds=15)

ScopedKey = tuple[int | None, str]  # branch id, key


class Kind(Enum):
    """How a pass treats differences. Only a repeated one reports each as drift."""

    FIRST = auto()  # the app's first: existing parameters are no drift, but one summary
    REPEATED = auto()
    PATHS_CHANGED = auto()  # the path profile changed, so the projection is about other paths


@dataclass(frozen=True)
class Freshness:
    """How current the projection is. `agreed_at` is when it last matched the store."""

    state: str  # "checking" | "fresh" | "unreachable"
    agreed_at: datetime | None = None
    problem: str = ""


def freshness(app: App) -> Freshness:
    """Return how the app's last pass ended."""
    return freshness_from(Revalidation.objects.filter(app=app).first())


def freshness_from(last: Revalidation | None) -> Freshness:
    """Return how the pass recorded in `last` ended."""
    if last is None or not (last.problem or last.agreed_at):
        return Freshness("checking")
    return Freshness("unreachable" if last.problem else "fresh", last.agreed_at, last.problem)


def reconcile(*, actor: Actor, app_id: str) -> Freshness:
    """Reconcile an app, unless it was done within MIN_INTERVAL. Return how current it is.

    A store that doesn't answer raises nothing: the list still works, marked with its age.
    """
    app = find_app(actor, app_id).app
    if _claim_turn(app):
        reconcile_now(app)
    return freshness(app)


def _claim_turn(app: App) -> bool:
    now = timezone.now()
    _, first = Revalidation.objects.get_or_create(app=app, defaults={"started_at": now})
    # The conditional UPDATE succeeds in only one of all processes.
    due = Revalidation.objects.filter(app=app, started_at__lt=now - MIN_INTERVAL)
    return first or due.update(started_at=now) == 1


def reconcile_now(app: App) -> None:
    """Reconcile an app now, and record how that ended. Raises no StoreError."""
    rows = Revalidation.objects.filter(app=app)
    last = rows.exclude(agreed_at=None).first()
    try:
        _reconcile(app, parameter_store(), _kind_of_pass(app, last))
    except StoreError as error:
        rows.update(problem=error.message[:200])
    else:
        rows.update(problem="", agreed_at=timezone.now(), path_profile=app.path_profile)


def _kind_of_pass(app: App, last: Revalidation | None) -> Kind:
    if last is None:
        return Kind.FIRST
    return Kind.REPEATED if last.path_profile in {"", app.path_profile} else Kind.PATHS_CHANGED


def _reconcile(app: App, store: ParameterStore, kind: Kind) -> None:
    remote = _group_by_key(store.list(listing_prefixes(app.app_id)), _scopes(app))
    rows = list(Secret.objects.filter(app=app).select_related("branch", "claim"))
    now = timezone.now()
    # A leased row belongs to its writer, who records what the store answered.
    idle = [row for row in rows if row.claimed_until is None or row.claimed_until <= now]
    known = {(row.branch_id, row.key) for row in rows}
    unknown = [scoped_key for scoped_key in remote if scoped_key not in known]
    _verify_by_name(app, store, remote, _keys_to_verify(idle, remote, unknown, kind))
    for row in idle:
        state = remote.get((row.branch_id, row.key), RemoteState())
        if row.claim_id or not matches(row, state):
            _apply_remote_state(app, row, state, kind)
    if added := {scoped_key: remote[scoped_key] for scoped_key in unknown if scoped_key in remote}:
        _add_rows(app, added, kind)


def _scopes(app: App) -> dict[str, list[tuple[int | None, bool]]]:
    """Map each folder to its scopes: two branches may share one (console/access/branches.py)."""
    found: defaultdict[str, list[tuple[int | None, bool]]] = defaultdict(list)
    for scope, path in scope_folders(app, app.branches.all()).items():
        found[path].append(scope)
    return found


def _group_by_key(
    parameters: Iterable[Parameter], folders: Mapping[str, list[tuple[int | None, bool]]]
) -> dict[ScopedKey, RemoteState]:
    """Group parameters by scope and key. Ignores those outside the app's folders."""
    remote: dict[ScopedKey, RemoteState] = {}
    for parameter in parameters:
        folder, _, key = parameter.path.rpartition("/")
        for branch_id, is_mirror in folders.get(folder, ()):
            other = remote.get((branch_id, key), RemoteState())
            remote[branch_id, key] = (
                RemoteState(other.primary, parameter)
                if is_mirror
                else RemoteState(parameter, other.mirror)
            )
    return remote


def _keys_to_verify(
    rows: Iterable[Secret],
    remote: dict[ScopedKey, RemoteState],
    unknown: Iterable[ScopedKey],
    kind: Kind,
) -> list[ScopedKey]:
    """Return the keys to ask for by name, because the listing may be stale about them."""
    if kind is Kind.PATHS_CHANGED:  # the known versions are of other paths and prove nothing
        return [(row.branch_id, row.key) for row in rows if row.claim_id]
    keys = [
        (row.branch_id, row.key)
        for row in rows
        if row.claim_id or may_be_stale(row, remote.get((row.branch_id, row.key), RemoteState()))
    ]
    return keys if kind is Kind.FIRST else [*keys, *unknown]


def _verify_by_name(
    app: App, store: ParameterStore, remote: dict[ScopedKey, RemoteState], keys: list[ScopedKey]
) -> None:
    """Replace what was listed for these keys by what the store says when asked by name."""
    branches = {branch.pk: branch for branch in app.branches.all()}
    paths: dict[ScopedKey, Location] = {}
    for branch_id, key in keys:
        with suppress(InvalidPath):  # the current path profile has no path for it
            branch = branches[branch_id] if branch_id else None
            paths[branch_id, key] = locate_secret(app, branch, key)
    names = [
        path for location in paths.values() for path in (location.primary, location.mirror) if path
    ]
    current = store.current(names) if names else {}
    for scoped_key, location in paths.items():
        found = RemoteState(current.get(location.primary), current.get(location.mirror or ""))
        remote.pop(scoped_key, None)
        if found != RemoteState():
            remote[scoped_key] = found


@transaction.atomic
def _apply_remote_state(app: App, row: Secret, state: RemoteState, kind: Kind) -> None:
    """Update the row, unless it changed since we read it."""
    # No lock was held during the calls to the store, so one of our writers may have been faster.
    same = Secret.objects.select_for_update().filter(
        pk=row.pk, touched_at=row.touched_at, claim_id=row.claim_id
    )
    if not same.values_list("pk"):
        return
    now, before, settled = timezone.now(), row.version, row.claim_id is not None
    settle(row, state)
    if kind is Kind.PATHS_CHANGED:
        adopt_paths(row, state, now)
    elif action := update_from_store(row, state, now):
        record_drift([_external_change(app, action, row.branch, row.key, before, row.version)])
    if settled:
        row.touched_at = now
    if row.version or row.mirror_version or row.gone_at:
        row.save()
    else:  # a creation that never happened, or a removal that did
        row.delete()


@transaction.atomic
def _add_rows(app: App, added: dict[ScopedKey, RemoteState], kind: Kind) -> None:
    """Add rows for parameters that were not in the projection."""
    # Locked, so that two passes at once don't both report the same drift.
    list(Revalidation.objects.select_for_update().filter(app=app))
    known = set(Secret.objects.filter(app=app).values_list("branch_id", "key"))
    branches = {branch.pk: branch for branch in app.branches.all()}
    now = timezone.now()
    rows, found = [], []
    for (branch_id, key), state in added.items():
        if (branch_id, key) in known:
            continue
        row = Secret(app=app, branch_id=branch_id, key=key, touched_at=now)
        if action := update_from_store(row, state, now):
            branch = branches[branch_id] if branch_id else None
            found.append(_external_change(app, action, branch, key, 0, row.version))
        rows.append(row)
    Secret.objects.bulk_create(rows, ignore_conflicts=True)
    if kind is not Kind.PATHS_CHANGED:
        record_drift(_summarized(app, found) if found and kind is Kind.FIRST else found)


def _external_change(
    app: App, action: Action, branch: Branch | None, key: str, before: int, after: int
) -> ExternalChange:
    target = Target(app.app_id, scope_name(branch), key)
    return ExternalChange(action, target, before or None, after or None)


def _summarized(app: App, found: list[ExternalChange]) -> list[ExternalChange]:
    """Return one summary instead of an event per secret that the app already had."""
    count = "1 secret" if len(found) == 1 else f"{len(found):,} secrets"
    return [ExternalChange(Action.FOUND_ALL, Target(app.app_id, subject=count), None, None)]
