"""What several requests wrote is sealed at once, by a thread of the server's."""

import threading
from collections.abc import Iterator

import pytest
from django.db import connection
from structlog.testing import capture_logs

from console.audit import chain_worker
from console.models import AuditEvent, AuditOutcome, AuditSeal
from tests.console.audit.test_chain import write
from tests.fixtures.waiting import LONGEST, until
from tests.leaks.harness import table_away


@pytest.fixture
def thread() -> Iterator[threading.Thread]:
    """Run the thread that a server's process has."""
    stop = threading.Event()

    def work() -> None:
        chain_worker.run(stop, pause=0.05)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    yield thread
    stop.set()
    write(1)
    chain_worker.notify()  # it ends with its next round
    thread.join(timeout=LONGEST)
    assert not thread.is_alive()


def all_sealed() -> bool:
    """Say whether each row of the trail has its seal."""
    rows = AuditEvent.objects.count() + AuditOutcome.objects.count()
    return rows == AuditSeal.objects.count() > 0


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_it_works(thread: threading.Thread) -> None:
    for _ in range(3):
        write(2)
        chain_worker.notify()
    until(all_sealed)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_who_wrote_nothing_wakes_it_not(thread: threading.Thread) -> None:
    write(1)
    chain_worker.notify()
    until(all_sealed)
    chain_worker.flush()  # the thread may not be done with looking for more
    AuditEvent.objects.create(action="x", actor_kind="web", actor="by no service of ours")
    chain_worker.notify()
    chain_worker.flush()
    assert not all_sealed()


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_it_goes_on_after_an_error(thread: threading.Thread) -> None:
    with capture_logs() as log, table_away("console_auditseal"):
        write(1)
        chain_worker.notify()
        until(lambda: any(line["event"] == "audit.not_sealed" for line in log))
    write(1)
    chain_worker.notify()
    until(all_sealed)
