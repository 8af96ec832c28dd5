"""The first steps of a new app, for its owners, until they are done or hidden."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from django.utils import timezone

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.amplify.service import is_on
from console.audit.events import Action, Outcome, Target, audited_transaction
from console.audit.queries import with_outcomes
from console.lib.naming.names import SAMPLE_APP_IDS
from console.models import AuditEvent
from console.workflows.deployments.reading import connection_of

SHOWN_FOR = timedelta(days=30)  # since the app was created


class StepName(StrEnum):
    """The steps, in order."""

    CREATE = "create"
    BRANCHES = "branches"
    VALUES = "values"
    CONNECT = "connect"
    INVITE = "invite"


@dataclass(frozen=True)
class Step:
    """A step. `by` is who created the app, `at` when, and `number` how many branches it has."""

    name: StepName
    is_done: bool
    is_next: bool = False
    number: int = 0
    by: str = ""
    at: datetime | None = None


def first_steps(access: Access, *, has_values: bool) -> Sequence[Step]:
    """Return the steps, or none if there is nothing to do. Takes three queries in a young app."""
    is_young = timezone.now() - access.app.created_at < SHOWN_FOR
    is_sample = access.app.app_id.startswith(SAMPLE_APP_IDS) and not access.app.is_standalone
    if is_sample or not is_young or not access.may(Permission.MANAGE):
        return []
    steps = [*_steps(access, has_values)]
    following = next((step for step in steps if not step.is_done), None)
    actors = _actors(access) if following else {}
    if following is None or Action.STEPS_HIDDEN in actors:
        return []
    by = actors.get(Action.APP_CREATED) or actors.get(Action.APP_IMPORTED, "")
    created = Step(StepName.CREATE, True, by=by, at=access.app.created_at)
    return [created, *(replace(step, is_next=step is following) for step in steps)]


def _actors(access: Access) -> dict[str, str]:
    """Return who created the app, and who hid the steps, by action."""
    actions = (Action.APP_CREATED, Action.APP_IMPORTED, Action.STEPS_HIDDEN)
    events = AuditEvent.objects.filter(app_id=access.app.app_id, action__in=actions)
    done = with_outcomes(events).filter(last_outcome=Outcome.SUCCEEDED)
    return dict(done.values_list("action", "actor"))


def _steps(access: Access, has_values: bool) -> Iterable[Step]:
    """Return what comes after creating the app."""
    number = sum(branch.deleted_at is None for branch in access.branches)
    yield Step(StepName.BRANCHES, bool(number), number=number)
    yield Step(StepName.VALUES, has_values)
    is_connected = connection_of(access) is not None
    if is_connected or (is_on() and not access.app.is_standalone):
        yield Step(StepName.CONNECT, is_connected)
    members = access.app.members.count() > 1 or access.app.invitations.exists()
    yield Step(StepName.INVITE, members)


def hide(*, actor: Actor, app_id: str) -> None:
    """Hide the steps from all owners of the app. The audit trail remembers it."""
    access = find_app(actor, app_id)
    with audited_transaction(actor, Action.STEPS_HIDDEN, Target(app_id, subject=access.app.name)):
        acts.require(access, Action.STEPS_HIDDEN)
