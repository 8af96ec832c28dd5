"""When mails are sent, and what a mail server that does not take them changes: nothing else."""

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
from tests.console.notifications.conftest import Mailbox, Post, happens
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST, until
from tests.leaks.harness import table_away
from tests.secrets_app.writes.desk import Desk

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


@pytest.fixture
def waiting(post: Post) -> Post:
    """Let a mail to alice and one to vera wait."""
    for name in ("alice", "vera"):
        post.choose(name, Kind.REVEAL)
    happens(post.world, "mia", Action.SECRET_REVEALED, "API_KEY")
    return post


@pytest.fixture
def silent(settings: Any, mailbox: Mailbox) -> Iterator[socket.socket]:
    """Put a server in the place of the other that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.EMAIL_PORT = server.getsockname()[1]
        settings.EMAIL_TIMEOUT = 0.2
        yield server


def test_it_works(waiting: Post) -> None:
    assert waiting.round().sent == 2
    assert not Notice.objects.exists()
    assert waiting.round().sent == 0
    assert len(waiting.mailbox.pop()) == 2


def test_what_follows_soon_is_the_same_mail(post: Post) -> None:
    post.choose("alice", Kind.REVEAL)
    start = timezone.now()
    for second in (0, 10, 20):
        happens(post.world, "mia", Action.SECRET_REVEALED, f"KEY_{second}")
        post.notes(start + second * SECOND)
        assert deliver(now=start + second * SECOND).sent == 0
    assert deliver(now=start + 20 * SECOND + DEBOUNCE).sent == 1
    assert post.mailbox.pop()[0]["Subject"] == "Shop: 3 events by mia@example.org"


def test_what_goes_on_and_on_is_told_meanwhile(post: Post) -> None:
    post.choose("alice", Kind.REVEAL)
    start, now, sent = timezone.now(), timezone.now(), 0
    while not sent:
        happens(post.world, "mia", Action.SECRET_REVEALED, "API_KEY")
        post.notes(now)
        sent = deliver(now=now).sent
        now += 10 * SECOND
        assert now <= start + MAX_WAIT + 20 * SECOND


def test_a_request_waits_for_no_mail_server(
    waiting: Post, silent: socket.socket, desk: Desk, as_: Callable[[str], Client]
) -> None:
    row = desk.put("OTHER", "found", waiting.world.dev)
    answer = as_("bob").post(reverse("secret_reveal", args=["d1shop", row.pk]))
    assert "found" in answer.text
    silent.setblocking(False)
    with pytest.raises(BlockingIOError):
        silent.accept()


@pytest.mark.parametrize("what", ["silent", "closed"])
def test_a_server_that_is_away(
    waiting: Post, mail_server: tuple[Mailbox, int], settings: Any, silent: socket.socket, what: str
) -> None:
    if what == "closed":
        silent.close()
    with capture_logs() as log:
        done = waiting.round()
    assert (done.server_unavailable, done.sent) == (True, 0)
    [line] = [line for line in log if line["event"].startswith("notices.")]
    assert line["event"] == "notices.not_sent"
    assert "API_KEY" not in json.dumps(log)
    assert AuditEvent.objects.get(action="secret.reveal").outcomes.get().outcome == "succeeded"
    settings.EMAIL_PORT, settings.EMAIL_TIMEOUT = mail_server[1], LONGEST
    assert waiting.round().sent == 2  # nobody took them, so they don't wait for long


def test_a_server_that_goes_away_meanwhile(waiting: Post) -> None:
    waiting.mailbox.hangs_up = True
    assert waiting.round().server_unavailable
    waiting.mailbox.hangs_up = False
    assert waiting.round().sent == 0  # they were taken, and come again later
    assert waiting.round(RETRY_AFTER + timedelta(minutes=2)).sent == 2


def test_a_reader_whom_the_server_refuses(waiting: Post) -> None:
    waiting.mailbox.refuses = {"alice@example.org"}
    with capture_logs() as log:
        done = waiting.round()
    assert (done.sent, done.refused, done.server_unavailable) == (1, 1, False)
    assert [mail["To"] for mail in waiting.mailbox.pop()] == ["vera@example.org"]
    [line] = [line for line in log if line["event"] == "notices.refused"]
    assert line["user"] == waiting.world.person("alice").pk
    assert "API_KEY" not in json.dumps(log)
    assert waiting.round().refused == 0  # not again so soon
    waiting.mailbox.refuses.clear()
    assert waiting.round(RETRY_AFTER + timedelta(minutes=2)).sent == 1


def test_a_round_that_takes_too_long_leaves_the_rest_to_the_next(
    waiting: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Claims are made from the round's beginning on, so that a late one would be over at once."""
    monkeypatch.setattr("console.notifications.delivery.TIME_LIMIT", timedelta(0))
    assert [waiting.round().sent for _ in range(3)] == [1, 1, 0]
    assert TIME_LIMIT < RETRY_AFTER


