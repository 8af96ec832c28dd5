"""The recycle bin's variables: for how long they can be restored, restoring and deleting them."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone

from console.access import acts
from console.access.actors import BACKGROUND
from console.access.policy import Access
from console.audit.events import (
    Action,
    Outcome,
    Target,
    attempt_all,
    audited_transaction,
    conclude_all,
)
from console.audit.refusals import recording_denial
from console.db.erasure import erase_deleted
from console.models import App, scope_name
from envvars_app.models import Variable

BATCH = 100


def expiry_of(since: datetime) -> datetime:
    """Return when a variable that was removed at `since` expires."""
    return since + timedelta(days=settings.BIN_DAYS)


def kept(app: App) -> QuerySet[Variable]:
    """Return what is in the app's recycle bin, the first to expire at the top."""
    rows = Variable.objects.filter(app=app, removed_at__isnull=False, expires_at__gt=timezone.now())
    return rows.select_related("branch").order_by("expires_at", "pk")


def find_removed(access: Access, pk: int) -> Variable:
    """Return a variable in the recycle bin. Raises Http404."""
    variable = kept(access.app).filter(pk=pk).first()
    if variable is None:
        raise Http404("This is no longer in the recycle bin.")
    return variable


def take_out(ids: Collection[int]) -> None:
    """Take restored variables out of the recycle bin. Their rows stay, as history."""
    if ids:
        Variable.objects.filter(pk__in=ids, removed_at__isnull=False).update(expires_at=None)


def hold_saves(app: App) -> None:
    """Let no save of the app run until the transaction ends.

    So a restore either has ended before, or finds nothing to restore.
    """
    App.objects.select_for_update(no_key=True).values_list("pk").get(pk=app.pk)


def delete(access: Access, variable: Variable) -> None:
    """Delete a removed variable and its history for good.

    Raises PermissionDenied, or Http404 if it was restored in the meantime.
    """
    target = _target(access.app, variable)
    with recording_denial(access.actor, Action.BIN_DELETED, target):
        acts.require(access, Action.BIN_DELETED, variable.branch)
    with audited_transaction(access.actor, Action.BIN_DELETED, target):
        hold_saves(access.app)
        _delete([find_removed(access, variable.pk).pk])


def purge() -> int:
    """Delete the variables whose time in the recycle bin is over; return how many."""
    number = 0
    while purged := _purge_batch():
        number += purged
    return number


@transaction.atomic(durable=True)
def _purge_batch() -> int:
    """Delete some and record it in the same transaction, so that no other process does it too."""
    expired = Variable.objects.filter(removed_at__isnull=False, expires_at__lte=timezone.now())
    chosen = expired.select_related("app", "branch").order_by("expires_at", "pk")
    rows = list(chosen.select_for_update(of=("self",))[:BATCH])
    events = attempt_all(
        BACKGROUND,
        ((Action.BIN_PURGED, _target(row.app, row), row.version) for row in rows),
        change_set=None,
    )
    conclude_all((event.pk, Outcome.SUCCEEDED, None, "") for event in events)
    _delete([row.pk for row in rows])
    return len(rows)


def _delete(ids: Iterable[int]) -> None:
    if chosen := [*ids]:
        Variable.objects.filter(pk__in=chosen, removed_at__isnull=False).delete()
        erase_deleted()


def _target(app: App, variable: Variable) -> Target:
    return Target(app.app_id, scope_name(variable.branch), variable.key)
