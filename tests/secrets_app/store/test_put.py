"""Writing a value, in both stores."""

from datetime import UTC, datetime, timedelta

import pytest

from secrets_app.projection import CLOCK_TOLERANCE
from secrets_app.store.base import ParameterStore, SecretValue, Written
from secrets_app.store.errors import AlreadyExists

PATH = "/amplify/d1/main/foo"
MILLISECOND = timedelta(milliseconds=1)  # AWS drops the rest


def test_it_works(store: ParameterStore) -> None:
    assert store.put(PATH, SecretValue("one"), overwrite=False) == Written(1)
    assert store.read([PATH])[PATH].value == SecretValue("one")


def test_the_time_of_the_response(store: ParameterStore) -> None:
    for overwrite in (False, True):
        at = store.put(PATH, SecretValue("one"), overwrite=overwrite).at
        modified = store.current([PATH])[PATH].modified
        assert at is not None
        assert at <= datetime.now(UTC)  # Date headers have seconds only
        assert modified <= at + CLOCK_TOLERANCE


def test_overwriting_counts_versions(store: ParameterStore) -> None:
    versions = [
        store.put(PATH, SecretValue(text), overwrite=True).version for text in ("a", "b", "b")
    ]
    assert versions == [1, 2, 3]
    reading = store.read([PATH])[PATH]
    assert (reading.parameter.version, reading.value) == (3, SecretValue("b"))


def test_creating_an_existing_parameter(store: ParameterStore) -> None:
    store.put(PATH, SecretValue("theirs"), overwrite=False)
    with pytest.raises(AlreadyExists) as refusal:
        store.put(PATH, SecretValue("mine"), overwrite=False)
    assert refusal.value.message == AlreadyExists.message
    assert store.read([PATH])[PATH].value == SecretValue("theirs")
    assert store.current([PATH])[PATH].version == 1


def test_paths_are_case_sensitive(store: ParameterStore) -> None:
    store.put(PATH, SecretValue("small"), overwrite=False)
    store.put(PATH.replace("foo", "FOO"), SecretValue("big"), overwrite=False)
    assert store.read([PATH])[PATH].value == SecretValue("small")


def test_the_time_of_a_write_is_now_and_in_utc(store: ParameterStore) -> None:
    before = datetime.now(UTC)
    store.put(PATH, SecretValue("one"), overwrite=False)
    modified = store.current([PATH])[PATH].modified
    assert modified.tzinfo is UTC
    assert before - MILLISECOND < modified < datetime.now(UTC)
    assert store.read([PATH])[PATH].parameter.modified == modified
    assert [parameter.modified for parameter in store.list(["/amplify/d1"])] == [modified]
