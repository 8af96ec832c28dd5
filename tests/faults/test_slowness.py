"""A slow or silent store: responses come in time, and nothing is lost (guarantees 43, 44).

The tests count how often the console waits for the store; they don't measure time.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from console.aws.limits import CONNECT_TIMEOUT, READ_TIMEOUT
from console.lib.results import DONE
from secrets_app.models import Revalidation
from secrets_app.store import parameter_store
from secrets_app.store.errors import Throttled
from secrets_app.store.ssm.client import SsmStore
from tests.factories import (
    audit_rows,
    create_command,
    reconcile_now,
    save_secrets,
    secret_paths,
    secret_row,
    set_secret,
)
from tests.faults.faults import assert_recovered
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.people import World
from tests.fixtures.stores import use_store
from tests.fixtures.waiting import LONGEST, until

MAX_SECONDS = 10  # seconds (guarantee 43)
CALLS_A_SECOND = 5
SHORTER = 2.0  # seconds, instead of READ_TIMEOUT, to save time
pytestmark = pytest.mark.slow


@pytest.fixture
def alice(
    faulty_ssm: Faulty, world: World, client_for: Callable[[str], Client], transactional_db: None
) -> Client:
    """Return alice's browser. Its writes are committed, so that other threads see them."""
    set_secret(world, "SECRET", branch=world.main)
    reconcile_now(world)
    return client_for("alice")


def save_request(world: World) -> tuple[str, dict[str, str]]:
    row = secret_row(world, "SECRET", world.main)
    fields = {f"value-{row.pk}": "new", f"base-{row.pk}": "1"}
    fields |= {"new-1-key": "OTHER", "new-1-value": "x", "new-1-branch": ""}
    return reverse("secrets_manage", args=[world.app.app_id]), fields


def secret_request(world: World, name: str) -> tuple[str, dict[str, str]]:
    row = secret_row(world, "SECRET", world.main)
    return reverse(name, args=[world.app.app_id, row.pk]), {"shown": "1:0"}


Request = tuple[str, dict[str, str]]
SILENCES: dict[str, tuple[str, Callable[[World], Request], int]] = {
    "save, from the start": ("GetParameters", save_request, 503),
    "save, when it writes": ("PutParameter", save_request, 422),
    "reveal": ("GetParameters", lambda world: secret_request(world, "secret_reveal"), 503),
    "repair": ("PutParameter", lambda world: secret_request(world, "secret_mirror"), 502),
    "check": (
        "DescribeParameters",
        lambda world: (reverse("secrets_revalidate", args=["d1shop"]), {}),
        302,
    ),
}


def prepare_request(world: World, faulty_ssm: Faulty, name: str) -> tuple[str, dict[str, str]]:
    """Return the URL and the fields to post."""
    if name == "repair":
        parameter_store().remove(secret_paths(world, "SECRET", world.main)[1:])
    if name == "check":
        Revalidation.objects.all().delete()  # so that reconciling is due
    faulty_ssm.heal()  # forget the requests so far
    return SILENCES[name][1](world)


@pytest.mark.parametrize("name", SILENCES)
def test_it_works(
    world: World, alice: Client, faulty_ssm: Faulty, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, _, status = SILENCES[name]
    url, fields = prepare_request(world, faulty_ssm, name)
    faulty_ssm.always(Fault.SILENCE, on=on)
    with monkeypatch.context() as patch:
        use_store(SsmStore(REGION, read_timeout=SHORTER), patch)
        assert alice.post(url, fields).status_code == status
    assert faulty_ssm.operations().count(on) == 1
    assert CONNECT_TIMEOUT + READ_TIMEOUT < MAX_SECONDS
    faulty_ssm.heal()
    if name != "repair":  # its mirror was removed outside
        assert_recovered(world)


@pytest.mark.parametrize("name", SILENCES)
def test_other_pages_keep_working(
    world: World, alice: Client, faulty_ssm: Faulty, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on, _, _ = SILENCES[name]
    url, fields = prepare_request(world, faulty_ssm, name)
    use_store(SsmStore(REGION, read_timeout=LONGEST), monkeypatch)
    faulty_ssm.always(Fault.SILENCE, on=on)
    with ThreadPoolExecutor(1) as threads:
        response = threads.submit(post_in_thread, alice, url, fields)
        until(lambda: on in faulty_ssm.operations())
        for page in ("secrets", "secrets_manage", "overview", "activity"):
            shown = alice.get(reverse(page, args=[world.app.app_id]))
            assert shown.status_code == 200
        assert not response.done()
        faulty_ssm.heal()


def test_silence_while_writing_the_mirror(
    world: World, alice: Client, faulty_ssm: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fields = save_request(world)
    faulty_ssm.heal()  # forget the requests so far
    puts = iter([None])
    monkeypatch.setattr(
        faulty_ssm,
        "_fault_for",
        lambda operation: next(puts, Fault.SILENCE) if operation == "PutParameter" else None,
    )
    use_store(SsmStore(REGION, read_timeout=SHORTER), monkeypatch)
    response = alice.post(url, fields, headers={"HX-Request": "true"})
    assert faulty_ssm.operations().count("PutParameter") == 2
    text = response.content.decode()
    assert 'data-outcome="saved"' in text
    assert 'data-outcome="not_tried"' in text
    monkeypatch.undo()


class RateLimiter:
    """Throttles calls above a rate, as SSM does."""

    def __init__(self, calls_a_second: float) -> None:
        self._rate, self._lock = calls_a_second, Lock()
        self._tokens, self._at = calls_a_second, monotonic()

    def fault(self, operation: str) -> Fault | None:
        """Return throttling if the call exceeds the rate."""
        with self._lock:
            now = monotonic()
            self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1:
                return Fault.THROTTLING
            self._tokens -= 1
            return None


@pytest.mark.parametrize("keys", [20, pytest.param(100, marks=pytest.mark.exhaustive)])
def test_many_keys_at_five_calls_a_second(
    world: World, faulty_ssm: Faulty, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    pending = {f"KEY_{number:03}": 0 for number in range(keys)}
    with monkeypatch.context() as patch:
        patch.setattr(faulty_ssm, "_fault_for", RateLimiter(CALLS_A_SECOND).fault)
        for _ in rounds(100):
            commands = [create_command(key, f"value of {key}") for key in pending]
            with suppress(Throttled):  # the lookup before anything is written may be, too
                outcomes = save_secrets(world, *commands)
                for command, outcome in zip(commands, outcomes, strict=True):
                    if outcome.outcome in DONE:
                        del pending[command.key]
                    else:
                        assert outcome.outcome in {"failed", "not_tried"}
            if not pending:
                break
            sleep(1)  # its message says: try again
    assert not pending
    found = parameter_store().read(
        secret_paths(world, f"KEY_{number:03}")[0] for number in range(keys)
    )
    assert {reading.value.reveal() for reading in found.values()} == {
        f"value of KEY_{number:03}" for number in range(keys)
    }
    assert {reading.parameter.version for reading in found.values()} == {1}
    ends = [entry.outcome for entry in audit_rows(world)]
    assert ends.count("succeeded") == keys
    assert {*ends} <= {"succeeded", "failed"}
    assert_recovered(world)


def rounds(number: int) -> Iterator[int]:
    yield from range(number)
    raise AssertionError("Not done after so many rounds.")


def post_in_thread(client: Client, url: str, fields: dict[str, str]) -> Any:
    try:
        return client.post(url, fields)
    finally:
        connections.close_all()
