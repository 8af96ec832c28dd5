"""What needs attention about a connected app's variables and build settings."""

from collections.abc import Iterator

from django.db.models import F, Q
from django.urls import reverse

from console.access.policy import Access
from console.environment.faults import Fault, FaultKind
from envvars_app.amplify_sync.queries import connection_of
from envvars_app.models import SyncedBuildSpec, SyncedVariable, SyncState

BUILD = "build settings"


def of_app(access: Access) -> list[Fault]:
    """Return what was not pushed, or needs a decision. Takes two queries in a connected app.

    What only waits for its push is none of it, unless the last push of its scope failed.
    """
    if connection_of(access.app) is None:
        return []
    return [*_of_variables(access), *_of_build_settings(access)]


_ROWS = Q(scope__branch=None) | Q(scope__branch__deleted_at=None)
_FAULTY = ~Q(state=SyncState.PENDING) | ~Q(problem="") | ~Q(scope__problem="")


def _of_variables(access: Access) -> Iterator[Fault]:
    url = reverse("variables_amplify", args=[access.app.app_id])
    rows = SyncedVariable.objects.filter(_ROWS, _FAULTY, scope__app=access.app)
    for key, branch_id, state in (
        rows.exclude(state=SyncState.SAME)
        .order_by("key", F("scope__branch__sort_key").asc(nulls_first=True))
        .values_list("key", "scope__branch_id", "state")
    ):
        yield Fault(_kind(state), "variable", url, url, key, branch_id)


def _of_build_settings(access: Access) -> Iterator[Fault]:
    rows = SyncedBuildSpec.objects.filter(_ROWS, _FAULTY, scope__app=access.app)
    url = reverse("build_settings", args=[access.app.app_id])
    states = rows.exclude(state=SyncState.SAME).values_list("scope__branch_id", "state")
    for branch_id, state in states:
        own = f"{url}?branch={branch_id}" if branch_id else url
        yield Fault(_kind(state), BUILD, own, own, "", branch_id)


def _kind(state: str) -> FaultKind:
    return FaultKind.NOT_PUSHED if state == SyncState.PENDING else FaultKind.CONFLICT
