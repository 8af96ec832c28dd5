"""Holding an app's projection against the parameter store.

One paged listing that decrypts nothing, at most once in 15 s for an app whoever asks. What may be
older than what is known, and what an earlier attempt left open, is asked for by name, and that
answer is believed: a listing may lag, and must never take a version back.
"""

from collections.abc import Iterable
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
    settle,
    update_from_store,
)
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import StoreError

PAUSE = timedelta(seconds=15)

Place = tuple[int | None, str]  # branch id, key


class Check(Enum):
    """What a check has to go by."""

    FIRST = auto()  # nothing was ever held against the store
    AGAIN = auto()
    MOVED = auto()  # the app's path profile has changed, so what is known is of other paths


@dataclass(frozen=True)
class Freshness:
    """How well the projection is known to agree with the store."""

    state: str  # "checking" | "fresh" | "unreachable"
    agreed_at: datetime | None = None
    problem: str = ""


def freshness(app: App) -> Freshness:
    """Return what the last check said."""
    return freshness_from(Revalidation.objects.filter(app=app).first())


def freshness_from(mark: Revalidation | None) -> Freshness:
    """Return what a check's mark says."""
    if mark is None or not (mark.problem or mark.agreed_at):
        return Freshness("checking")
    return Freshness("unreachable" if mark.problem else "fresh", mark.agreed_at, mark.problem)


def reconcile(*, actor: Actor, app_id: str) -> Freshness:
    """Hold an app's projection against the store, unless somebody just did; say how that ended.

    A store that does not answer is no exception: the list still stands, marked with its age.
    """
    app = find_app(actor, app_id).app
    if _take_turn(app):
        check(app)
    return freshness(app)


def _take_turn(app: App) -> bool:
    now = timezone.now()
    _, first = Revalidation.objects.get_or_create(app=app, defaults={"started_at": now})
    due = Revalidation.objects.filter(app=app, started_at__lt=now - PAUSE)
    return first or due.update(started_at=now) == 1


def check(app: App) -> None:
    """Hold an app's projection against the store now, and note how that ended."""
    mark = Revalidation.objects.filter(app=app)
    last = mark.exclude(agreed_at=None).first()
    try:
        _agree(app, parameter_store(), _kind_of_check(app, last))
    except StoreError as error:
        mark.update(problem=error.message[:200])
    else:
        mark.update(problem="", agreed_at=timezone.now(), path_profile=app.path_profile)


def _kind_of_check(app: App, last: Revalidation | None) -> Check:
    if last is None:
        return Check.FIRST
    return Check.AGAIN if last.path_profile in {"", app.path_profile} else Check.MOVED


def _agree(app: App, store: ParameterStore, kind: Check) -> None:
    seen = _by_place(store.list(listing_prefixes(app.app_id)), _scopes(app))
    rows = list(Secret.objects.filter(app=app).select_related("branch", "claim"))
    now = timezone.now()
    idle = [row for row in rows if row.claimed_until is None or row.claimed_until <= now]
    known = {(row.branch_id, row.key) for row in rows}
    unknown = [place for place in seen if place not in known]
    _ask_by_name(app, store, seen, _doubtful(idle, seen, unknown, kind))
    for row in idle:
        what = seen.get((row.branch_id, row.key), RemoteState())
        if row.claim_id or not matches(row, what):
            _bring(app, row, what, kind)
    if added := {place: seen[place] for place in unknown if place in seen}:
        _add(app, added, kind)


def _scopes(app: App) -> dict[str, tuple[int | None, bool]]:
    return {path: scope for scope, path in scope_folders(app, app.branches.all()).items()}


def _by_place(
    parameters: Iterable[Parameter], folders: dict[str, tuple[int | None, bool]]
) -> dict[Place, RemoteState]:
    """Sort what was listed by scope and key; what stands in no folder of ours is left alone."""
    seen: dict[Place, RemoteState] = {}
    for parameter in parameters:
        folder, _, key = parameter.path.rpartition("/")
        if folder not in folders:
            continue
        branch_id, is_mirror = folders[folder]
        other = seen.get((branch_id, key), RemoteState())
        seen[branch_id, key] = (
            RemoteState(other.primary, parameter)
            if is_mirror
            else RemoteState(parameter, other.mirror)
        )
    return seen


