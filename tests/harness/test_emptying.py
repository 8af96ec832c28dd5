"""A test that commits leaves no rows, not even in append-only tables."""

import pytest
from django.core.cache import cache
from django.db import DatabaseError

from console.models import AuditEvent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]


@pytest.mark.parametrize("turn", [1, 2])
def test_it_works(turn):
    assert not AuditEvent.objects.exists()
    assert cache.get("turn") is None
    event = AuditEvent.objects.create(action="test", actor_kind="test", actor="test")
    cache.set("turn", turn)
    with pytest.raises(DatabaseError):
        event.delete()
