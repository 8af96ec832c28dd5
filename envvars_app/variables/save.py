"""Save: many rows, each answers for itself, and none is written as part of a whole map.

Each row is planned twice. First without a lock, to know who may do it, what it is called in the
audit trail, and whether it meets somebody else's change; its attempts are committed then. Then
again under the app's lock, in one transaction with all that is written and how it ended: so an
attempt without an outcome, after a crash, is one that changed nothing.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Outcome, attempt_all, conclude_all
from console.lib.results import Result, RowOutcome
from console.models import App, AuditEvent
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import messages
from envvars_app.variables.commands import Change
from envvars_app.variables.plan import Act, Denied, Plan, Refused, State, Taken, target_of

log = structlog.get_logger()


@dataclass
class _Row:
    """A change that may go on, with its attempts."""

    change: Change
    plan: Plan
    events: list[AuditEvent] = field(default_factory=list)


def save(
    *, actor: Actor, app_id: str, changes: Sequence[Change], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write, rename and remove variables; return one outcome for each change, in their order.

    Raises Http404 for an outsider.
    """
    access = find_app(actor, app_id)
    outcomes: dict[str, RowOutcome] = {}
    rows = _planned(access, changes, change_set, outcomes)
    try:
        _attempt(access, rows, change_set)
    except DatabaseError as error:
        _all_failed(rows, outcomes, error, messages.DATABASE_BUSY)
    else:
        try:
            _write(access, rows, change_set, outcomes)
        except DatabaseError as error:
            _all_failed(rows, outcomes, error, messages.DATABASE_UNKNOWN)
    return [outcomes[change.token] for change in changes]


def _planned(
    access: Access,
    changes: Sequence[Change],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> list[_Row]:
    state = State(access, changes)
    rows: list[_Row] = []
    denials: list[Denied] = []
    waiting = _in_order(changes)
    while waiting:
        taken = _plan_each(state, waiting, rows, denials, outcomes)
        waiting = taken if len(taken) < len(waiting) else []
    _record(access, denials, change_set)
    return rows


def _plan_each(
    state: State,
    changes: Sequence[Change],
    rows: list[_Row],
    denials: list[Denied],
    outcomes: dict[str, RowOutcome],
) -> list[Change]:
    """Plan what can be; return the renames to a name that is still taken."""
    taken = []
    for change in changes:
        try:
            plan = state.plan(change)
        except Refused as refusal:
            outcomes[change.token] = refusal.outcome
            if isinstance(refusal, Denied):
                denials.append(refusal)
            if isinstance(refusal, Taken):
                taken.append(change)
        else:
            outcomes.pop(change.token, None)
            state.apply(plan)
            if plan.acts:
                rows.append(_Row(change, plan))
            else:
                outcomes[change.token] = plan.outcome()
    return taken


def _record(access: Access, denials: Sequence[Denied], change_set: uuid.UUID) -> None:
    """Commit what was denied, all at once: a row each would be a commit each."""
    if not denials:
        return
    attempts = [(denial.action, denial.target, None) for denial in denials]
    with transaction.atomic(durable=True):
        events = attempt_all(access.actor, attempts, change_set=change_set)
        conclude_all((event.pk, Outcome.DENIED, None, "") for event in events)


def _in_order(changes: Iterable[Change]) -> list[Change]:
    """Removals, changes, renames, then what is new: a name set free may be taken by another."""
    return sorted(
        changes, key=lambda c: (c.value is not None, c.variable_id is None, c.key is not None)
    )


def _attempt(access: Access, rows: Sequence[_Row], change_set: uuid.UUID) -> None:
    acts = [act for row in rows for act in row.plan.acts]
    with transaction.atomic(durable=True):
        events = iter(
            attempt_all(
                access.actor,
                [(act.action, target_of(access, act), act.version_before) for act in acts],
                change_set=change_set,
            )
        )
    for row in rows:
        row.events = [next(events) for _ in row.plan.acts]


@transaction.atomic(durable=True)
def _write(
    access: Access, rows: Sequence[_Row], change_set: uuid.UUID, outcomes: dict[str, RowOutcome]
) -> None:
    list(App.objects.select_for_update(no_key=True).filter(pk=access.app.pk).values_list("pk"))
    state = State(replace(access), [row.change for row in rows])  # which reads the branches anew
    acts: list[Act] = []
    ends: list[tuple[int, Outcome, int | None, str]] = []
    for row in rows:
        try:
            plan = _planned_again(state, row)
        except Refused as refusal:
            outcomes[row.change.token] = refusal.outcome
            ends += [(event.pk, Outcome.FAILED, None, "conflict") for event in row.events]
            continue
        acts += plan.acts
        for event, act in zip(row.events, plan.acts, strict=True):
            ends.append((event.pk, Outcome.SUCCEEDED, act.version_after, act.said))
        row.plan = plan
    _store(access, acts, change_set)
    conclude_all(ends)
    for row in rows:
        if row.change.token not in outcomes:
            outcomes[row.change.token] = row.plan.outcome()


def _planned_again(state: State, row: _Row) -> Plan:
    """Return the plan as it is under the lock; it has to be about the same variables."""
    plan = state.plan(row.change)
    if [act.name for act in plan.acts] != [act.name for act in row.plan.acts]:
        raise Refused(
            RowOutcome(
                row.change.token,
                Result.CONFLICT,
                messages.MOVED,
                version=row.change.base,
                life=row.change.life,
            )
        )
    state.apply(plan)
    return plan


def _store(access: Access, acts: Sequence[Act], change_set: uuid.UUID) -> None:
    now, by = timezone.now(), access.actor.label
    rows = {id(act.variable): act.variable for act in acts}  # one may be written and then renamed
    for row in rows.values():
        row.changed_at, row.changed_by = now, by
        row.removed_at = now if row.removed_at else None
    Variable.objects.bulk_create(  # what sets a name free comes before what takes it
        [row for row in rows.values() if row.pk],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["key", "value", "version", "changed_at", "changed_by", "removed_at"],
    )
    Variable.objects.bulk_create([row for row in rows.values() if not row.pk])
    for act in acts:
        if act.forget:
            forget(act.variable)
    VariableVersion.objects.bulk_create(
        VariableVersion(
            variable=act.variable,
            version=act.version,
            key=act.key,
            value=act.value,
            note=act.note,
            at=now,
            by=by,
            change_set=change_set,
        )
        for act in acts
    )


def forget(variable: Variable) -> None:
    """Forget the values of a removed variable, and of those before it of its name and scope."""
    rows = Variable.objects.filter(
        app=variable.app_id, branch=variable.branch_id, key=variable.key, removed_at__isnull=False
    )
    versions = VariableVersion.objects.filter(variable__in=rows, value__isnull=False)
    versions.update(value="", forgotten=True)
    rows.update(value="")


def _all_failed(
    rows: Sequence[_Row], outcomes: dict[str, RowOutcome], error: DatabaseError, message: str
) -> None:
    """Say so of every row that was to be written: it was all or nothing."""
    log.error("save.database", error=type(error).__name__)
    for row in rows:
        outcomes[row.change.token] = RowOutcome(
            row.change.token, Result.FAILED, message, version=row.change.base
        )
