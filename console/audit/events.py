"""Write audit events. The attempt is committed before the act; its outcome is a separate row."""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import Model

from console.access import acts
from console.access.actions import Action as Action
from console.access.actors import Actor
from console.audit import chain, forwarding
from console.models import AuditEvent, AuditOutcome

ONE_TEXT = 0  # the origin of what one import writes to several scopes: no event, but the same
SUBJECT_LIMIT = 1011  # characters, as in the table
SUBJECT_BYTES = 2_500  # of UTF-8; an entry of a PostgreSQL index holds 2,704


# True once this request has recorded a denial, so that its refusal isn't recorded again.
has_recorded_denial: ContextVar[bool] = ContextVar("has_recorded_denial", default=False)


class Outcome(StrEnum):
    """How an attempt ended. SETTLED follows UNKNOWN, or an attempt that a crash cut off."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DENIED = "denied"
    UNKNOWN = "unknown"
    SETTLED = "settled"


COMPLETED = frozenset({Outcome.SUCCEEDED, Outcome.SETTLED})
# The reason of an event whose write has an event of its own
SEE_SAVE = "The save in the same change set says how it ended."


@dataclass(frozen=True)
class Target:
    """What an act is about: ids and names, never a value."""

    app_id: str = ""
    branch: str = ""
    subject: str = ""


class Attempt(NamedTuple):
    """An act that is about to be tried.

    `origin` is the event whose scope and version say where the value that it writes comes from, or
    ONE_TEXT if the change set writes the same value in several scopes.
    """

    action: Action
    target: Target
    version_before: int | None = None
    origin: int | None = None


def attempt(
    actor: Actor,
    action: Action,
    target: Target = Target(),
    *,
    change_set: uuid.UUID | None = None,
    version_before: int | None = None,
    origin: int | None = None,
) -> AuditEvent:
    """Save an attempt and return it. The caller must commit it before the act."""
    event = _event(actor, Attempt(action, target, version_before, origin), change_set)
    event.save()
    _after_write([event])
    return event


def attempt_all(
    actor: Actor,
    attempts: Iterable[Attempt | tuple[Action, Target, int | None]],
    *,
    change_set: uuid.UUID | None,
) -> list[AuditEvent]:
    """Save many attempts (action, target, version before) of one change set and return them."""
    events = AuditEvent.objects.bulk_create(
        _event(actor, Attempt(*one), change_set) for one in attempts
    )
    _after_write(events)
    return events


def _after_write(rows: Sequence[AuditEvent] | Sequence[AuditOutcome]) -> None:
    """Have the rows linked and forwarded once they are committed."""
    chain.mark_pending()
    forwarding.write_rows(rows)


def _event(actor: Actor, one: Attempt, change_set: uuid.UUID | None) -> AuditEvent:
    target = one.target
    return AuditEvent(
        action=one.action,
        actor_kind=actor.kind,
        actor_id=actor.user_id,
        actor=actor.label,
        app_id=target.app_id,
        branch=target.branch,
        subject=_fit_subject(target.subject),
        change_set=change_set,
        version_before=one.version_before,
        origin=one.origin,
        address=actor.address,
        agent=actor.agent,
        request_id=actor.request_id,
    )


def differences(row: Model, fields: dict[str, Any]) -> str:
    """Return what `fields` would change in `row`, such as "protected: yes to no, name: A to B"."""
    changes = {
        name: (_display(getattr(row, name)), _display(value)) for name, value in fields.items()
    }
    return ", ".join(
        f"{name}: {old} to {new}" for name, (old, new) in changes.items() if old != new
    )


def _display(value: object) -> str:
    """Return a field's value as text, cut so that other fields fit too."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)[:200] or "nothing"


def _fit_subject(subject: str) -> str:
    """Return a name in a form that the table can hold. Rejected names are recorded too."""
    plain = subject.encode(errors="replace").decode()  # a command line may contain lone surrogates
    whole = plain.replace("\0", "\N{REPLACEMENT CHARACTER}")[:SUBJECT_LIMIT]
    return whole.encode()[:SUBJECT_BYTES].decode(errors="ignore")


def conclude(
    event_id: int, outcome: Outcome, *, version_after: int | None = None, detail: str = ""
) -> None:
    """Save how an attempt ended. `detail` is cut to 200 characters."""
    if outcome is Outcome.DENIED:
        has_recorded_denial.set(True)
    ending = AuditOutcome.objects.create(
        event_id=event_id, outcome=outcome, version_after=version_after, detail=detail[:200]
    )
    _after_write([ending])


def conclude_all(endings: Iterable[tuple[int, Outcome, int | None, str]]) -> None:
    """Save how many attempts ended: (event id, outcome, version after, detail) each."""
    endings = list(endings)
    if any(ending is Outcome.DENIED for _, ending, _, _ in endings):
        has_recorded_denial.set(True)
    _after_write(
        AuditOutcome.objects.bulk_create(
            AuditOutcome(event_id=event, outcome=ending, version_after=version, detail=detail[:200])
            for event, ending, version, detail in endings
        )
    )


class Recording:
    """The outcome that the act reports about itself, and the id of its event."""

    event_id: int
    outcome: Outcome = Outcome.SUCCEEDED
    version_after: int | None = None
    detail: str = ""
    is_concluded: bool = False

    def conclude(self) -> None:
        """Save the outcome now: in the act's own transaction, or else when the act is over."""
        conclude(self.event_id, self.outcome, version_after=self.version_after, detail=self.detail)
        self.is_concluded = True


@contextmanager
def recording(
    actor: Actor,
    action: Action,
    target: Target,
    *,
    version_before: int | None = None,
    origin: int | None = None,
    change_set: uuid.UUID | None = None,
) -> Iterator[Recording]:
    """Commit the attempt, run the act, and save its outcome: succeeded, denied or failed.

    If the attempt can't be saved, the act doesn't run. Exceptions pass on to the caller. Raises
    ConfirmationRequired first if the act always asks for recent re-authentication.
    """
    acts.require_recent_always(actor, action)
    with transaction.atomic(durable=True):
        # `durable` fails inside a caller's transaction, whose rollback would undo the event.
        event = attempt(
            actor,
            action,
            target,
            change_set=change_set,
            version_before=version_before,
            origin=origin,
        )
    record = Recording()
    record.event_id = event.pk
    try:
        yield record
    except PermissionDenied:
        conclude(event.pk, Outcome.DENIED)
        raise
    except Exception as error:
        conclude(event.pk, Outcome.FAILED, detail=_failure_detail(error))
        raise
    if not record.is_concluded:
        record.conclude()


def _failure_detail(error: Exception) -> str:
    """Return what may be shown of a failure.

    Only our own validation messages are safe; other messages might quote a value.
    """
    if isinstance(error, ValidationError):
        return " ".join(error.messages)
    return getattr(error, "code", None) or type(error).__name__


def record_denied(actor: Actor, action: Action, target: Target) -> None:
    """Record an attempt that was denied before anything else happened."""
    with transaction.atomic(durable=True):
        conclude(attempt(actor, action, target).pk, Outcome.DENIED)


@contextmanager
def audited_transaction(actor: Actor, action: Action, target: Target) -> Iterator[Recording]:
    """Record the act and run it in one transaction, which saves the outcome as well."""
    with recording(actor, action, target) as record, transaction.atomic():
        yield record
        record.conclude()
