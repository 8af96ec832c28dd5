"""Set up and inspect members, groups, branches, notifications and the audit log of a `World`."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from console.access.policy import Access, find_app
from console.audit.chain import append_links
from console.audit.events import Action, Target, recording
from console.catalog.services import create_app
from console.models import App, AuditEvent, Branch, Member
from console.models.notifications import Kind
from console.notifications import outbox
from console.notifications.delivery import DeliveryResult, deliver
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World

MAIL_DELAY = timedelta(minutes=1)  # longer than a mail waits for more events of its kind


# Members, groups and branches, written directly: no service, no audit event


def set_role(world: World, name: str, role: str, *patterns: str) -> Member:
    """Give a person this role on these branches instead of the one they have."""
    fields = {"role": role, "patterns": "\n".join(patterns)}
    user = world.person(name)
    return Member.objects.update_or_create(app=world.app, user=user, defaults=fields)[0]


def add_group(
    world: World, name: str, role: str, *patterns: str, people: tuple[str, ...] = ()
) -> Group:
    """Create a group of these people and make it a member of the app."""
    group = Group.objects.create(name=name)
    group.user_set.set([world.person(person) for person in people])
    Member.objects.create(app=world.app, group=group, role=role, patterns="\n".join(patterns))
    return group


def create_branch(world: World, name: str, **fields: Any) -> Branch:
    """Add a branch to the app."""
    return Branch.objects.create(app=world.app, name=name, **fields)


def create_standalone(world: World, identifier: str, owner: str = "alice") -> App:
    """Create a standalone backend as olga, and make a person its owner."""
    fields = {
        "app_id": identifier,
        "name": identifier,
        "region": "us-east-1",
        "path_profile": "standalone",
    }
    app = create_app(actor=world.actor("olga"), fields=fields)
    Member.objects.create(app=app, user=world.person(owner), role=Member.Role.OWNER)
    return app


def access_of(world: World, name: str) -> Access:
    """Return a person's access to the app; raise Http404 if they have none."""
    return find_app(world.actor(name), world.app.app_id)


def role_of(world: World, name: str) -> str:
    """Return the role that a person holds directly, "" for none."""
    found = Member.objects.filter(app=world.app, user=world.person(name)).first()
    return found.role if found else ""


# The audit log


def last_event_id() -> int:
    """Return the id of the newest audit event, to pass to `audit_events` later."""
    last = AuditEvent.objects.order_by("pk").last()
    return last.pk if last else 0


def audit_events(after: int = 0) -> list[AuditEvent]:
    """Return the audit events with a greater id, oldest first."""
    return list(AuditEvent.objects.filter(pk__gt=after).order_by("pk"))


def outcomes_of(event: AuditEvent) -> list[str]:
    """Return every outcome of an audit event, in order."""
    return [outcome.outcome for outcome in event.outcomes.order_by("pk")]


def only_event(after: int = 0) -> AuditEvent:
    """Return the audit event with a greater id; fail unless it is exactly one."""
    [event] = audit_events(after)
    return event


def summarize(events: list[AuditEvent]) -> list[tuple[str, str, str, list[str]]]:
    """Return (actor, action, subject, outcomes) of audit events."""
    return [(event.actor, event.action, event.subject, outcomes_of(event)) for event in events]


def audit_entries(*actions: str) -> list[tuple[str, str, str, str]]:
    """Return (first name, action, subject, last outcome) of these actions, or of all."""
    events = AuditEvent.objects.order_by("pk")
    return [
        (event.actor.partition("@")[0], event.action, event.subject, last.outcome)
        for event in (events.filter(action__in=actions) if actions else events)
        if (last := event.outcomes.last())
    ]


def record_event(
    world: World, name: str, action: Action, subject: str, branch: str = "main"
) -> None:
    """Record an audit event that succeeded, without the act itself."""
    with recording(world.actor(name), action, Target(world.app.app_id, branch, subject)):
        pass


# Notifications


def subscribe(world: World, name: str, *kinds: Kind) -> None:
    """Choose what the app mails a person about."""
    outbox.subscribe(actor=world.actor(name), app_id=world.app.app_id, kinds=kinds)


def collect_notices(now: datetime | None = None) -> None:
    """Turn new audit events into notices, as the mail worker does."""
    append_links()
    outbox.enqueue(now=now or timezone.now())


def deliver_notices(delay: timedelta = MAIL_DELAY) -> DeliveryResult:
    """Collect notices, then deliver as the mail worker would `delay` from now."""
    collect_notices()
    return deliver(now=timezone.now() + delay)


def delivered_mails(mail_server: MailServer) -> list[EmailMessage]:
    """Deliver everything that is due and return the mails, by recipient."""
    deliver_notices()
    return mail_server.pop()


def recipients(mail_server: MailServer) -> list[str]:
    """Deliver everything that is due and return the first names of who got a mail."""
    return [str(mail["To"]).partition("@")[0] for mail in delivered_mails(mail_server)]


# Pages


def messages_of(response: Any) -> list[str]:
    """Return the messages that a page shows on top."""
    return [str(message) for message in response.context["messages"]]


def form_errors(response: Any) -> dict[str, list[str]]:
    """Return the errors of a rejected form, by field."""
    assert response.status_code == 422
    return {name: list(texts) for name, texts in response.context["form"].errors.items()}
