"""Both stores reject paths that SSM can't hold, before any call, with the same message."""

from collections.abc import Callable

import pytest

from secrets_app.paths import PATH_LIMIT
from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import Rejected
from tests.fixtures.stores import StoreCalls

SIGNS = "Parameter paths can contain only letters, digits and _ . - /, without empty parts."
LEVELS = "Parameter paths can have at most 15 levels. Use a shorter name."
LONG = (
    f"Parameter paths can have at most {PATH_LIMIT} characters. This one has {PATH_LIMIT + 1}. "
    "Use a shorter name."
)
BAD = {
    "": SIGNS,
    "amplify/d1/foo": SIGNS,
    "/amplify/d1/": SIGNS,
    "/amplify//foo": SIGNS,
    "/amplify/d1/a b": SIGNS,
    "/amplify/d1/foo\n": SIGNS,
    "/amplify/d1/foo:1": SIGNS,  # SSM reads it as a version
    "/amplify/d1/f\u043eo": SIGNS,  # a Cyrillic o
    "/a" * 16: LEVELS,
    "/" + "a" * PATH_LIMIT: LONG,
}
OPERATIONS: dict[str, Callable[[ParameterStore, str], object]] = {
    "put": lambda store, path: store.put(path, SecretValue("x"), overwrite=True),
    "read": lambda store, path: store.read(["/amplify/d1/fine", path]),
    "current": lambda store, path: store.current(["/amplify/d1/fine", path]),
    "remove": lambda store, path: store.remove(["/amplify/d1/fine", path]),
    "list": lambda store, path: store.list(["/amplify/d1", path]),
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_rejected_before_any_call(
    store: ParameterStore, store_calls: StoreCalls, operation: str
) -> None:
    for path, message in BAD.items():
        with pytest.raises(Rejected) as refusal:
            OPERATIONS[operation](store, path)
        assert (path, refusal.value.message) == (path, message)
    assert store_calls.entries == []


def test_the_longest_valid_path(store: ParameterStore) -> None:
    for path in ("/a" * 15, "/" + "a" * (PATH_LIMIT - 1), "/amplify/d1/_.-Z9"):
        store.put(path, SecretValue("x"), overwrite=False)
        assert list(store.read([path])) == [path]
