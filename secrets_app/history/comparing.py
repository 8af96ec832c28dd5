"""Compare two versions of a secret without showing them."""

import uuid
from dataclasses import dataclass

from django.db import transaction

from console.access import acts
from console.access.actors import Actor
from console.access.policy import find_app
from console.audit.events import Action, Outcome, attempt_all, conclude_all
from console.audit.refusals import recording_denial
from secrets_app.locations import find_secret, require_location
from secrets_app.reveal import ask_if_protected, check_version, read_version
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Rejected, StoreError
from secrets_app.writes.snapshots import audit_target

CHOOSE_TWO = "Choose exactly two versions to compare."


@dataclass(frozen=True)
class Shape:
    """What a comparison says about the value of one version."""

    number: int
    size: int  # bytes of UTF-8
    lines: int
    has_line_break_at_end: bool


@dataclass(frozen=True)
class Comparison:
    """Two versions, the older one first. Nothing of it is stored."""

    older: Shape
    newer: Shape
    is_same: bool


def compare(*, actor: Actor, app_id: str, pk: int, versions: set[int]) -> Comparison:
    """Compare two versions. Each is audited by itself before the store is read.

    It tells something about both values, so it asks for the same as revealing them. Raises Http404,
    PermissionDenied, ConfirmationRequired, Rejected unless there are two versions, or a StoreError.
    """
    access = find_app(actor, app_id)
    secret = find_secret(access, pk)
    ask_if_protected(access, secret.branch, Action.SECRET_COMPARED)
    target = audit_target(access, secret.branch, secret.key)
    with recording_denial(actor, Action.SECRET_COMPARED, target):
        acts.require(access, Action.SECRET_COMPARED, secret.branch)
    if len(versions) != 2:
        raise Rejected(CHOOSE_TWO)
    check_version(min(versions))
    path = require_location(access, secret).primary
    numbers = sorted(versions)
    attempts = [(Action.SECRET_COMPARED, target, number) for number in numbers]
    with transaction.atomic(durable=True):
        events = attempt_all(actor, attempts, change_set=uuid.uuid4())
    try:
        values = [read_version(path, number).value for number in numbers]
    except StoreError as error:
        conclude_all((event.pk, Outcome.FAILED, None, error.code) for event in events)
        raise
    conclude_all(
        (event.pk, Outcome.SUCCEEDED, number, "")
        for event, number in zip(events, numbers, strict=True)
    )
    older, newer = map(_shape, numbers, values)
    return Comparison(older, newer, values[0] == values[1])


def _shape(number: int, value: SecretValue) -> Shape:
    text = value.reveal()
    ends = text.endswith("\n")
    return Shape(number, len(text.encode()), text.count("\n") + (not ends), ends)
