"""The audit trail as people read it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import OuterRef, Q, QuerySet, Subquery

from console.audit import Action, Outcome
from console.models import AuditEvent, AuditOutcome

WORDS = {
    Action.OPERATOR_CREATED: "set up the console",
    Action.SIGN_IN: "signed in",
    Action.SIGN_OUT: "signed out",
    Action.PASSWORD_CHANGED: "changed the password",
    Action.SIGN_IN_LIMITED: "tried too often to sign in",
    Action.SESSION_ENDED: "ended sessions",
    Action.IDENTITY_CONFIRMED: "confirmed the sign-in",
    Action.FACTOR_ADDED: "set up for signing in",
    Action.FACTOR_REMOVED: "removed from signing in",
    Action.APP_CREATED: "created the app",
    Action.APP_CHANGED: "changed the app's settings",
    Action.BRANCH_ADDED: "added the branch",
    Action.BRANCH_CHANGED: "changed the branch",
    Action.BRANCH_DELETED: "deleted the branch",
    Action.MEMBER_SET: "set the role of a member",
    Action.MEMBER_REMOVED: "removed a member",
    Action.MEMBER_INVITED: "invited",
    Action.MEMBER_UNINVITED: "took back the invitation of",
    Action.MEMBER_JOINED: "accepted the invitation as",
    Action.GROUP_CHANGED: "changed the group",
    Action.GROUP_DELETED: "deleted the group",
    Action.USER_CHANGED: "changed a user",
    Action.SECRET_CREATED: "added the secret",
    Action.SECRET_CHANGED: "changed the secret",
    Action.SECRET_REMOVED: "removed the secret",
    Action.SECRET_REVEALED: "revealed the secret",
    Action.SECRET_ROTATED: "ticked off as rotated the secret",
    Action.EXPOSURE_EXPORTED: "exported the secrets known to",
    Action.MIRROR_REPAIRED: "put the mirror right of the secret",
    Action.VARIABLE_CREATED: "added the variable",
    Action.VARIABLE_CHANGED: "changed the variable",
    Action.VARIABLE_RENAMED: "renamed the variable",
    Action.VARIABLE_REMOVED: "removed the variable",
    Action.VARIABLE_MOVED: "moved to the secrets the variable",
    Action.ENVIRONMENT_RUN: "ran a command with",
    Action.BUILD_CHANGED: "changed",
    Action.BUILD_REMOVED: "removed",
    Action.FOUND_ADDED: "added the secret",
    Action.FOUND_CHANGED: "changed the secret",
    Action.FOUND_REMOVED: "removed the secret",
    Action.FOUND_ALL: "had left in the store",
}
ATTEMPTED = "attempted"
OUTCOMES = {
    Outcome.SUCCEEDED.value: "Succeeded",
    Outcome.FAILED.value: "Failed",
    Outcome.DENIED.value: "Denied",
    Outcome.UNKNOWN.value: "Unknown",
    Outcome.SETTLED.value: "Settled",
    ATTEMPTED: "Attempted",
}
PAGE = 50  # entries


@dataclass(frozen=True, slots=True)
class Entry:
    """One act and how it ended."""

    at: datetime
    actor: str
    actor_kind: str
    sentence: str
    subject: str
    branch: str
    outcome: str
    outcome_label: str
    detail: str
    versions: str
    address: str
    agent: str


class EntryPaginator(Paginator):
    """Pages of events, put in words a page at a time."""

    def page(self, number: int | str) -> Page[Any]:
        """Return one page of entries."""
        page = super().page(number)
        page.object_list = [entry(event) for event in page.object_list]
        return page


def of_app(app_id: str, *, q: str = "", outcome: str = "", number: str = "1") -> Page[Any]:
    """Return a page of an app's entries, newest first; `q` looks in people, keys and branches."""
    events = _with_outcomes(AuditEvent.objects.filter(app_id=app_id))
    if q:
        events = events.filter(
            Q(actor__icontains=q) | Q(subject__icontains=q) | Q(branch__icontains=q)
        )
    if outcome == ATTEMPTED:
        events = events.filter(last_outcome=None)
    elif outcome in OUTCOMES:
        events = events.filter(last_outcome=outcome)
    return EntryPaginator(events, PAGE).get_page(number)


def of_secret(app_id: str, branch: str, key: str, limit: int = 10) -> list[Entry]:
    """Return the newest entries of one secret."""
    events = AuditEvent.objects.filter(app_id=app_id, branch=branch, subject=key)
    return [entry(event) for event in _with_outcomes(events)[:limit]]


def _with_outcomes(events: QuerySet[AuditEvent]) -> QuerySet[Any]:
    """Join each event's latest outcome: an unknown one may have been settled."""
    latest = AuditOutcome.objects.filter(event_id=OuterRef("pk")).order_by("-id")
    return events.order_by("-id").annotate(
        last_outcome=Subquery(latest.values("outcome")[:1]),
        last_detail=Subquery(latest.values("detail")[:1]),
        version_after=Subquery(latest.values("version_after")[:1]),
    )


def entry(event: Any) -> Entry:
    """Put an annotated event in words."""
    outcome = event.last_outcome or ATTEMPTED
    words = WORDS.get(event.action, event.action)
    return Entry(
        at=event.at,
        actor=event.actor,
        actor_kind=event.actor_kind,
        sentence=words if outcome == Outcome.SUCCEEDED else f"tried: {words}",
        subject=event.subject,
        branch=event.branch,
        outcome=outcome,
        outcome_label=OUTCOMES.get(outcome, outcome),
        detail=event.last_detail or "",
        versions=_versions(event.version_before, event.version_after),
        address=event.address,
        agent=event.agent,
    )


def _versions(before: int | None, after: int | None) -> str:
    if before and after and before != after:
        return f"version {before} to {after}"
    known = after or before
    return f"version {known}" if known else ""
