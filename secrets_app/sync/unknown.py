"""Record which parameters of an app belong to no known branch, from the listing of each pass.

The rows are metadata to show and to choose from. Before one is removed, the store is asked for it
by name (`sync.adopting`), so a listing that lags does no harm.
"""

from collections.abc import Iterable

from django.db import transaction
from django.utils import timezone

from console.audit.events import Outcome, conclude
from console.models import App
from secrets_app.models import UnknownParameter
from secrets_app.settling import GONE
from secrets_app.store.base import Parameter, ParameterStore
from secrets_app.writes import leases

BATCH = 500  # rows per statement
STILL_THERE = "The store still holds the parameter: it was not removed, or it was added again."


def record(app: App, store: ParameterStore, found: Iterable[Parameter]) -> set[str]:
    """Make the rows match what was found of the app outside the folders of its branches.

    Returns the paths that were known before.
    """
    parameters = {parameter.path: parameter for parameter in found}
    rows = {row.path: row for row in _idle(app, store)}
    changed = [
        parameter
        for path, parameter in parameters.items()
        if path not in rows or _shown(rows[path]) != _shown(parameter)
    ]
    _write(app, changed, [row.pk for path, row in rows.items() if path not in parameters])
    return {*rows}


def settle(app: App, store: ParameterStore, rows: Iterable[UnknownParameter]) -> None:
    """Settle removals whose outcome is open, by asking for their parameters by name.

    Only for claims that have expired: until then a request of theirs may still arrive.
    """
    expired = [row for row in rows if row.claim_id]
    current = store.current(row.path for row in expired) if expired else {}
    for row in expired:
        _settle_one(row, current.get(row.path))


@transaction.atomic
def _settle_one(row: UnknownParameter, found: Parameter | None) -> None:
    same = UnknownParameter.objects.filter(pk=row.pk, claim_id=row.claim_id)
    if row.claim_id is None or not same.update(claim=None, claimed_until=None):
        return  # another process was faster
    detail, version = (STILL_THERE, found.version) if found else (GONE, None)
    conclude(row.claim_id, Outcome.SETTLED, version_after=version, detail=detail)
    if found is None:
        UnknownParameter.objects.filter(pk=row.pk, claim=None).delete()


def _idle(app: App, store: ParameterStore) -> list[UnknownParameter]:
    """Return the rows that no running removal owns, after those that were cut off are settled."""
    now = timezone.now()
    rows = app.unknown_parameters.all()
    idle = [row for row in rows if not leases.is_running(row.claimed_until, now)]
    settle(app, store, idle)
    return idle


def remember(app: App, found: Iterable[Parameter]) -> None:
    """Add or update the rows of parameters that were just written again."""
    _write(app, found, [])


def _shown(of: UnknownParameter | Parameter) -> tuple[object, ...]:
    named = of.modified_by or "", of.key_id or "", bool(of.advanced)
    return of.version, of.modified, of.encrypted, *named


def _write(app: App, changed: Iterable[Parameter], gone: list[int]) -> None:
    rows = [_row(app, parameter) for parameter in changed]
    UnknownParameter.objects.bulk_create(
        rows,
        batch_size=BATCH,
        update_conflicts=True,
        unique_fields=["app", "folder", "key"],
        update_fields=["version", "modified", "encrypted", "modified_by", "key_id", "advanced"],
    )
    for start in range(0, len(gone), BATCH):
        some = gone[start : start + BATCH]
        UnknownParameter.objects.filter(pk__in=some, claim=None).delete()


def _row(app: App, parameter: Parameter) -> UnknownParameter:
    folder, _, key = parameter.path.rpartition("/")
    return UnknownParameter(
        app=app,
        folder=folder,
        key=key,
        version=parameter.version,
        modified=parameter.modified,
        encrypted=parameter.encrypted,
        modified_by=parameter.modified_by or "",
        key_id=parameter.key_id or "",
        advanced=bool(parameter.advanced),
    )
