"""Reading values and metadata, in both stores."""

from secrets_app.store.base import ParameterStore, SecretValue
from tests.fixtures.stores import StoreCalls

PATHS = [f"/amplify/d1/main/key{number}" for number in range(25)]


def test_it_works(store: ParameterStore) -> None:
    _fill(store)
    readings = store.read(PATHS)
    assert {path: reading.value.reveal() for path, reading in readings.items()} == {
        path: f"value of {path}" for path in PATHS
    }
    assert all(reading.parameter.path == path for path, reading in readings.items())


def test_current_returns_versions_only(store: ParameterStore) -> None:
    _fill(store)
    store.put(PATHS[3], SecretValue("again"), overwrite=True)
    current = store.current(PATHS)
    assert [current[path].version for path in PATHS] == [1, 1, 1, 2] + [1] * 21


def test_ten_names_per_call(store: ParameterStore, store_calls: StoreCalls) -> None:
    store.read(PATHS)
    store.current(PATHS)
    assert store_calls.operations == ["read"] * 3 + ["current"] * 3
    assert [call["names"] for call in store_calls.entries] == [10, 10, 5] * 2


def test_missing_parameters_are_left_out(store: ParameterStore) -> None:
    store.put(PATHS[0], SecretValue("one"), overwrite=False)
    assert list(store.read(PATHS[:2])) == PATHS[:1]
    assert list(store.current(PATHS[:2])) == PATHS[:1]


def test_duplicate_names_are_read_once(store: ParameterStore, store_calls: StoreCalls) -> None:
    store.put(PATHS[0], SecretValue("one"), overwrite=False)
    store_calls.clear()
    assert list(store.read([PATHS[0]] * 15)) == PATHS[:1]
    assert [call["names"] for call in store_calls.entries] == [1]


def test_no_names_make_no_call(store: ParameterStore, store_calls: StoreCalls) -> None:
    assert store.read([]) == {}
    assert store.current([]) == {}
    assert list(store.list([])) == []
    assert store.remove([]) == set()
    assert store_calls.entries == []


def _fill(store: ParameterStore) -> None:
    for path in PATHS:
        store.put(path, SecretValue(f"value of {path}"), overwrite=False)
