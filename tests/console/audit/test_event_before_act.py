"""The audit event is committed before the store is called, and its outcome follows.

The tests look at the database while the store does not respond, then let it respond.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from console.models import AuditEvent
from secrets_app.models import LeaseStage, Secret
from secrets_app.store import aws_calls
from secrets_app.store.ssm.client import SsmStore
from tests.factories import audit_events, last_event_id, only_event, outcomes_of, summarize
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.stores import use_store
from tests.fixtures.waiting import LONGEST, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
MANAGE = "/apps/d1shop/hosting/secrets/manage/"


@pytest.fixture
def unresponsive_store(
    console_on_ssm: Any, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> Faulty:
    """Make the console use a store that can leave requests without a response."""
    monkeypatch.setattr(aws_calls, "DEADLINE", 3 * LONGEST)  # far longer than the test waits
    use_store(SsmStore(REGION, read_timeout=LONGEST), monkeypatch)
    return faulty


@pytest.fixture
def post_until_store_call(
    unresponsive_store: Faulty, client_for: Callable[[str], Client]
) -> Iterator[Callable[..., Any]]:
    """Return a function that posts as alice in a thread and returns once the store is called."""
    alice = client_for("alice")

    def post(operation: str, url: str, data: dict[str, Any]) -> Future[Any]:
        unresponsive_store.next(Fault.SILENCE, on=operation)
        before = unresponsive_store.operations().count(operation)

        def run() -> Any:
            try:
                return alice.post(url, data)
            finally:
                connection.close()

        response = pool.submit(run)
        until(lambda: response.done() or unresponsive_store.operations().count(operation) > before)
        assert not response.done()
        return response

    with ThreadPoolExecutor(1) as pool:
        yield post
        unresponsive_store.heal()


def test_it_works(post_until_store_call: Any, unresponsive_store: Faulty, secret: Secret) -> None:
    start = last_event_id()
    response = post_until_store_call(
        "GetParameters", f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/", {}
    )
    assert summarize(audit_events(start)) == [("alice@example.org", "secret.reveal", "API_KEY", [])]
    unresponsive_store.heal()
    assert response.result().status_code == 200
    assert outcomes_of(only_event(start)) == ["succeeded"]


def test_change(post_until_store_call: Any, unresponsive_store: Faulty, secret: Secret) -> None:
    start = last_event_id()
    post = {f"value-{secret.pk}": "second", f"base-{secret.pk}": 1}
    response = post_until_store_call("PutParameter", MANAGE, post)
    assert summarize(audit_events(start)) == [("alice@example.org", "secret.change", "API_KEY", [])]
    row = Secret.objects.get(pk=secret.pk)
    assert (row.version, row.claim_id) == (1, only_event(start).pk)
    unresponsive_store.heal()
    assert response.result().status_code == 302
    assert outcomes_of(only_event(start)) == ["succeeded"]
    # The retry was answered, but the first request may still arrive
    assert Secret.objects.get(pk=secret.pk).claim_stage == LeaseStage.LATE


def test_removal(post_until_store_call: Any, unresponsive_store: Faulty, secret: Secret) -> None:
    start = last_event_id()
    post = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": 1}
    response = post_until_store_call("DeleteParameters", MANAGE, post)
    actions = [("secret.remove", "API_KEY", []), ("bin.fill", "API_KEY", [])]
    assert [event[1:] for event in summarize(audit_events(start))] == actions
    unresponsive_store.heal()
    response.result()
    assert [len(outcomes_of(event)) for event in audit_events(start)] == [1, 1]


def test_new_secret(post_until_store_call: Any, unresponsive_store: Faulty, world: Any) -> None:
    start = last_event_id()
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    response = post_until_store_call("PutParameter", MANAGE, post)
    assert summarize(audit_events(start)) == [("alice@example.org", "secret.create", "NEW", [])]
    assert Secret.objects.get().version == 0  # creation in progress
    unresponsive_store.heal()
    response.result()
    assert len(outcomes_of(only_event(start))) == 1


def test_each_row_of_a_save_has_its_own_event(
    post_until_store_call: Any, unresponsive_store: Faulty, world: Any
) -> None:
    start = last_event_id()
    post: dict[str, Any] = {}
    for number in (1, 2):
        post |= {f"new-{number}-key": f"KEY_{number}", f"new-{number}-value": "v"}
        post |= {f"new-{number}-branch": world.dev.pk}
    response = post_until_store_call("PutParameter", MANAGE, post)
    assert [event.subject for event in audit_events(start)] == ["KEY_1", "KEY_2"]
    stages = Secret.objects.order_by("key").values_list("claim_stage", flat=True)
    assert [*stages] == [LeaseStage.CALLED, LeaseStage.TAKEN]  # the second has not started
    unresponsive_store.heal()
    response.result()
    assert AuditEvent.objects.filter(subject="KEY_1").count() == 1


def test_commits_survive_a_power_failure(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL does so unless its own settings say otherwise, as the tests' do.")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2
