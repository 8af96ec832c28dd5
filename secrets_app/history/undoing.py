"""Undo what a change set did to secrets.

A value that comes back goes from the store to the store and never reaches the browser. It is
restored from its version, or from the recycle bin: the event that names what is read is recorded
before that, and the save follows.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

from django.db import transaction

from console.access.policy import Access
from console.audit.events import Action, Outcome, attempt_all, conclude_all
from console.audit.refusals import Refusal, record_refusals
from console.environment.undo import UndoState, refused
from console.lib.results import DONE, Result, RowOutcome
from console.lib.row_forms import known_base
from console.lib.stopping import is_stopping
from console.models import AuditEvent
from secrets_app.history import bin_actions
from secrets_app.history.restoring import ending_of
from secrets_app.history.undo_plan import Step, plan
from secrets_app.locations import require_location
from secrets_app.reveal import read_version
from secrets_app.store.errors import StoreError
from secrets_app.sync.reconciling import refresh
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.save import save_as
from secrets_app.writes.store_calls import STOPPING

NOT_TRIED = "Skipped because the parameter store failed. Undo again."


def undo(
    access: Access,
    change_set: UUID,
    undone_by: Collection[UUID],
    tokens: Collection[str],
    new: UUID,
) -> list[RowOutcome]:
    """Undo the changes that the tokens name; return one outcome for each. Raises no StoreError."""
    steps = plan(access, change_set, undone_by, tokens)
    unfit = [step.row for step in steps if step.row.state is not UndoState.READY]
    outcomes = {row.token: refused(row) for row in unfit}
    _record_denials(access, steps, new)
    ready = [step for step in steps if step.row.state is UndoState.READY]
    restoring = [step for step in ready if step.version and not step.entry]
    events = _attempt(access, restoring, new)
    commands = [*map(_removal, (step for step in ready if not (step.version or step.entry)))]
    commands += _restores(access, restoring, events, outcomes)
    outcomes |= {outcome.token: outcome for outcome in _save(access, commands, new)}
    endings = ((event, outcomes[token]) for token, event in events.items())
    conclude_all((event.pk, *_ending(outcome)) for event, outcome in endings)
    _take_out(access, [step for step in ready if step.entry], new, outcomes)
    _refresh(access, ready, outcomes)
    return [outcomes[step.row.token] for step in steps]


def _record_denials(access: Access, steps: Sequence[Step], new: UUID) -> None:
    denied = [step for step in steps if step.row.state is UndoState.DENIED]
    refusals = (Refusal(step.row.repeats[0], step.target) for step in denied)
    record_refusals(access.actor, refusals, change_set=new)


def _attempt(access: Access, steps: Sequence[Step], new: UUID) -> dict[str, AuditEvent]:
    """Record which version of each secret is about to be read; return the events by token."""
    attempts = [(Action.VERSION_RESTORED, step.target, step.version) for step in steps]
    if not attempts:
        return {}
    with transaction.atomic(durable=True):
        events = attempt_all(access.actor, attempts, change_set=new)
    return {step.row.token: event for step, event in zip(steps, events, strict=True)}


def _removal(step: Step) -> SecretCommand:
    version, revision = known_base(step.existing.base)
    token, pk = step.row.token, step.existing.pk
    return DeleteSecret(token, pk, expected_version=version, revision=revision)


def _restores(
    access: Access,
    steps: Sequence[Step],
    events: dict[str, AuditEvent],
    outcomes: dict[str, RowOutcome],
) -> Iterator[SecretCommand]:
    """Yield the commands that save earlier values. What can't be read is an outcome instead."""
    has_failed = False
    for step in steps:
        token = step.row.token
        if has_failed or is_stopping():
            outcomes[token] = RowOutcome(token, Result.NOT_TRIED, NOT_TRIED)
            continue
        version, revision = known_base(step.existing.base)
        try:
            path = require_location(access, step.existing).primary
            value = read_version(path, step.version).value
        except StoreError as error:
            outcomes[token] = RowOutcome(token, Result.FAILED, error.message)
            has_failed = isinstance(error, STOPPING)
            continue
        yield SetSecret(
            token,
            step.existing.pk,
            value=value,
            expected_version=version,
            revision=revision,
            origin=events[token].pk,
            any_type=True,
        )


def _take_out(
    access: Access, steps: Sequence[Step], new: UUID, outcomes: dict[str, RowOutcome]
) -> None:
    """Restore what is in the recycle bin, and add the outcomes."""
    has_failed = any(outcome.outcome is Result.NOT_TRIED for outcome in outcomes.values())
    for step in steps:
        token = step.row.token
        if has_failed or is_stopping() or step.entry is None:
            outcomes[token] = RowOutcome(token, Result.NOT_TRIED, NOT_TRIED)
            continue
        try:
            outcome = bin_actions.restore(access, step.entry, new, to=step.branch)
        except StoreError as error:
            outcome = RowOutcome(token, Result.FAILED, error.message)
            has_failed = isinstance(error, STOPPING)
        outcomes[token] = replace(outcome, token=token)


def _save(access: Access, commands: Sequence[SecretCommand], new: UUID) -> list[RowOutcome]:
    try:
        return save_as(access=access, commands=commands, change_set=new)
    except StoreError as error:  # before any write
        return [RowOutcome(it.token, Result.FAILED, error.message) for it in commands]


def _ending(outcome: RowOutcome) -> tuple[Outcome, int | None, str]:
    ending, detail = ending_of(outcome)
    return ending, None, detail


def _refresh(access: Access, steps: Sequence[Step], outcomes: dict[str, RowOutcome]) -> None:
    """Reconcile what could not be undone, so that pages show why."""
    failed = [it.secret for it in steps if outcomes[it.row.token].outcome not in DONE]
    if failed and not is_stopping():
        with suppress(StoreError):
            refresh(access.app, [secret for secret in failed if secret])
