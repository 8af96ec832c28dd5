"""Outcomes when the store fails or its response is lost (guarantee 8)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from secrets_app.models import Secret
from secrets_app.sync import reconcile_now
from tests.console.audit.conftest import Trail, outcomes
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
ACTIVITY = "/apps/d1shop/activity/"


@pytest.fixture
def store(console_on_ssm: Any, faulty: Faulty) -> Faulty:
    """Let the whole console work on a store that fails on demand."""
    return faulty


@pytest.fixture
def change(
    store: Faulty, as_: Callable[[str], Client], secret: Secret, trail: Trail
) -> Callable[[], Any]:
    """Return a function that posts another value as alice."""
    alice = as_("alice")
    trail.forget()
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
def test_it_works(change: Any, store: Faulty, trail: Trail, fault: Fault, code: str) -> None:
    store.always(fault, on="PutParameter")
    assert change().status_code == 422
    assert outcomes(trail.one) == ["failed"]
    assert trail.one.outcomes.get().detail == code


def test_a_lost_answer_is_unknown_and_settled_later(
    change: Any, store: Faulty, trail: Trail, world: World, as_: Any
) -> None:
    store.always(Fault.SERVER_ERROR_AFTER, on="PutParameter")
    assert change().status_code == 422
    assert outcomes(trail.one) == ["unknown"]
    entry = as_("vera").get(ACTIVITY).context["page"].object_list[0]
    assert (entry.outcome_label, entry.sentence) == ("Unknown", "attempted: changed the secret")
    store.heal()
    reconcile_now(world.app)
    assert outcomes(trail.events[0]) == ["unknown", "settled"]
    assert "it was written" in trail.events[0].outcomes.last().detail


def test_a_lost_answer_to_nothing(change: Any, store: Faulty, trail: Trail, world: World) -> None:
    store.always(Fault.RESET, on="PutParameter")
    assert change().status_code == 422
    assert outcomes(trail.one) == ["unknown"]
    store.heal()
    reconcile_now(world.app)
    assert outcomes(trail.one) == ["unknown", "settled"]
    assert "still holds the previous version" in trail.one.outcomes.last().detail


def test_a_reveal_that_fails(store: Faulty, as_: Any, secret: Secret, trail: Trail) -> None:
    alice = as_("alice")
    trail.forget()
    store.always(Fault.ACCESS_DENIED, on="GetParameters")
    answer = alice.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.status_code == 503
    assert outcomes(trail.one) == ["failed"]


def test_rows_that_were_not_tried_have_no_entry(
    change: Any, store: Faulty, as_: Any, trail: Trail, world: World, secret: Secret
) -> None:
    alice = as_("alice")
    trail.forget()
    store.always(Fault.error("UnrecognizedClientException"), on="PutParameter")
    post: dict[str, Any] = {f"value-{secret.pk}": "second", f"base-{secret.pk}": 1}
    post |= {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    assert alice.post(MANAGE, post).status_code == 422
    assert [event.subject for event in trail.events] == ["API_KEY"]
