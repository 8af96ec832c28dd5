"""Outcomes when the store fails or its response is lost (guarantee 8)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from secrets_app.models import Secret
from secrets_app.sync.reconciling import reconcile_now
from tests.factories import audit_events, expire_leases, last_event_id, only_event, outcomes_of
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
ACTIVITY = "/apps/d1shop/activity/"


@pytest.fixture
def store(console_on_ssm: Any, faulty: Faulty) -> Faulty:
    """Make the console use a store that fails on demand."""
    return faulty


@pytest.fixture
def change(store: Faulty, client_for: Callable[[str], Client], secret: Secret) -> Callable[[], Any]:
    """Return a function that posts a new value as alice."""
    alice = client_for("alice")
    post = {f"value-{secret.pk}": "second", f"base-{secret.pk}": 1}
    return lambda: alice.post(MANAGE, post)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        (Fault.ACCESS_DENIED, "AccessDeniedException"),
        (Fault.KMS_DENIED, "KMSAccessDeniedException"),
        (Fault.LIMIT, "ParameterLimitExceeded"),
    ],
)
def test_it_works(change: Any, store: Faulty, fault: Fault, code: str) -> None:
    start = last_event_id()
    store.always(fault, on="PutParameter")
    assert change().status_code == 422
    assert outcomes_of(only_event(start)) == ["failed"]
    assert only_event(start).outcomes.get().detail == code


def test_lost_response_is_unknown_then_settled(
    change: Any, store: Faulty, world: World, client_for: Any
) -> None:
    start = last_event_id()
    store.always(Fault.SERVER_ERROR_AFTER, on="PutParameter")
    assert change().status_code == 422
    assert outcomes_of(only_event(start)) == ["unknown"]
    entry = client_for("vera").get(ACTIVITY).context["page"].object_list[0]
    assert (entry.outcome_label, entry.sentence) == ("Unknown", "attempted: changed the secret")
    store.heal()
    expire_leases()
    reconcile_now(world.app)
    assert outcomes_of(audit_events(start)[0]) == ["unknown", "settled"]
    assert "it was written" in audit_events(start)[0].outcomes.last().detail


def test_lost_request_is_unknown_then_settled(change: Any, store: Faulty, world: World) -> None:
    start = last_event_id()
    store.always(Fault.RESET, on="PutParameter")
    assert change().status_code == 422
    assert outcomes_of(only_event(start)) == ["unknown"]
    store.heal()
    expire_leases()
    reconcile_now(world.app)
    assert outcomes_of(only_event(start)) == ["unknown", "settled"]
    assert "still holds the previous version" in only_event(start).outcomes.last().detail


def test_failed_reveal(store: Faulty, client_for: Any, secret: Secret) -> None:
    alice = client_for("alice")
    start = last_event_id()
    store.always(Fault.ACCESS_DENIED, on="GetParameters")
    response = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.status_code == 503
    assert outcomes_of(only_event(start)) == ["failed"]


def test_skipped_rows_have_failed(
    change: Any, store: Faulty, client_for: Any, world: World, secret: Secret
) -> None:
    alice = client_for("alice")
    start = last_event_id()
    store.always(Fault.error("UnrecognizedClientException"), on="PutParameter")
    post: dict[str, Any] = {f"value-{secret.pk}": "second", f"base-{secret.pk}": 1}
    post |= {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    assert alice.post(MANAGE, post).status_code == 422
    first, skipped = audit_events(start)
    assert (first.subject, skipped.subject) == ("API_KEY", "NEW")
    assert (outcomes_of(first), outcomes_of(skipped)) == (["failed"], ["failed"])
    assert skipped.outcomes.get().detail == "not tried"
