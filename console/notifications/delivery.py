"""The mails on chosen events: what waits is put together and sent, some seconds after the act.

Never within a request, a transaction or a call of the store. Each mail is taken by one process,
by a compare-and-set that puts its next try off; what the server did not take, or a killed process
left, comes again then. One that was taken twice is possible only where a process dies between the
server's yes and the next line. The entries are in the activity, whatever happens to a mail.
"""

import os
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from smtplib import SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused
from time import monotonic

import structlog
from django.core.mail import EmailMessage, get_connection
from django.core.mail.backends.base import BaseEmailBackend
from django.db.models import Max, Min
from django.urls import reverse

from console.access.policy import memberships
from console.audit.presentation import Entry, to_entry
from console.audit.queries import with_outcomes
from console.conf.base_url import base_url
from console.lib.text import escape_unprintable
from console.members.services import actor_of
from console.models import App, AuditEvent, User
from console.models.notifications import Notice
from console.notifications.outbox import LIFE

QUIET = timedelta(seconds=15)  # what follows within it comes in the same mail
PATIENCE = timedelta(minutes=3)  # what keeps following is cut there
AGAIN = timedelta(minutes=10)  # until the next try; longer than a round and its last mail take
ROUND = timedelta(minutes=5)  # then a slow server's round ends, and what is left is the next one's
SHOWN = 50  # entries of a mail
_CUT = 200  # characters of a name
_FROM = {"command": "the command line", "console": "outside Branchkeep"}
# These speak of one mail; any other error is the server's, and holds for all of them
_REFUSALS = (SMTPDataError, SMTPRecipientsRefused, SMTPSenderRefused, ValueError)

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
class Round:
    """What became of the mails that were due."""

    sent: int = 0
    refused: int = 0
    given_up: int = 0  # entries, not mails
    away: bool = False  # the server: what is left waits


def deliver(*, now: datetime) -> Round:
    """Send the mails that are due; return what became of them. A server's error is logged."""
    done = Round(given_up=_give_up(now))
    try:
        if due := _due(now):
            with get_connection() as server:
                for user_id, app_id in _in_time(due):
                    _deliver_one(server, _claim(user_id, app_id, now), done)
    except OSError as error:  # smtplib's are among them; its words may name what it was sent
        log.warning("notices.not_sent", error=type(error).__name__)
        done.away = True
    return done


def _give_up(now: datetime) -> int:
    """Forget what could not be sent for a day. It is told, and the trail keeps it."""
    number, _ = Notice.objects.filter(at__lt=now - LIFE).delete()
    if number:
        log.error("notices.given_up", entries=number)
    return number


def _due(now: datetime) -> list[tuple[int, int]]:
    """Return whom to write about which app: nothing new came for a while, or much for long."""
    waiting = Notice.objects.filter(due_at__lte=now).order_by().values("user_id", "app_id")
    spans = waiting.annotate(first=Min("at"), last=Max("at")).order_by("first")
    return [
        (span["user_id"], span["app_id"])
        for span in spans
        if span["last"] <= now - QUIET or span["first"] <= now - PATIENCE
    ]


def _in_time(due: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield what to send while the round is young. Later its claims would be over as they are made,
    and another process would send the same.
    """
    ends = monotonic() + ROUND.total_seconds()
    for one in due:
        yield one
        if monotonic() >= ends:
            return


def _claim(user_id: int, app_id: int, now: datetime) -> list[Notice]:
    """Take what waits for somebody; nothing, where another process was faster."""
    claim = uuid.uuid4()
    waiting = Notice.objects.filter(user_id=user_id, app_id=app_id, due_at__lte=now)
    waiting.update(claim=claim, due_at=now + AGAIN)
    return list(Notice.objects.filter(claim=claim).select_related("user", "app", "outcome"))


def _deliver_one(server: BaseEmailBackend, notices: Sequence[Notice], done: Round) -> None:
    """Send one mail, unless its reader has no way into the app any more: then nobody is told."""
    if not notices:
        return
    user, app = notices[0].user, notices[0].app
    if memberships(actor_of(user)).filter(app=app).exists():
        try:
            server.send_messages([_mail(user, app, notices)])
        except _REFUSALS as error:
            log.warning("notices.refused", error=type(error).__name__, user=user.pk)
            done.refused += 1
            return
        done.sent += 1
    Notice.objects.filter(claim=notices[0].claim).delete()


def _mail(user: User, app: App, notices: Sequence[Notice]) -> EmailMessage:
    """Return the mail: what the activity says, and no more than that."""
    events = AuditEvent.objects.filter(pk__in={it.outcome.event_id for it in notices})
    entries = [to_entry(event) for event in with_outcomes(events)]
    text = _MAIL.format(
        app=_plain(app.name),
        app_id=app.app_id,
        entries="\n".join(_texts(entries)),
        activity=_link("activity", app),
        notifications=_link("notifications", app),
    )
    headers = {"Auto-Submitted": "auto-generated"}  # no vacation note answers (RFC 3834)
    return EmailMessage(_subject(app, entries), text, None, [user.email], headers=headers)


def _subject(app: App, entries: Sequence[Entry]) -> str:
    if len(entries) > 1:
        actors = {_plain(it.actor) for it in entries}
        by = f" by {actors.pop()}" if len(actors) == 1 else ""
        return f"{_plain(app.name)}: {len(entries):,} events{by}"
    where = f" ({_plain(entries[0].branch)})" if entries[0].branch else ""
    return f"{_plain(app.name)}: {_plain(entries[0].actor)} {_what(entries[0])}{where}"


def _texts(entries: Sequence[Entry]) -> Iterator[str]:
    for it in entries[:SHOWN]:
        said = (it.outcome_label, it.versions, it.detail)
        yield _ENTRY.format(
            who=_plain(it.actor),
            what=_what(it),
            where=_plain(it.branch) or "the app",
            at=it.at,
            address=_plain(it.address) or _FROM.get(it.actor_kind, "unknown"),
            outcome=_plain(", ".join(filter(None, said))),
        )
    if more := len(entries[SHOWN:]):
        yield f"And {more:,} more.\n"


def _what(it: Entry) -> str:
    return f"{it.sentence} {_plain(it.subject)}".strip()


def _plain(text: str) -> str:
    """Return a name on one line, with no sign that commands anything or turns the direction."""
    return str(escape_unprintable(text[:_CUT], keep=""))


def _link(name: str, app: App) -> str:
    """Return a link to a page of the app, on the console's own host: no request begins this."""
    return base_url(os.environ.get("PORT", "8000")) + reverse(name, args=[app.app_id])
