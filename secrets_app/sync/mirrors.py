"""Finish mirrors that Branchkeep's own saves did not get to.

A save writes the secret first and its mirror second. If the process is killed or the store fails in
between, the mirror is missing or old. What is known to be ours is marked (`Secret.mirror_due_at`)
and finished in the background, by `settle`, or with one button. Each repair decrypts one value and
is an audit event. A mirror that someone else changed is drift, and only its own page repairs it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access import acts
from console.access.actors import BACKGROUND, Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Target
from console.audit.refusals import record_refusal
from console.lib.clock import latest_end
from console.lib.stopping import is_stopping
from console.models import App
from secrets_app.locations import fits_path, scope_folders
from secrets_app.models import Secret
from secrets_app.store.errors import OutcomeUnknown, StoreError, Unavailable
from secrets_app.sync import turns
from secrets_app.sync.reconciling import refresh
from secrets_app.writes import leases
from secrets_app.writes.encrypting import finish_interrupted
from secrets_app.writes.mirror import finish_mirror, repair_mirror

RETRY_AFTER = timedelta(minutes=10)  # longer than the repair of one mirror takes
IN_REQUEST = 20  # mirrors that the button's request finishes; the background does the rest


@dataclass
class Repairs:
    """What became of unfinished mirrors. `problem` is what the store said, or ""."""

    finished: int = 0
    left: int = 0  # someone else's, or failed
    later: int = 0  # for the background
    problem: str = ""


def unfinished() -> QuerySet[Secret]:
    """Return the secrets whose mirror Branchkeep has not finished."""
    return Secret.objects.filter(mirror_due_at__isnull=False).order_by("pk")


def finish_due() -> Repairs:
    """Settle interrupted saves and finish the mirrors that are due, of all apps."""
    return _finish_all_apps(_due)


def finish_all() -> Repairs:
    """Do the same, whether a mirror is due or was tried a moment ago."""
    return _finish_all_apps(unfinished)


def finish_app(*, actor: Actor, app_id: str) -> Repairs:
    """Finish the mirrors of an app as a user: those on branches that they may write on.

    Raises Http404, PermissionDenied, or StoreError.
    """
    access = find_app(actor, app_id)
    if not any(access.may_on(Permission.WRITE, branch) for branch in (None, *access.branches)):
        record_refusal(actor, Action.MIRROR_REPAIRED, Target(app_id))
        access.require_on(Permission.WRITE, None)
    _settle_expired(access.app)
    rows = unfinished().filter(app=access.app).select_related("branch")
    allowed = [row for row in rows if access.may_on(Permission.WRITE, row.branch)]
    result = Repairs(later=len(allowed[IN_REQUEST:]))
    _finish(access, allowed[:IN_REQUEST], result)
    if result.later:
        unfinished().filter(pk__in=[row.pk for row in allowed[IN_REQUEST:]]).update(
            mirror_due_at=timezone.now()
        )
        turns.work.set()
    return result


def at_one_path(access: Access) -> list[Secret]:
    """Return the secrets that exist at one of their two paths only, as after a new path profile.

    Without those that the background finishes. Takes one query.
    """
    folders = scope_folders(access.app, access.branches)
    is_half = Q(version__gt=0, mirror_version=0) | Q(version=0, mirror_version__gt=0)
    rows = access.app.secrets.filter(is_half, mirror_due_at=None, claim=None, gone_at=None)
    return [
        row
        for row in rows.select_related("branch").order_by("pk")
        if (folder := folders.get((row.branch_id, True))) and fits_path(folder, row.key)
    ]


def copy_to_both_paths(*, actor: Actor, app_id: str, may_go_on: Callable[[], bool]) -> Repairs:
    """Copy secrets to the path where they are missing, at least one, while `may_go_on`.

    For owners, who change the path profile. Each is an audit event. What is copied is no longer
    listed, so an interrupted run goes on where it stopped. Raises Http404, PermissionDenied or
    ConfirmationRequired.
    """
    access = find_app(actor, app_id)
    if not access.may(Permission.MANAGE):
        record_refusal(actor, Action.APP_CHANGED, Target(app_id))
    acts.require(access, Action.APP_CHANGED)
    acts.require_recent(actor, Action.APP_CHANGED)
    result, rows, failed = Repairs(), at_one_path(access), set[int]()
    for number, row in enumerate(rows):
        if number and (is_stopping() or not may_go_on()):
            result.later = len(rows) - number
            break
        versions = (row.version, row.mirror_version)
        try:
            repair_mirror(actor=actor, app_id=app_id, pk=row.pk, expected_versions=versions)
        except (Unavailable, OutcomeUnknown) as error:
            result.left, result.problem = len(rows) - number, error.message
            break
        except StoreError as error:
            failed.add(row.pk)
            result.problem = error.message
        else:
            result.finished += 1
    if failed:  # somebody else may have copied them at the same time
        result.left += len(failed.intersection(row.pk for row in at_one_path(access)))
    return result


def _due() -> QuerySet[Secret]:
    now = timezone.now()
    overdue = Q(mirror_due_at__gt=latest_end(now, RETRY_AFTER))  # the clock was set back
    return Secret.objects.filter(Q(mirror_due_at__lte=now) | overdue).order_by("pk")


def _finish_all_apps(chosen: Callable[[], QuerySet[Secret]]) -> Repairs:
    result = Repairs()
    expired = Secret.objects.filter(leases.is_expired(timezone.now()))
    found = Q(pk__in=expired.values("app_id")) | Q(pk__in=unfinished().values("app_id"))
    for app in App.objects.filter(found).order_by("app_id"):
        try:
            _settle_expired(app)
        except StoreError as error:
            result.problem = error.message
        if not result.problem:
            # Asked for only now: settling may have found more.
            rows = chosen().filter(app=app).select_related("branch")
            _finish(Access(BACKGROUND, app, ()), rows, result)
    return result


def _settle_expired(app: App) -> None:
    """Settle the saves that were interrupted: that shows which mirrors they didn't get to."""
    finish_interrupted(app)
    if open_rows := Secret.objects.filter(leases.is_expired(timezone.now()), app=app):
        refresh(app, open_rows)


def _finish(access: Access, rows: Iterable[Secret], result: Repairs) -> None:
    """Finish the mirrors, one after the other. Stops when the store is unavailable."""
    for row in rows:
        # Postponed first: a process that is killed tries again later, and no other one now.
        claimed = unfinished().filter(pk=row.pk, claim=None, mirror_due_at=row.mirror_due_at)
        if not claimed.update(mirror_due_at=timezone.now() + RETRY_AFTER):
            continue
        try:
            finished = finish_mirror(access, row)
        except (Unavailable, OutcomeUnknown) as error:
            result.left, result.problem = result.left + 1, error.message
            return
        except StoreError:
            finished = False
        result.finished += finished
        result.left += not finished
