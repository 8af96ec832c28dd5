"""Each store call is one line in the log, the same for both stores."""

from typing import Any

import pytest

from secrets_app.store.base import ParameterStore, SecretValue
from secrets_app.store.errors import AlreadyExists
from tests.fixtures.stores import StoreCalls

PATH = "/amplify/d1/main/foo"
CANARY = "canary-7d1f"


def test_it_works(store: ParameterStore, store_calls: StoreCalls) -> None:
    store.put(PATH, SecretValue(CANARY), overwrite=False)
    store.read([PATH])
    store.current([PATH])
    store.versions(PATH)
    store.read_version(PATH, 1)
    list(store.list(["/amplify/d1", "/amplify/shared/d1"]))
    store.ping()
    store.remove([PATH])
    assert [(call["operation"], call["names"]) for call in store_calls.entries] == [
        ("put", 1),
        ("read", 1),
        ("current", 1),
        ("versions", 1),
        ("read_version", 1),
        ("list", 2),
        ("ping", 0),
        ("remove", 1),
    ]
    for call in store_calls.entries:
        assert set(call) == {
            *("event", "log_level", "store", "operation", "names", "duration_ms", "outcome")
        }
        level = "debug" if call["operation"] == "ping" else "info"  # probes ask every few seconds
        assert (call["outcome"], call["log_level"]) == ("ok", level)
        assert call["duration_ms"] >= 0
    assert CANARY not in str(store_calls.entries)


def test_the_store_is_logged(
    store_calls: StoreCalls, ssm_store: ParameterStore, embedded_store: Any
) -> None:
    ssm_store.ping()
    embedded_store.ping()
    assert [call["store"] for call in store_calls.entries] == ["ssm", "embedded"]


def test_an_error_logs_its_code(store: ParameterStore, store_calls: StoreCalls) -> None:
    store.put(PATH, SecretValue("x"), overwrite=False)
    store_calls.clear()
    with pytest.raises(AlreadyExists) as refusal:
        store.put(PATH, SecretValue(CANARY), overwrite=False)
    assert [call["outcome"] for call in store_calls.entries] == [refusal.value.code]
