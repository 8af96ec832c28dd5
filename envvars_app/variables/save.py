"""Save: many rows, each of which reports its own outcome.

Each row is planned twice. First without a lock, to check permissions and conflicts; its audit
events are committed then. Then again under the app's lock, in one transaction with all writes and
outcomes. So after a crash, an audit event without an outcome changed nothing.
"""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import structlog
from django.db import DatabaseError, transaction
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Outcome, attempt_all, conclude_all
from console.audit.refusals import record_refusals
from console.db.erasure import erase_deleted
from console.lib.results import DONE, Result, RowOutcome
from console.models import App, AuditEvent
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import messages, pending, recycle_bin
from envvars_app.variables.commands import SetVariable, VariableCommand
from envvars_app.variables.plan import Denied, Plan, Refused, Taken, Write, audit_target
from envvars_app.variables.planner import Planner

REMOVED = ("removed_at", "expires_at")

log = structlog.get_logger()


@dataclass
class _Row:
    """A valid command, with its attempts."""

    command: VariableCommand
    plan: Plan
    events: list[AuditEvent] = field(default_factory=list)


def save(
    *, actor: Actor, app_id: str, commands: Sequence[VariableCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Write, rename and remove variables; return one outcome per command, in their order.

    Raises Http404 for an outsider.
    """
    return save_as(access=find_app(actor, app_id), commands=commands, change_set=change_set)


def save_as(
    *, access: Access, commands: Sequence[VariableCommand], change_set: uuid.UUID
) -> list[RowOutcome]:
    """Do the same as `save` with an access that was looked up for this request."""
    outcomes: dict[str, RowOutcome] = {}
    rows = _planned(access, commands, change_set, outcomes)
    try:
        _attempt(access, rows, change_set)
    except DatabaseError as error:
        _all_failed(rows, outcomes, error, messages.DATABASE_BUSY)
    else:
        try:
            _write(access, rows, change_set, outcomes)
        except DatabaseError as error:
            _all_failed(rows, outcomes, error, messages.DATABASE_UNKNOWN)
    return [outcomes[command.token] for command in commands]


def refusals(access: Access, commands: Sequence[VariableCommand]) -> dict[str, RowOutcome]:
    """Return why a save would refuse commands, by token. Nothing is recorded."""
    outcomes: dict[str, RowOutcome] = {}
    _plan_all(access, commands, outcomes)
    return {token: it for token, it in outcomes.items() if it.outcome not in DONE}


def _planned(
    access: Access,
    commands: Sequence[VariableCommand],
    change_set: uuid.UUID,
    outcomes: dict[str, RowOutcome],
) -> list[_Row]:
    rows, denials = _plan_all(access, commands, outcomes)
    refused = [denial.refusal for denial in denials]
    record_refusals(access.actor, refused, change_set=change_set)
    return rows


def _plan_all(
    access: Access, commands: Sequence[VariableCommand], outcomes: dict[str, RowOutcome]
) -> tuple[list[_Row], list[Denied]]:
    planner = Planner(access, commands)
    rows: list[_Row] = []
    denials: list[Denied] = []
    waiting = _in_order(commands)
    while waiting:
        taken = _plan_each(planner, waiting, rows, denials, outcomes)
        waiting = taken if len(taken) < len(waiting) else []
    return rows, denials


def _plan_each(
    planner: Planner,
    commands: Sequence[VariableCommand],
    rows: list[_Row],
    denials: list[Denied],
    outcomes: dict[str, RowOutcome],
) -> list[VariableCommand]:
    """Plan each command; return the renames to a name that is still in use."""
    taken = []
    for command in commands:
        try:
            plan = planner.plan(command)
        except Refused as refusal:
            outcomes[command.token] = refusal.outcome
            if isinstance(refusal, Denied):
                denials.append(refusal)
            if isinstance(refusal, Taken):
                taken.append(command)
        else:
            outcomes.pop(command.token, None)
            planner.apply(plan)
            if plan.writes:
                rows.append(_Row(command, plan))
            else:
                outcomes[command.token] = plan.outcome(planner.access)
    return taken


def _in_order(commands: Iterable[VariableCommand]) -> list[VariableCommand]:
    """Sort by removals, changes, renames, new rows: names that are freed can be reused."""
    return sorted(
        commands,
        key=lambda c: (isinstance(c, SetVariable), c.variable_id is None, c.key is not None),
    )


def _attempt(access: Access, rows: Sequence[_Row], change_set: uuid.UUID) -> None:
    writes = [write for row in rows for write in row.plan.writes]
    with transaction.atomic(durable=True):
        events = iter(
            attempt_all(
                access.actor,
                [
                    (write.action, audit_target(access, write), write.version_before)
                    for write in writes
                ],
                change_set=change_set,
            )
        )
    for row in rows:
        row.events = [next(events) for _ in row.plan.writes]


@transaction.atomic(durable=True)
def _write(
    access: Access, rows: Sequence[_Row], change_set: uuid.UUID, outcomes: dict[str, RowOutcome]
) -> None:
    apps = App.objects.select_for_update(no_key=True).filter(pk=access.app.pk)
    is_connected = pending.are_connected(apps)  # locks the app, too
    planner = Planner(
        replace(access), [row.command for row in rows]
    )  # a new Access reads the branches again
    writes: list[Write] = []
    ends: list[tuple[int, Outcome, int | None, str]] = []
    for row in rows:
        try:
            plan = _planned_again(planner, row)
        except Refused as refusal:
            outcomes[row.command.token] = refusal.outcome
            ends += [(event.pk, Outcome.FAILED, None, "conflict") for event in row.events]
            continue
        writes += plan.writes
        for event, write in zip(row.events, plan.writes, strict=True):
            ends.append((event.pk, Outcome.SUCCEEDED, write.version_after, write.audit_detail))
        row.plan = plan
    now = timezone.now()
    _store(access, writes, change_set, now)
    recycle_bin.take_out(_restored(row for row in rows if row.command.token not in outcomes))
    if is_connected:
        pending.mark_variables(access, writes, change_set, now)
    _erase_moved(writes)
    conclude_all(ends)
    for row in rows:
        if row.command.token not in outcomes:
            outcomes[row.command.token] = row.plan.outcome(access)


def _restored(rows: Iterable[_Row]) -> list[int]:
    """Return the ids of the removed variables that the rows restore."""
    commands = [row.command for row in rows if isinstance(row.command, SetVariable)]
    return [it.restores for it in commands if isinstance(it, SetVariable) and it.restores]


def _planned_again(planner: Planner, row: _Row) -> Plan:
    """Plan again under the lock. Raises Refused if the plan is about other variables now."""
    plan = planner.plan(row.command)
    if [write.identity for write in plan.writes] != [write.identity for write in row.plan.writes]:
        raise Refused(
            RowOutcome(
                row.command.token,
                Result.CONFLICT,
                messages.MOVED,
                version=row.command.expected_version,
                revision=row.command.revision,
            )
        )
    planner.apply(plan)
    return plan


def _store(access: Access, writes: Sequence[Write], change_set: uuid.UUID, now: datetime) -> None:
    by = access.actor.label
    rows = {
        id(write.variable): write.variable for write in writes
    }  # one row may be written, then renamed
    for row in rows.values():
        row.changed_at, row.changed_by = now, by
        row.removed_at = now if row.removed_at else None
        row.expires_at = recycle_bin.expiry_of(now) if row.removed_at else None
    Variable.objects.bulk_create(  # rows that free a name before rows that take it
        [row for row in rows.values() if row.pk],
        update_conflicts=True,
        unique_fields=["pk"],
        update_fields=["key", "value", "version", "changed_at", "changed_by", *REMOVED],
    )
    Variable.objects.bulk_create([row for row in rows.values() if not row.pk])
    VariableVersion.objects.bulk_create(
        VariableVersion(
            variable=write.variable,
            version=write.version,
            key=write.key,
            value=write.value,
            note=write.note,
            at=now,
            by=by,
            change_set=change_set,
        )
        for write in writes
    )


def _erase_moved(writes: Sequence[Write]) -> None:
    for write in writes:
        if write.erase_history:
            erase(write.variable)


def erase(variable: Variable) -> None:
    """Erase the values of a removed variable and of earlier ones of its key and scope."""
    rows = Variable.objects.filter(
        app=variable.app_id, branch=variable.branch_id, key=variable.key, removed_at__isnull=False
    )
    versions = VariableVersion.objects.filter(variable__in=rows, value__isnull=False)
    versions.update(value="", forgotten=True)
    rows.update(value="", expires_at=None)
    pending.erase(variable)
    erase_deleted()


def _all_failed(
    rows: Sequence[_Row], outcomes: dict[str, RowOutcome], error: DatabaseError, message: str
) -> None:
    """Fail every row: the transaction wrote all of them or none."""
    log.error("save.database", error=type(error).__name__)
    for row in rows:
        outcomes[row.command.token] = RowOutcome(
            row.command.token, Result.FAILED, message, version=row.command.expected_version
        )
