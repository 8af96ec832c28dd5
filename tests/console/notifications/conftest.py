"""A mail server on loopback, and what the tests of mails share."""

import email
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from console.audit.chain import append_links
from console.audit.events import Action, Target, recording
from console.models.notifications import Kind
from console.notifications.delivery import DeliveryResult, deliver
from console.notifications.outbox import enqueue, subscribe
from tests.console.members.conftest import Team
from tests.fixtures.people import World
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import LONGEST
from tests.secrets_app.writes.desk import Desk

PAGE = "/apps/d1shop/settings/notifications/"
AT_REST = timedelta(minutes=1)  # after which a mail is put together


class Mailbox:
    """What a mail server was handed; it refuses whom `refuses` names, and may hang up."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refuses: set[str] = set()
        self.hangs_up = False

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, _: Any
    ) -> str:
        """Take an address, or don't."""
        if address in self.refuses:
            return "550 5.1.1 Nobody of this name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail, as it came."""
        if self.hangs_up:
            return "421 4.3.2 Closing down"
        mail = email.message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        assert [mail["To"]] == envelope.rcpt_tos
        self.mails.append(mail)
        return "250 OK"

    def pop(self) -> list[EmailMessage]:
        """Return what came since the last time, by address."""
        came = sorted(self.mails, key=lambda mail: str(mail["To"]))
        self.mails.clear()
        return came


@pytest.fixture(scope="session")
def mail_server() -> Iterator[tuple[Mailbox, int]]:
    """Run a mail server in a thread; return its mailbox and port."""
    mailbox, port = Mailbox(), free_port()
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, ready_timeout=LONGEST)
    controller.start()
    yield mailbox, port
    controller.stop()


@pytest.fixture
def mailbox(mail_server: tuple[Mailbox, int], settings: Any) -> Mailbox:
    """Let the console send by the server, and return its empty mailbox."""
    mailbox, port = mail_server
    mailbox.mails.clear()
    mailbox.refuses.clear()
    mailbox.hangs_up = False
    settings.MAIL = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", port
    settings.EMAIL_TIMEOUT = LONGEST
    settings.DEFAULT_FROM_EMAIL = "console@example.org"
    return mailbox


class Post:
    """Somebody's choices, and the server's rounds, each at a time of the test's choosing."""

    def __init__(self, world: World, mailbox: Mailbox) -> None:
        self.world, self.mailbox = world, mailbox

    def choose(self, name: str, *kinds: Kind) -> None:
        """Let somebody choose."""
        subscribe(actor=self.world.actor(name), app_id="d1shop", kinds=kinds)

    def notes(self, now: datetime | None = None) -> None:
        """Read on in the trail, as a round does."""
        append_links()
        enqueue(now=now or timezone.now())

    def round(self, after: timedelta = AT_REST) -> DeliveryResult:
        """Do a round so long after now."""
        self.notes()
        return deliver(now=timezone.now() + after)

    def comes(self) -> list[EmailMessage]:
        """Return the mails that everything so far leads to."""
        self.round()
        return self.mailbox.pop()

    def readers(self) -> list[str]:
        """Return who gets a mail of everything so far."""
        return [str(mail["To"]).partition("@")[0] for mail in self.comes()]


@pytest.fixture
def post(world: World, mailbox: Mailbox) -> Post:
    """Return the post of the app."""
    for name in ("alice", "mia", "bob", "vera"):
        world.person(name)
    return Post(world, mailbox)


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the desk of the app's secrets."""
    return Desk(world)


@pytest.fixture
def team(world: World) -> Team:
    """Return the app's team."""
    return Team(world)


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner."""
    return as_("alice")


@pytest.fixture(autouse=True)
def _no_tries_yet(db: None) -> None:
    """Forget what limits counted before."""
    cache.clear()


def happens(world: World, who: str, action: Action, subject: str, branch: str = "main") -> None:
    """Let somebody do something of which the trail alone matters."""
    with recording(world.actor(who), action, Target("d1shop", branch, subject)):
        pass


def text_of(mail: EmailMessage) -> str:
    """Return a mail's text."""
    return str(mail.get_content()).replace("\r\n", "\n")
