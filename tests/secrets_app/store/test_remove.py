"""Removing parameters, in both stores."""

from secrets_app.store.base import ParameterStore, SecretValue, Written
from tests.fixtures.stores import StoreCalls

PATHS = [f"/amplify/d1/main/key{number}" for number in range(25)]


def test_it_works(store: ParameterStore, store_calls: StoreCalls) -> None:
    for path in PATHS:
        store.put(path, SecretValue("x"), overwrite=False)
    store_calls.clear()
    assert store.remove(PATHS) == set(PATHS)
    assert [(call["operation"], call["names"]) for call in store_calls.entries] == [
        ("remove", 10),
        ("remove", 10),
        ("remove", 5),
    ]
    assert store.current(PATHS) == {}
    assert [*store.list(["/amplify/d1"])] == []


def test_missing_parameters_are_not_returned(store: ParameterStore) -> None:
    store.put(PATHS[0], SecretValue("x"), overwrite=False)
    assert store.remove(PATHS[:2]) == {PATHS[0]}
    assert store.remove(PATHS[:2]) == set()


def test_other_parameters_stay(store: ParameterStore) -> None:
    store.put(PATHS[0], SecretValue("x"), overwrite=False)
    store.put(PATHS[0].upper().replace("/AMPLIFY", "/amplify"), SecretValue("x"), overwrite=False)
    store.remove([PATHS[0]])
    assert len([*store.list(["/amplify"])]) == 1


def test_a_recreated_parameter_starts_at_version_one(store: ParameterStore) -> None:
    store.put(PATHS[0], SecretValue("old"), overwrite=False)
    store.put(PATHS[0], SecretValue("older"), overwrite=True)
    store.remove([PATHS[0]])
    assert store.put(PATHS[0], SecretValue("new"), overwrite=False) == Written(1)
    assert store.read([PATHS[0]])[PATHS[0]].value == SecretValue("new")
