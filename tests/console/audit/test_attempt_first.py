"""The attempt is committed before the store is called, and its outcome comes after.

A second connection looks while the store keeps silent; then it is let go.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.test import Client

from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.store.ssm import client as ssm
from tests.console.audit.conftest import Trail, outcomes
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.waiting import LONGEST, until
from tests.secrets_app.writes.stores import put_before

pytestmark = pytest.mark.django_db(transaction=True)
MANAGE = "/apps/d1shop/hosting/secrets/manage/"


@pytest.fixture
def silent(console_on_ssm: Any, faulty: Faulty, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """Let the whole console work on a store that can keep silent for as long as a test looks."""
    monkeypatch.setattr(ssm, "DEADLINE", 3 * LONGEST)  # so that it still retries
    put_before(ssm.SsmStore(REGION, read_timeout=LONGEST), monkeypatch)
    return faulty


@pytest.fixture
def under_way(silent: Faulty, as_: Callable[[str], Client]) -> Iterator[Callable[..., Any]]:
    """Return a function that posts as alice, and returns once the store has been asked."""
    alice = as_("alice")

    def post(operation: str, url: str, data: dict[str, Any]) -> Future[Any]:
        silent.next(Fault.SILENCE, on=operation)
        before = silent.operations().count(operation)

        def run() -> Any:
            try:
                return alice.post(url, data)
            finally:
                connection.close()

        answer = pool.submit(run)
        until(lambda: answer.done() or silent.operations().count(operation) > before)
        assert not answer.done()
        return answer

    with ThreadPoolExecutor(1) as pool:
        yield post
        silent.heal()


def test_it_works(under_way: Any, silent: Faulty, secret: Secret, trail: Trail) -> None:
    trail.forget()
    answer = under_way("GetParameters", f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/", {})
    assert trail.brief == [("alice@example.org", "secret.reveal", "API_KEY", [])]
    silent.heal()
    assert answer.result().status_code == 200
    assert outcomes(trail.one) == ["succeeded"]


def test_a_write(under_way: Any, silent: Faulty, secret: Secret, trail: Trail) -> None:
    trail.forget()
    post = {f"value-{secret.pk}": "second", f"base-{secret.pk}": 1}
    answer = under_way("PutParameter", MANAGE, post)
    assert trail.brief == [("alice@example.org", "secret.change", "API_KEY", [])]
    row = Secret.objects.get(pk=secret.pk)
    assert (row.version, row.claim_id) == (1, trail.one.pk)
    silent.heal()
    assert answer.result().status_code == 302
    assert outcomes(trail.one) == ["succeeded"]
    assert Secret.objects.get(pk=secret.pk).claim_id is None


def test_a_removal(under_way: Any, silent: Faulty, secret: Secret, trail: Trail) -> None:
    trail.forget()
    post = {f"remove-{secret.pk}": "on", f"base-{secret.pk}": 1}
    answer = under_way("DeleteParameters", MANAGE, post)
    assert trail.brief == [("alice@example.org", "secret.remove", "API_KEY", [])]
    silent.heal()
    answer.result()
    assert len(outcomes(trail.one)) == 1


def test_a_new_secret(under_way: Any, silent: Faulty, world: Any, trail: Trail) -> None:
    trail.forget()
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    answer = under_way("PutParameter", MANAGE, post)
    assert trail.brief == [("alice@example.org", "secret.create", "NEW", [])]
    assert Secret.objects.get().version == 0  # a creation under way
    silent.heal()
    answer.result()
    assert len(outcomes(trail.one)) == 1


def test_every_row_of_a_save_has_its_own(
    under_way: Any, silent: Faulty, world: Any, trail: Trail
) -> None:
    trail.forget()
    post: dict[str, Any] = {}
    for number in (1, 2):
        post |= {f"new-{number}-key": f"KEY_{number}", f"new-{number}-value": "v"}
        post |= {f"new-{number}-branch": world.dev.pk}
    answer = under_way("PutParameter", MANAGE, post)
    assert [event.subject for event in trail.events] == ["KEY_1"]  # the second is not tried yet
    silent.heal()
    answer.result()
    assert AuditEvent.objects.filter(subject="KEY_1").count() == 1


def test_a_commit_outlasts_a_power_cut(db: None) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL does so unless its own settings say otherwise, as the tests' do.")
    with connection.cursor() as cursor:
        assert cursor.execute("PRAGMA synchronous").fetchone()[0] == 2
