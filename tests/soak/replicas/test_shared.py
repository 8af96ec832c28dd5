"""Replicas share sessions, rate limits, and the pause between reconciles."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.models import AuditEvent
from secrets_app.models import Revalidation
from tests.soak.replicas import journal
from tests.soak.replicas.trial import Replicas, TrialApp
from tests.soak.replicas.web_user import WebUser

APPS = "/"
SIGN_OUT = "/accounts/logout/"
pytestmark = [pytest.mark.slow, pytest.mark.postgres, pytest.mark.exhaustive]


def test_it_works(replicas: Replicas, trial_app: TrialApp) -> None:
    """A session started on one console works on the other, and ends on both."""
    one, other = replicas.ports
    ann = WebUser(trial_app.emails[0], replicas.ports)
    assert ann.sign_in(port=one) == 302
    assert [ann.get(APPS, port=port).status for port in (one, other)] == [200, 200]
    stolen = dict(ann.cookies)
    assert ann.post(SIGN_OUT, {}, port=one, fragment=False).status == 302
    ann.cookies = stolen
    assert [ann.get(APPS, port=port).status for port in (one, other)] == [302, 302]


def test_attempts_for_an_account(replicas: Replicas, trial_app: TrialApp) -> None:
    one, other = replicas.ports
    people = [WebUser(trial_app.emails[0], [], f"127.0.1.{number}") for number in range(1, 7)]
    statuses = [
        person.sign_in(port=port, password="wrong")
        for person, port in zip(people, (one, one, one, other, other, other), strict=True)
    ]
    assert statuses == [200] * 5 + [429]
    limited = AuditEvent.objects.filter(action="session.limited")
    assert [event.address for event in limited] == ["127.0.1.6"]


def test_attempts_from_an_address(replicas: Replicas, trial_app: TrialApp) -> None:
    people = [WebUser(email, []) for email in trial_app.emails[:11]]
    statuses = [
        person.sign_in(port=replicas.ports[number % 2], password="wrong")
        for number, person in enumerate(people)
    ]
    assert statuses == [200] * 10 + [429]


def test_the_other_console_does_not_reconcile_again(
    replicas: Replicas, trial_app: TrialApp
) -> None:
    ann = WebUser(trial_app.emails[0], replicas.ports)
    ann.sign_in()
    url = f"/apps/{trial_app.app.app_id}/hosting/secrets/revalidate/"

    def listings_after_both() -> int:
        for port in replicas.ports:
            assert ann.post(url, {"mode": "list"}, port=port).status == 200
        return sum(call.kind == "list" for call in journal.read(replicas.journal))

    assert listings_after_both() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=16))
    assert listings_after_both() == 2