def _doubtful(
    rows: Iterable[Secret], seen: dict[Place, RemoteState], unknown: Iterable[Place], kind: Check
) -> list[Place]:
    """Return what is asked for by name: a listing may lag, and show what is gone or was before."""
    if kind is Check.MOVED:  # what is known is of other paths
        return [(row.branch_id, row.key) for row in rows if row.claim_id]
    places = [
        (row.branch_id, row.key)
        for row in rows
        if row.claim_id or may_be_stale(row, seen.get((row.branch_id, row.key), RemoteState()))
    ]
    return places if kind is Check.FIRST else [*places, *unknown]


def _ask_by_name(
    app: App, store: ParameterStore, seen: dict[Place, RemoteState], places: list[Place]
) -> None:
    """Put what the store says of these very names in the place of what was listed."""
    branches = {branch.pk: branch for branch in app.branches.all()}
    paths: dict[Place, Location] = {}
    for branch_id, key in places:
        with suppress(InvalidPath):  # the profile has changed since: nothing stands there for us
            branch = branches[branch_id] if branch_id else None
            paths[branch_id, key] = locate_secret(app, branch, key)
    names = [path for place in paths.values() for path in (place.primary, place.mirror) if path]
    current = store.current(names) if names else {}
    for place, folder in paths.items():
        found = RemoteState(current.get(folder.primary), current.get(folder.mirror or ""))
        seen.pop(place, None)
        if found != RemoteState():
            seen[place] = found


@transaction.atomic
def _bring(app: App, row: Secret, what: RemoteState, kind: Check) -> None:
    """Write to a row what was seen of it, unless somebody wrote it since it was read."""
    same = Secret.objects.select_for_update().filter(
        pk=row.pk, touched_at=row.touched_at, claim_id=row.claim_id
    )
    if not same.values_list("pk"):
        return
    now, before, settled = timezone.now(), row.version, row.claim_id is not None
    settle(row, what.version)
    if kind is Check.MOVED:
        adopt_paths(row, what, now)
    elif action := update_from_store(row, what, now):
        record_drift([_found(app, action, row.branch, row.key, before, row.version)])
    if settled:
        row.touched_at = now
    if row.version or row.mirror_version or row.gone_at:
        row.save()
    else:  # a creation that never happened, or a removal that did
        row.delete()


@transaction.atomic
def _add(app: App, places: dict[Place, RemoteState], kind: Check) -> None:
    """Add rows for what stands in the store and was not known."""
    list(Revalidation.objects.select_for_update().filter(app=app))  # one check at a time adds
    known = set(Secret.objects.filter(app=app).values_list("branch_id", "key"))
    branches = {branch.pk: branch for branch in app.branches.all()}
    now = timezone.now()
    rows, found = [], []
    for (branch_id, key), what in places.items():
        if (branch_id, key) in known:
            continue
        row = Secret(app=app, branch_id=branch_id, key=key, touched_at=now)
        if action := update_from_store(row, what, now):
            branch = branches[branch_id] if branch_id else None
            found.append(_found(app, action, branch, key, 0, row.version))
        rows.append(row)
    Secret.objects.bulk_create(rows, ignore_conflicts=True)
    if kind is not Check.MOVED:
        record_drift(_summary(app, found) if found and kind is Check.FIRST else found)


def _found(
    app: App, action: Action, branch: Branch | None, key: str, before: int, after: int
) -> ExternalChange:
    target = Target(app.app_id, scope_name(branch), key)
    return ExternalChange(action, target, before or None, after or None)


def _summary(app: App, found: list[ExternalChange]) -> list[ExternalChange]:
    """An app that comes to the console brings its secrets along: that is one entry."""
    count = "1 secret" if len(found) == 1 else f"{len(found):,} secrets"
    return [ExternalChange(Action.FOUND_ALL, Target(app.app_id, subject=count), None, None)]
