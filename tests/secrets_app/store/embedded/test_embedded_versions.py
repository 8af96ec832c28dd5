"""The embedded store keeps 100 versions, and serializes its writers."""

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.conf import settings
from django.db import connection

from secrets_app.models import EmbeddedVersion
from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.errors import AlreadyExists

pytestmark = pytest.mark.both_databases

PATH = "/amplify/d1/main/foo"
WRITERS = 6
T = TypeVar("T")


def test_it_works(embedded_store: EmbeddedStore) -> None:
    embedded_store.put("/amplify/d1/main/other", SecretValue("x"), overwrite=False)
    for number in range(1, 102):
        written = embedded_store.put(PATH, SecretValue(f"value {number}"), overwrite=True)
        assert written.version == number
    versions = EmbeddedVersion.objects.filter(parameter__path=PATH).values_list(
        "version", flat=True
    )
    assert sorted(versions) == list(range(2, 102))
    assert embedded_store.read([PATH])[PATH].value == SecretValue("value 101")
    assert "/amplify/d1/main/other" in embedded_store.read(["/amplify/d1/main/other"])


@pytest.mark.django_db(transaction=True)
def test_each_concurrent_writer_gets_a_version() -> None:
    store = EmbeddedStore(settings.ENCRYPTION_KEYS)
    versions = run_concurrently(
        lambda number: store.put(PATH, SecretValue(f"{number}"), overwrite=True).version
    )
    assert sorted(versions) == list(range(1, WRITERS + 1))
    reading = store.read([PATH])[PATH]
    assert reading.parameter.version == WRITERS
    assert versions[int(reading.value.reveal())] == WRITERS


@pytest.mark.django_db(transaction=True)
def test_one_of_many_creators_wins() -> None:
    store = EmbeddedStore(settings.ENCRYPTION_KEYS)

    def create(number: int) -> str:
        try:
            store.put(PATH, SecretValue(f"{number}"), overwrite=False)
        except AlreadyExists:
            return "refused"
        return "created"

    outcomes = run_concurrently(create)
    assert Counter(outcomes) == {"created": 1, "refused": WRITERS - 1}
    winner = outcomes.index("created")
    assert store.read([PATH])[PATH].value == SecretValue(f"{winner}")


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_and_removers() -> None:
    store = EmbeddedStore(settings.ENCRYPTION_KEYS)

    def put_or_remove(number: int) -> None:
        for _ in range(5):
            if number % 2:
                store.remove([PATH])
            else:
                store.put(PATH, SecretValue("x"), overwrite=True)

    run_concurrently(put_or_remove)
    assert {path: it.value.reveal() for path, it in store.read([PATH]).items()} in ({}, {PATH: "x"})


def run_concurrently(work: Callable[[int], T]) -> list[T]:
    start = threading.Barrier(WRITERS)

    def run(number: int) -> T:
        try:
            start.wait()
            return work(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))
