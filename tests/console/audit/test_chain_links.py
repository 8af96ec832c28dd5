"""Links of the chain follow their rows moments later; no request waits or fails (guarantee 10)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection, connections, transaction
from django.test import Client

from console.audit import chain
from console.audit.events import Action, Outcome, attempt, conclude
from console.models import AuditEvent, AuditOutcome, AuditSeal
from tests.console.audit.test_chain import BOB, verify, write
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases


@pytest.mark.django_db(transaction=True)
def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    chain.append_links()
    before = AuditSeal.objects.count()
    alice.post("/apps/d1shop/settings/branches/add/", {"name": "new", "stage": "NONE"})
    assert AuditSeal.objects.count() == before + 2
    assert "0 newly linked" in verify()


@pytest.mark.django_db(transaction=True)
def test_request_appends_a_limited_number_of_links(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 4)
    write(20)
    chain.append_pending_links()
    assert AuditSeal.objects.count() == 2 * 2 * 4
    assert "40 rows verified, 24 newly linked." in verify()


@pytest.mark.django_db(transaction=True)
def test_rolled_back_rows_need_no_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "append_links", lambda: pytest.fail("Nothing was written."))
    with transaction.atomic():
        write(1)
        transaction.set_rollback(True)
    chain.append_pending_links()


@pytest.mark.django_db(transaction=True)
def test_page_view_does_not_touch_the_chain(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = client_for("alice")
    chain.append_pending_links()
    seals = AuditSeal.objects.count()
    write(1)
    chain.append_pending_links()
    with monkeypatch.context() as patch:
        patch.setattr(chain, "append_links", lambda: pytest.fail("Nothing was written."))
        alice.get("/")
    assert AuditSeal.objects.count() == seals + 2


@pytest.mark.django_db(transaction=True)
def test_failing_to_append_links_fails_no_request(
    world: World, client_for: Callable[[str], Client], fail_inserts: Any
) -> None:
    alice = client_for("alice")
    before = AuditSeal.objects.count()
    fail_inserts(AuditSeal)
    post = {"name": "new", "stage": "NONE"}
    response = alice.post("/apps/d1shop/settings/branches/add/", post)
    assert response.status_code == 302
    assert AuditSeal.objects.count() == before
    assert AuditEvent.objects.filter(action="branch.add", outcomes__outcome="succeeded").exists()


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers() -> None:
    threads = 20 if connection.vendor == "postgresql" else 4
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(_write_and_seal, range(threads)))
    number = threads * 5 * 2
    assert AuditEvent.objects.count() + AuditOutcome.objects.count() == number
    assert f"{number:,} rows verified" in verify()
    assert list(AuditSeal.objects.order_by("id").values_list("id", flat=True)) == list(
        range(1, number + 1)
    )


def _write_and_seal(number: int) -> None:
    try:
        for _ in range(5):
            with transaction.atomic():
                [event] = write(1) if number % 2 else [attempt(BOB, Action.SIGN_IN)]
            if not number % 2:
                conclude(event.pk, Outcome.SUCCEEDED)
            chain.append_pending_links()
    finally:
        connections.close_all()
