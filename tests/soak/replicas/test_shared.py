"""What replicas share through the database: sessions, tries to sign in, marks of revalidation."""

from datetime import timedelta

import pytest
from django.utils import timezone

from console.models import AuditEvent
from secrets_app.models import Revalidation
from tests.soak.replicas import journal
from tests.soak.replicas.person import Person
from tests.soak.replicas.trial import Scene, Site

APPS = "/"
SIGN_OUT = "/accounts/logout/"
pytestmark = [pytest.mark.slow, pytest.mark.postgres]


def test_it_works(replicas: Site, scene: Scene) -> None:
    """A session that began on one console is one on the other, and ends on both."""
    one, other = replicas.ports
    ann = Person(scene.emails[0], replicas.ports)
    assert ann.sign_in(port=one) == 302
    assert [ann.get(APPS, port=port).status for port in (one, other)] == [200, 200]
    stolen = dict(ann.cookies)
    assert ann.post(SIGN_OUT, {}, port=one, fragment=False).status == 302
    ann.cookies = stolen
    assert [ann.get(APPS, port=port).status for port in (one, other)] == [302, 302]


def test_tries_are_counted_together(replicas: Site, scene: Scene) -> None:
    one, other = replicas.ports
    people = [Person(scene.emails[0], [], f"127.0.1.{number}") for number in range(1, 7)]
    statuses = [
        person.sign_in(port=port, password="wrong")
        for person, port in zip(people, (one, one, one, other, other, other), strict=True)
    ]
    assert statuses == [200] * 5 + [429]
    limited = AuditEvent.objects.filter(action="session.limited")
    assert [event.address for event in limited] == ["127.0.1.6"]


def test_an_address_is_counted_together(replicas: Site, scene: Scene) -> None:
    people = [Person(email, []) for email in scene.emails[:11]]
    statuses = [
        person.sign_in(port=replicas.ports[number % 2], password="wrong")
        for number, person in enumerate(people)
    ]
    assert statuses == [200] * 10 + [429]


def test_a_check_is_not_repeated_by_the_other(replicas: Site, scene: Scene) -> None:
    ann = Person(scene.emails[0], replicas.ports)
    ann.sign_in()
    address = f"/apps/{scene.app.app_id}/hosting/secrets/revalidate/"

    def listings_after_both() -> int:
        for port in replicas.ports:
            assert ann.post(address, {"mode": "list"}, port=port).status == 200
        return sum(act.act == "list" for act in journal.read(replicas.journal))

    assert listings_after_both() == 1
    Revalidation.objects.update(started_at=timezone.now() - timedelta(seconds=16))
    assert listings_after_both() == 2
