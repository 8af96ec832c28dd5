"""Holding an app's projection against the parameter store.

One paged listing that decrypts nothing, at most once in 15 s for an app whoever asks. What looks
like going back in time, and what an earlier attempt left open, is asked for by name, and that
answer is believed: a listing may lag, and must never take a version back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from console.access import find_app
from console.actors import Actor
from console.audit import Action, Target
from console.models import App, Branch
from secrets_app.models import Revalidation, Secret
from secrets_app.paths import PathRefused, listing_prefixes
from secrets_app.places import folders_of, place_of_secret, scope_name
from secrets_app.projection import Found, Seen, agrees, goes_back, observe, record_found
from secrets_app.rows import settle
from secrets_app.store import parameter_store
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.store.errors import StoreError

PAUSE = timedelta(seconds=15)

Place = tuple[int | None, str]  # branch id, key


@dataclass(frozen=True)
class Freshness:
    """How well the projection is known to agree with the store."""

    state: str  # "checking" | "fresh" | "unreachable"
    agreed_at: datetime | None = None
    problem: str = ""


def freshness(app: App) -> Freshness:
    """Return what the last check said."""
    mark = Revalidation.objects.filter(app=app).first()
    if mark is None:
        return Freshness("checking")
    return Freshness("unreachable" if mark.problem else "fresh", mark.agreed_at, mark.problem)


def revalidate(*, actor: Actor, app_id: str) -> Freshness:
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
    first_time = not mark.exclude(agreed_at=None).exists()
    try:
        _agree(app, parameter_store(), first_time=first_time)
    except StoreError as error:
        mark.update(problem=error.sentence[:200])
    else:
        mark.update(problem="", agreed_at=timezone.now())


def _agree(app: App, store: ParameterStore, *, first_time: bool) -> None:
    seen = _by_place(store.list(listing_prefixes(app.app_id)), _scopes(app))
    rows = list(Secret.objects.filter(app=app).select_related("branch", "claim"))
    now = timezone.now()
    idle = [row for row in rows if row.claimed_until is None or row.claimed_until <= now]
    _ask_by_name(app, store, seen, idle)
    found = _update_known(app, idle, seen, now)
    known = {(row.branch_id, row.key) for row in rows}
    added = {place: what for place, what in seen.items() if place not in known}
    found += _add_unknown(app, added, now)
    with transaction.atomic():
        record_found(_summary(app, found) if first_time and found else found)


def _scopes(app: App) -> dict[str, tuple[int | None, bool]]:
    return {path: scope for scope, path in folders_of(app, app.branches.all()).items()}


def _by_place(
    parameters: Iterable[Parameter], folders: dict[str, tuple[int | None, bool]]
) -> dict[Place, Seen]:
    """Sort what was listed by scope and key; what stands in no folder of ours is left alone."""
    seen: dict[Place, Seen] = {}
    for parameter in parameters:
        folder, _, key = parameter.path.rpartition("/")
        if folder not in folders:
            continue
        branch_id, is_mirror = folders[folder]
        other = seen.get((branch_id, key), Seen())
        seen[branch_id, key] = (
            Seen(other.primary, parameter) if is_mirror else Seen(parameter, other.mirror)
        )
    return seen


def _ask_by_name(
    app: App, store: ParameterStore, seen: dict[Place, Seen], rows: list[Secret]
) -> None:
    doubtful = []
    for row in rows:
        if row.claim_id or goes_back(row, seen.get((row.branch_id, row.key), Seen())):
            try:
                doubtful.append((row, place_of_secret(app, row)))
            except PathRefused:  # the path profile has changed since: nothing stands there for us
                continue
    names = [path for _, place in doubtful for path in (place.primary, place.mirror) if path]
    current = store.current(names) if names else {}
    for row, place in doubtful:
        seen[row.branch_id, row.key] = Seen(
            current.get(place.primary), current.get(place.mirror or "")
        )


def _update_known(
    app: App, rows: list[Secret], seen: dict[Place, Seen], now: datetime
) -> list[Found]:
    found = []
    for row in rows:
        what = seen.get((row.branch_id, row.key), Seen())
        if row.claim_id is None and agrees(row, what):
            continue
        known = (row.version, row.mirror_version, row.modified, row.claim_id)
        before = row.version
        with transaction.atomic():
            settle(row, what.primary.version if what.primary else 0)
            change = observe(row, what, now)
            if known == (row.version, row.mirror_version, row.modified, row.claim_id):
                continue
            if not _write(row, known, now):
                transaction.set_rollback(True)
                continue
        if change is not None:
            found.append(_found(app, change, row.branch, row.key, before, row.version))
    return found


def _write(row: Secret, known: tuple[int, int, datetime | None, int | None], now: datetime) -> bool:
    """Update the row unless somebody wrote it since it was read."""
    version, mirror_version, _, claim_id = known
    same = Secret.objects.filter(
        pk=row.pk, version=version, mirror_version=mirror_version, claim_id=claim_id
    )
    if not (row.version or row.mirror_version or version or mirror_version or row.gone_at):
        return bool(same.delete()[0])  # a creation that never happened
    if claim_id != row.claim_id:
        row.touched_at = now
    fields = {
        name: getattr(row, name)
        for name in (
            "version", "mirror_version", "mirror_of", "modified", "changed_at", "changed_by",
            "gone_at", "touched_at", "claim_id", "claimed_until",
        )
    }  # fmt: skip
    return same.update(**fields) == 1


def _add_unknown(app: App, added: dict[Place, Seen], now: datetime) -> list[Found]:
    branches = {branch.pk: branch for branch in app.branches.all()}
    found, rows = [], []
    for (branch_id, key), what in added.items():
        row = Secret(app=app, branch_id=branch_id, key=key, touched_at=now)
        change = observe(row, what, now)
        rows.append(row)
        if change is not None:
            branch = branches[branch_id] if branch_id else None
            found.append(_found(app, change, branch, key, None, row.version))
    Secret.objects.bulk_create(rows, ignore_conflicts=True)
    return found


def _found(
    app: App, change: Action, branch: Branch | None, key: str, before: int | None, after: int
) -> Found:
    return Found(change, Target(app.app_id, scope_name(branch), key), before, after)


def _summary(app: App, found: list[Found]) -> list[Found]:
    """An app that comes to the console brings its secrets along: that is one entry."""
    return [Found(Action.FOUND_ALL, Target(app.app_id, subject=f"{len(found)}"), None, None)]
