"""When mails are sent, and that a failing mail server affects nothing else."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from structlog.testing import capture_logs

from console.audit.chain import append_links
from console.audit.events import Action
from console.models import AuditEvent, Notice
from console.models.notifications import Kind
from console.notifications import worker
from console.notifications.delivery import DEBOUNCE, MAX_WAIT, RETRY_AFTER, TIME_LIMIT, deliver
from console.notifications.outbox import MAX_AGE, enqueue
from tests.factories import (
    collect_notices,
    deliver_notices,
    delivered_mails,
    record_event,
    set_secret,
    subscribe,
    without_table,
)
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST, until

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def pending_mails(world: World, mail_server: MailServer) -> None:
    """Record an event that alice and vera are mailed about."""
    for name in ("alice", "vera"):
        subscribe(world, name, Kind.REVEAL)
    record_event(world, "mia", Action.SECRET_REVEALED, "API_KEY")


@pytest.fixture
def unresponsive_server(settings: Any, mail_server: MailServer) -> Iterator[socket.socket]:
    """Replace the mail server by one that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT = server.getsockname()[1]
        settings.EMAIL_TIMEOUT = 0.2
        yield server


def test_it_works(pending_mails: None, world: World, mail_server: MailServer) -> None:
    assert deliver_notices().sent == 2
    assert not Notice.objects.exists()
    assert deliver_notices().sent == 0
    assert len(mail_server.pop()) == 2


def test_events_in_short_order_are_one_mail(world: World, mail_server: MailServer) -> None:
    subscribe(world, "alice", Kind.REVEAL)
    start = timezone.now()
    for second in (0, 10, 20):
        record_event(world, "mia", Action.SECRET_REVEALED, f"KEY_{second}")
        collect_notices(start + second * SECOND)
        assert deliver(now=start + second * SECOND).sent == 0
    assert deliver(now=start + 20 * SECOND + DEBOUNCE).sent == 1
    assert mail_server.pop()[0]["Subject"] == "Shop: 3 events by mia@example.org"


def test_continuous_events_are_mailed_eventually(world: World, mail_server: MailServer) -> None:
    subscribe(world, "alice", Kind.REVEAL)
    start, now, sent = timezone.now(), timezone.now(), 0
    while not sent:
        record_event(world, "mia", Action.SECRET_REVEALED, "API_KEY")
        collect_notices(now)
        sent = deliver(now=now).sent
        now += 10 * SECOND
        assert now <= start + MAX_WAIT + 20 * SECOND


def test_request_does_not_wait_for_the_mail_server(
    pending_mails: None,
    world: World,
    mail_server: MailServer,
    unresponsive_server: socket.socket,
    client_for: Callable[[str], Client],
) -> None:
    row = set_secret(world, "OTHER", "found", world.dev)
    response = client_for("bob").post(reverse("secret_reveal", args=["d1shop", row.pk]))
    assert "found" in response.text
    unresponsive_server.setblocking(False)
    with pytest.raises(BlockingIOError):
        unresponsive_server.accept()


@pytest.mark.parametrize("what", ["unresponsive", "closed"])
def test_server_unavailable(
    pending_mails: None,
    world: World,
    mail_server: MailServer,
    settings: Any,
    unresponsive_server: socket.socket,
    what: str,
) -> None:
    if what == "closed":
        unresponsive_server.close()
    with capture_logs() as log:
        done = deliver_notices()
    assert (done.server_unavailable, done.sent) == (True, 0)
    [line] = [line for line in log if line["event"].startswith("notices.")]
    assert line["event"] == "notices.not_sent"
    assert "API_KEY" not in json.dumps(log)
    assert AuditEvent.objects.get(action="secret.reveal").outcomes.get().outcome == "succeeded"
    settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = mail_server.port, LONGEST
    assert deliver_notices().sent == 2  # not handed over, so they are retried soon


def test_server_hangs_up(pending_mails: None, world: World, mail_server: MailServer) -> None:
    mail_server.hangs_up = True
    assert deliver_notices().server_unavailable
    mail_server.hangs_up = False
    assert deliver_notices().sent == 0  # they may have arrived, so they are retried later
    assert deliver_notices(RETRY_AFTER + timedelta(minutes=2)).sent == 2


def test_rejected_recipient(pending_mails: None, world: World, mail_server: MailServer) -> None:
    mail_server.rejects = {"alice@example.org"}
    with capture_logs() as log:
        done = deliver_notices()
    assert (done.sent, done.refused, done.server_unavailable) == (1, 1, False)
    assert [mail["To"] for mail in mail_server.pop()] == ["vera@example.org"]
    [line] = [line for line in log if line["event"] == "notices.refused"]
    assert line["user"] == world.person("alice").pk
    assert "API_KEY" not in json.dumps(log)
    assert deliver_notices().refused == 0  # not retried so soon
    mail_server.rejects.clear()
    assert deliver_notices(RETRY_AFTER + timedelta(minutes=2)).sent == 1


