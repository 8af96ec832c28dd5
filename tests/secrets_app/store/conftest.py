"""Fixtures: each kind of store, empty."""

import pytest
from django.conf import settings

from secrets_app.store.base import ParameterStore
from secrets_app.store.embedded.store import EmbeddedStore


@pytest.fixture
def embedded_store(db: None) -> EmbeddedStore:
    """Return an empty embedded store."""
    return EmbeddedStore(settings.ENCRYPTION_KEYS)


# Needs marks: pytest-django doesn't see `db` behind request.getfixturevalue
DATABASE = [pytest.mark.both_databases, pytest.mark.django_db]


@pytest.fixture(params=[pytest.param("embedded", marks=DATABASE), "ssm"])
def store(request: pytest.FixtureRequest) -> ParameterStore:
    """Run the test with an embedded store, and again with SSM."""
    store: ParameterStore = request.getfixturevalue(f"{request.param}_store")
    return store
