"""With the embedded store, writes join one transaction, which inserts all their values at once."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from secrets_app.models import EmbeddedParameter, EmbeddedVersion
from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.errors import AlreadyExists

PATHS = [f"/amplify/shared/d1/KEY_{number:03}" for number in range(20)]


def values(store: EmbeddedStore) -> dict[str, str]:
    """Return the stored values by path."""
    return {path: reading.value.reveal() for path, reading in store.read(PATHS).items()}


@pytest.mark.both_databases
def test_it_works(embedded_store: EmbeddedStore) -> None:
    embedded_store.put(PATHS[0], SecretValue("before"), overwrite=False)
    with CaptureQueriesContext(connection) as queries, embedded_store.shared_transaction():
        for number, path in enumerate(PATHS):
            embedded_store.put(path, SecretValue(f"value {number}"), overwrite=number == 0)
    # One for each path, the values, begin and commit
    assert len(queries) == len(PATHS) + 3
    assert values(embedded_store) == {path: f"value {n}" for n, path in enumerate(PATHS)}
    assert embedded_store.current(PATHS[:1])[PATHS[0]].version == 2


@pytest.mark.both_databases
def test_reading_and_removing_in_the_transaction(embedded_store: EmbeddedStore) -> None:
    with embedded_store.shared_transaction():
        for path in PATHS[:2]:
            embedded_store.put(path, SecretValue("first"), overwrite=False)
        embedded_store.put(PATHS[0], SecretValue("second"), overwrite=True)
        assert values(embedded_store) == {PATHS[0]: "second", PATHS[1]: "first"}
        assert embedded_store.remove(PATHS) == set(PATHS[:2])
        embedded_store.put(PATHS[1], SecretValue("again"), overwrite=True)
        with pytest.raises(AlreadyExists):
            embedded_store.put(PATHS[1], SecretValue("twice"), overwrite=False)
    assert values(embedded_store) == {PATHS[1]: "again"}
    assert EmbeddedVersion.objects.count() == 1


@pytest.mark.both_databases
def test_rolled_back(embedded_store: EmbeddedStore) -> None:
    embedded_store.put(PATHS[0], SecretValue("before"), overwrite=False)

    def fail() -> None:
        with embedded_store.shared_transaction():
            embedded_store.put(PATHS[0], SecretValue("after"), overwrite=True)
            embedded_store.put(PATHS[1], SecretValue("after"), overwrite=False)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011 - ours
        fail()
    assert values(embedded_store) == {PATHS[0]: "before"}
    embedded_store.put(PATHS[1], SecretValue("later"), overwrite=False)
    assert EmbeddedVersion.objects.count() == EmbeddedParameter.objects.count() == 2