def test_after_a_day_it_is_given_up(waiting: Post, silent: socket.socket) -> None:
    waiting.round()
    with capture_logs() as log:
        done = deliver(now=timezone.now() + MAX_AGE + timedelta(minutes=2))
    assert (done.expired, done.server_unavailable) == (2, False)
    assert {"event": "notices.given_up", "log_level": "error", "entries": 2} in log
    assert not Notice.objects.exists()


def test_what_happened_while_no_mail_was_sent_for_days(waiting: Post) -> None:
    append_links()
    enqueue(now=timezone.now() + MAX_AGE + SECOND)
    assert not Notice.objects.exists()


def test_a_trail_with_more_than_one_batch(
    post: Post, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.notifications.outbox.BATCH", 3)
    post.choose("alice", Kind.REVEAL)
    for number in range(10):
        happens(post.world, "mia", Action.SECRET_REVEALED, f"KEY_{number}")
    assert post.comes()[0]["Subject"] == "Shop: 10 events by mia@example.org"


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_two_processes_at_once(waiting: Post) -> None:
    append_links()
    together = threading.Barrier(2)
    now = timezone.now()

    def both(_: int) -> int:
        try:
            together.wait(timeout=LONGEST)
            enqueue(now=now)
            together.wait(timeout=LONGEST)
            return deliver(now=now + DEBOUNCE).sent
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        assert sum(pool.map(both, range(2))) == 2
    assert [mail["To"] for mail in waiting.mailbox.pop()] == [
        "alice@example.org",
        "vera@example.org",
    ]
    assert not Notice.objects.exists()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_the_servers_thread(waiting: Post) -> None:
    """It goes on after an error, and ends when it is told to."""
    waiting.notes(timezone.now() - 2 * DEBOUNCE)
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, args=(stop, 0.05))
    with capture_logs() as log:
        with table_away("console_noticesread"):
            thread.start()
            until(lambda: any(line["event"] == "notices.failed" for line in log))
        until(lambda: len(waiting.mailbox.mails) == 2)
    stop.set()
    thread.join(timeout=LONGEST)
    assert not thread.is_alive()
    assert not Notice.objects.exists()


@pytest.mark.parametrize(
    ("mail", "postmen"),
    [({}, 0), ({"EMAIL_URL": "smtp://127.0.0.1:1", "EMAIL_FROM": "a@b.org"}, 1)],
)
def test_each_process_of_the_server_has_one(mail: dict[str, str], postmen: int) -> None:
    code = (
        "import django, json, threading; django.setup()\n"
        "from console.server import gunicorn\n"
        "gunicorn.post_worker_init(None)\n"
        "found = [it for it in threading.enumerate() if it is not threading.main_thread()]\n"
        "assert all(it.daemon for it in found)\n"
        "print(json.dumps([it.name for it in found]))"
    )
    environment = {**os.environ, **mail, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout).count("notifications") == postmen


def test_the_command(waiting: Post, capsys: pytest.CaptureFixture[str]) -> None:
    append_links()
    call_command("send_notices")
    assert capsys.readouterr().out == "Sent: 0. Rejected by the mail server: 0. Waiting: 2.\n"
    Notice.objects.update(at=timezone.now() - DEBOUNCE)
    call_command("send_notices")
    assert capsys.readouterr().out == "Sent: 2. Rejected by the mail server: 0. Waiting: 0.\n"
    assert len(waiting.mailbox.pop()) == 2


def test_the_command_where_the_server_is_away(waiting: Post, silent: socket.socket) -> None:
    waiting.notes(timezone.now() - DEBOUNCE)
    with pytest.raises(CommandError, match="did not answer") as ended:
        call_command("send_notices")
    assert ended.value.returncode == 5
    assert Notice.objects.count() == 2


def test_the_command_without_a_mail_server(world: World, settings: Any) -> None:
    settings.MAIL = False
    with pytest.raises(CommandError, match="EMAIL_URL"):
        call_command("send_notices")


def test_as_many_queries_for_twenty_entries_as_for_one(post: Post) -> None:
    post.choose("alice", Kind.REVEAL)
    queries = []
    for number in (1, 20):
        for _ in range(number):
            happens(post.world, "mia", Action.SECRET_REVEALED, "API_KEY")
        append_links()
        with CaptureQueriesContext(connection) as log:
            enqueue(now=timezone.now() - DEBOUNCE)
            assert deliver(now=timezone.now()).sent == 1
        queries.append(len(log))
    assert queries[1] <= queries[0]
