"""One download at a time for each person, however it ends."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.core.signals import request_finished
from django.db import close_old_connections
from django.test import Client
from time_machine import Traveller

from tests.factories import set_variable
from tests.fixtures.people import World

TRAIL = "/apps/d1shop/activity/export/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/download/?format=json"
BUSY = "Another download of yours is still running."


@pytest.fixture(autouse=True)
def _empty_cache(db: None) -> None:
    cache.clear()


def start(client: Client) -> Any:
    """Start a download that isn't finished."""
    response = client.post(TRAIL, {"format": "csv"})
    assert response.status_code == 200
    return response


def end(response: Any) -> None:
    """Close a response, but not the connection in whose transaction the test runs."""
    request_finished.disconnect(close_old_connections)
    response.close()
    request_finished.connect(close_old_connections)


def test_it_works(client_for: Callable[[str], Client]) -> None:
    alice, bob = client_for("alice"), client_for("bob")
    first = start(alice)
    for refused in (
        alice.post(TRAIL, {"format": "jsonl"}),
        alice.get(VARIABLES),
        client_for("alice").post(TRAIL, {"format": "csv"}),  # in another browser
    ):
        assert refused.status_code == 429
        assert refused["Retry-After"] == "60"
        assert BUSY in refused.text
    end(start(bob))
    assert first.getvalue()
    end(start(alice))


def test_page_without_a_file(client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    download = start(alice)
    assert alice.get(VARIABLES.partition("?")[0]).status_code == 200
    end(download)


def test_one_after_the_other(world: World, client_for: Callable[[str], Client]) -> None:
    set_variable(world, "A", "1")
    alice = client_for("alice")
    for _ in range(3):
        assert alice.get(VARIABLES).json() == {"A": "1"}


def test_client_that_leaves_at_once(client_for: Callable[[str], Client]) -> None:
    """Nothing was taken of the file."""
    alice = client_for("alice")
    end(start(alice))
    end(start(alice))


@pytest.mark.parametrize("kind", ["", "xlsx"])
def test_invalid_request(client_for: Callable[[str], Client], kind: str) -> None:
    alice = client_for("alice")
    assert alice.post(TRAIL, {"format": kind}).status_code == 400
    end(start(alice))


def test_failure(client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch) -> None:
    alice = client_for("alice")
    alice.raise_request_exception = False

    def fails(**_: Any) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("console.pages.activity.views.export", fails)
        assert alice.post(TRAIL, {"format": "csv"}).status_code == 500
    end(start(alice))


def test_killed_server(client_for: Callable[[str], Client], clock: Traveller) -> None:
    """Its mark expires."""
    alice = client_for("alice")
    lost = start(alice)
    clock.shift(700)
    second = start(client_for("alice"))
    end(lost)  # must not end what the second one holds
    assert client_for("alice").get(VARIABLES).status_code == 429
    end(second)