def test_run_over_its_time_limit(
    pending_mails: None, world: World, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims count from the start of a run, so a late claim would expire immediately."""
    monkeypatch.setattr("console.notifications.delivery.TIME_LIMIT", timedelta(0))
    assert [deliver_notices().sent for _ in range(3)] == [1, 1, 0]
    assert TIME_LIMIT < RETRY_AFTER


def test_expires_after_a_day(
    pending_mails: None, world: World, mail_server: MailServer, unresponsive_server: socket.socket
) -> None:
    deliver_notices()
    with capture_logs() as log:
        done = deliver(now=timezone.now() + MAX_AGE + timedelta(minutes=2))
    assert (done.expired, done.server_unavailable) == (2, False)
    assert {"event": "notices.given_up", "log_level": "error", "entries": 2} in log
    assert not Notice.objects.exists()


def test_old_events_are_not_mailed(
    pending_mails: None, world: World, mail_server: MailServer
) -> None:
    append_links()
    enqueue(now=timezone.now() + MAX_AGE + SECOND)
    assert not Notice.objects.exists()


def test_more_than_one_batch(
    world: World, mail_server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.notifications.outbox.BATCH", 3)
    subscribe(world, "alice", Kind.REVEAL)
    for number in range(10):
        record_event(world, "mia", Action.SECRET_REVEALED, f"KEY_{number}")
    assert delivered_mails(mail_server)[0]["Subject"] == "Shop: 10 events by mia@example.org"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_processes(pending_mails: None, world: World, mail_server: MailServer) -> None:
    append_links()
    together = threading.Barrier(2)
    now = timezone.now()

    def collect_and_deliver(_: int) -> int:
        try:
            together.wait(timeout=LONGEST)
            enqueue(now=now)
            together.wait(timeout=LONGEST)
            return deliver(now=now + DEBOUNCE).sent
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(collect_and_deliver, range(2))) == 2
    assert [mail["To"] for mail in mail_server.pop()] == [
        "alice@example.org",
        "vera@example.org",
    ]
    assert not Notice.objects.exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_worker_thread(pending_mails: None, world: World, mail_server: MailServer) -> None:
    """It continues after an error and stops on request."""
    collect_notices(timezone.now() - 2 * DEBOUNCE)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, 0.05))
    with capture_logs() as log:
        with without_table("console_noticesread"):
            thread.start()
            until(lambda: any(line["event"] == "notices.failed" for line in log))
        until(lambda: len(mail_server.mails) == 2)
    stop.set()
    thread.join(timeout=LONGEST)
    assert not thread.is_alive()
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("mail", "workers"),
    [({}, 0), ({"EMAIL_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "a@b.org"}, 1)],
)
def test_each_server_process_has_a_worker(mail: dict[str, str], workers: int) -> None:
    code = (
        "import django, json, threading; django.setup()\n"
        "from console.server import gunicorn\n"
        "gunicorn.post_worker_init(None)\n"
        "found = [it for it in threading.enumerate() if it is not threading.main_thread()]\n"
        "assert all(it.daemon for it in found)\n"
        "print(json.dumps([it.name for it in found]))"
    )
    environment = {**os.environ, **mail, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    process = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(process.stdout).count("notifications") == workers


def test_command(
    pending_mails: None, world: World, mail_server: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    append_links()
    call_command("send_notices")
    assert capsys.readouterr().out == "Sent: 0. Rejected by the mail server: 0. Waiting: 2.\n"
    Notice.objects.update(at=timezone.now() - DEBOUNCE)
    call_command("send_notices")
    assert capsys.readouterr().out == "Sent: 2. Rejected by the mail server: 0. Waiting: 0.\n"
    assert len(mail_server.pop()) == 2


def test_command_with_server_unavailable(
    pending_mails: None, world: World, mail_server: MailServer, unresponsive_server: socket.socket
) -> None:
    collect_notices(timezone.now() - DEBOUNCE)
    with pytest.raises(CommandError, match="did not answer") as error:
        call_command("send_notices")
    assert error.value.returncode == 5
    assert Notice.objects.count() == 2


def test_command_without_a_mail_server(world: World, settings: Any) -> None:
    settings.MAIL = False
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("send_notices")


def test_query_count_is_constant(world: World, mail_server: MailServer) -> None:
    subscribe(world, "alice", Kind.REVEAL)
    queries = []
    for number in (1, 20):
        for _ in range(number):
            record_event(world, "mia", Action.SECRET_REVEALED, "API_KEY")
        append_links()
        with CaptureQueriesContext(connection) as log:
            enqueue(now=timezone.now() - DEBOUNCE)
            assert deliver(now=timezone.now()).sent == 1
        queries.append(len(log))
    assert queries[1] <= queries[0]
