"""A server thread appends the links of several requests in one batch."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from structlog.testing import capture_logs

from console.audit import chain_worker
from console.models import AuditEvent, AuditOutcome, AuditSeal
from tests.console.audit.test_chain import write
from tests.factories import without_table
from tests.fixtures.waiting import LONGEST, until


@pytest.fixture
def thread() -> Iterator[threading.Thread]:
    """Run the worker thread of a server process."""
    stop = threading.Event()

    def work() -> None:
        chain_worker.run(stop, pause=0.05)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    stop.set()
    write(1)
    chain_worker.notify()  # it ends after its next batch
    thread.join(timeout=LONGEST)
    assert not thread.is_alive()


def is_fully_linked() -> bool:
    """Return True if every audit row has its link."""
    rows = AuditEvent.objects.count() + AuditOutcome.objects.count()
    return rows == AuditSeal.objects.count() > 0


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_it_works(thread: threading.Thread) -> None:
    for _ in range(3):
        write(2)
        chain_worker.notify()
    until(is_fully_linked)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_request_without_events_does_not_wake_it(thread: threading.Thread) -> None:
    write(1)
    chain_worker.notify()
    until(is_fully_linked)
    chain_worker.flush()  # the thread may still look for more
    AuditEvent.objects.create(action="x", actor_kind="web", actor="not by a service")
    chain_worker.notify()
    chain_worker.flush()
    assert not is_fully_linked()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_continues_after_an_error(thread: threading.Thread) -> None:
    with capture_logs() as log, without_table("console_auditseal"):
        write(1)
        chain_worker.notify()
        until(lambda: any(line["event"] == "audit.not_sealed" for line in log))
    write(1)
    chain_worker.notify()
    until(is_fully_linked)
