"""Send queued notification mails, some seconds after the act.

Never within a request, a transaction or a store call, since a mail server may hang. A process
claims each mail with a compare-and-set that postpones its next attempt. If the server rejects the
mail or the process is killed, it is tried again then. A mail is sent twice only if a process dies
between the server's confirmation and the deletion of its rows. The activity has every entry,
whatever happens to mails.
"""

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from time import monotonic

import structlog
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Max, Min, Q

from console.access.branches import branches_of, mark_of
from console.access.policy import memberships
from console.audit.presentation import Entry, to_entry
from console.audit.queries import with_outcomes
from console.conf.base_url import link_to
from console.lib.clock import is_within, latest_end
from console.lib.text.unprintable import escape_unprintable
from console.members.services import actor_of
from console.models import App, AuditEvent, Branch, User
from console.models.notifications import Notice
from console.notifications.outbox import MAX_AGE

DEBOUNCE = timedelta(seconds=15)  # events that follow each other within this time share a mail
MAX_WAIT = timedelta(minutes=3)  # then a mail goes out even if events keep coming
RETRY_AFTER = timedelta(minutes=10)  # longer than TIME_LIMIT and the last mail together
TIME_LIMIT = timedelta(minutes=5)  # of one run; a slow server's remaining mails wait for the next
MAX_ENTRIES = 50  # per mail
_NAME_LIMIT = 200  # characters
_FROM = {
    "command": "the command line",
    "console": "outside Branchkeep",
    "background": "Branchkeep itself",
}
# These errors concern a single mail. Any other is the server's and stops the run.
_MAIL_ERRORS = (SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, ValueError)

_MAIL = """\
New activity in the app {app} ({app_id}):

{entries}
See all activity:
{activity}

Change your notifications or turn them off:
{notifications}
"""
_ENTRY = """\
{who} {what}
    where:   {where}
    when:    {at:%Y-%m-%d %H:%M:%S} UTC
    from:    {address}
    outcome: {outcome}
"""

log = structlog.get_logger()


@dataclass
class DeliveryResult:
    """What became of the mails that were due."""

    sent: int = 0
    refused: int = 0
    expired: int = 0  # entries, not mails
    server_unavailable: bool = False  # the remaining mails wait


def deliver(*, now: datetime) -> DeliveryResult:
    """Send the mails that are due and return the result. Server errors are logged."""
    result = DeliveryResult(expired=_delete_expired(now))
    try:
        if recipients := _due(now):
            with get_connection() as server:
                for user_id, app_id in _within_time_limit(recipients):
                    _deliver_one(server, _claim(user_id, app_id, now), result)
    except OSError as error:  # smtplib's errors are OSErrors; their text may quote the mail
        log.warning("notices.not_sent", error=type(error).__name__)
        result.server_unavailable = True
    return result


def _delete_expired(now: datetime) -> int:
    """Delete and log mails that couldn't be sent for a day. The audit trail keeps the events."""
    number, _ = Notice.objects.filter(at__lt=now - MAX_AGE).delete()
    if number:
        log.error("notices.given_up", entries=number)
    return number


def _due(now: datetime) -> list[tuple[int, int]]:
    """Return the (user, app) pairs to mail: nothing new for DEBOUNCE, or waiting for MAX_WAIT."""
    waiting = Notice.objects.filter(_is_due(now)).order_by().values("user_id", "app_id")
    spans = waiting.annotate(first=Min("at"), last=Max("at")).order_by("first")
    return [
        (span["user_id"], span["app_id"])
        for span in spans
        if not is_within(DEBOUNCE, now - span["last"]) or span["first"] <= now - MAX_WAIT
    ]


def _is_due(now: datetime) -> Q:
    return Q(due_at__lte=now) | Q(due_at__gt=latest_end(now, RETRY_AFTER))


