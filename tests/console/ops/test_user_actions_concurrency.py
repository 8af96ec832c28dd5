"""Two operators disable each other at the same moment: one of them stays."""

import pytest
from django.core.exceptions import ValidationError

from console.access.actors import Actor
from console.auth import users
from console.models import AuditOutcome, User
from tests.console.auth.test_concurrency import concurrently
from tests.fixtures.people import World

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def disabled(actor: Actor, user: User) -> bool:
    """Return True if the user was disabled."""
    try:
        users.disable(actor=actor, user=user)
    except ValidationError:
        return False
    return True


def test_it_works(world: World) -> None:
    olga, zoe = world.person("olga"), User.objects.create_superuser("zoe@example.org")
    for _ in range(5):
        done = concurrently(
            lambda: disabled(world.actor("olga"), zoe), lambda: disabled(world.actor("olga"), olga)
        )
        assert sorted(map(bool, done)) == [False, True]
        assert User.objects.filter(is_superuser=True, is_active=True).count() == 1
        User.objects.update(is_active=True)
    ends = AuditOutcome.objects.filter(event__action="user.change")
    assert sorted(ends.values_list("outcome", flat=True)) == ["failed"] * 5 + ["succeeded"] * 5