def _within_time_limit(recipients: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield recipients until the time limit.

    A later claim would expire while its mail is being sent, and another process would send it
    again.
    """
    deadline = monotonic() + TIME_LIMIT.total_seconds()
    for one in recipients:
        yield one
        if monotonic() >= deadline:
            return


def _claim(user_id: int, app_id: int, now: datetime) -> list[Notice]:
    """Claim a user's waiting notices of an app. Empty if another process was faster."""
    claim = uuid.uuid4()
    waiting = Notice.objects.filter(_is_due(now), user_id=user_id, app_id=app_id)
    # A single UPDATE decides the race: rows that another process has claimed are no longer due.
    waiting.update(claim=claim, due_at=now + RETRY_AFTER)
    return list(Notice.objects.filter(claim=claim).select_related("user", "app", "outcome"))


def _deliver_one(
    server: BaseEmailBackend, notices: Sequence[Notice], result: DeliveryResult
) -> None:
    """Send one mail and delete its notices.

    If the user has lost access to the app, nothing is sent.
    """
    if not notices:
        return
    user, app = notices[0].user, notices[0].app
    # Access may have ended since the mail was queued.
    if memberships(actor_of(user)).filter(app=app).exists():
        try:
            server.send_messages([_mail(user, app, notices)])
        except _MAIL_ERRORS as error:
            log.warning("notices.refused", error=type(error).__name__, user=user.pk)
            result.refused += 1
            return
        result.sent += 1
    Notice.objects.filter(claim=notices[0].claim).delete()


def _mail(user: User, app: App, notices: Sequence[Notice]) -> EmailMessage:
    """Return the mail. It says what the activity page says, and nothing more."""
    events = AuditEvent.objects.filter(pk__in={it.outcome.event_id for it in notices})
    entries = [to_entry(event) for event in with_outcomes(events)]
    branches = branches_of(app)
    text = _MAIL.format(
        app=_plain(app.name),
        app_id=app.app_id,
        entries="\n".join(_texts(entries, branches)),
        activity=_link("activity", app),
        notifications=_link("notifications", app),
    )
    headers = {"Auto-Submitted": "auto-generated"}  # suppresses vacation replies (RFC 3834)
    return EmailMessage(_subject(app, entries, branches), text, None, [user.email], headers=headers)


def _subject(app: App, entries: Sequence[Entry], branches: Sequence[Branch]) -> str:
    if len(entries) > 1:
        actors = {_plain(it.actor) for it in entries}
        actor_words = f" by {actors.pop()}" if len(actors) == 1 else ""
        return f"{_plain(app.name)}: {len(entries):,} events{actor_words}"
    where = f" ({_scope(entries[0], branches)})" if entries[0].branch else ""
    return f"{_plain(app.name)}: {_plain(entries[0].actor)} {_description(entries[0])}{where}"


def _texts(entries: Sequence[Entry], branches: Sequence[Branch]) -> Iterator[str]:
    for it in entries[:MAX_ENTRIES]:
        details = (it.outcome_label, it.versions, it.detail)
        yield _ENTRY.format(
            who=_plain(it.actor),
            what=_description(it),
            where=_scope(it, branches) if it.branch else "the app",
            at=it.at,
            address=_plain(it.address) or _FROM.get(it.actor_kind, "unknown"),
            outcome=_plain(", ".join(filter(None, details))),
        )
    if more := len(entries[MAX_ENTRIES:]):
        yield f"And {more:,} more.\n"


def _scope(it: Entry, branches: Sequence[Branch]) -> str:
    mark = mark_of(it.branch, branches)
    return f"{_plain(it.branch)}: {mark}" if mark else _plain(it.branch)


def _description(it: Entry) -> str:
    return f"{it.sentence} {_plain(it.subject)}".strip()


def _plain(text: str) -> str:
    """Return a name on one line, without control characters or changes of direction."""
    return str(escape_unprintable(text[:_NAME_LIMIT], keep=""))


def _link(name: str, app: App) -> str:
    """Return a link to a page of the app. There is no request to take the host from."""
    return link_to(name, app.app_id)
