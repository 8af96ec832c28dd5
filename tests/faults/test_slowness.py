"""A slow or silent store: answers come in time, and nothing is lost (guarantees 43, 44)."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from time import monotonic, sleep
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from console.lib.results import DONE
from secrets_app.models import Revalidation
from tests.faults.faults import all_is_well
from tests.plugins.faulty import Fault, Faulty
from tests.services.desk import Desk

IN_TIME = 10  # seconds
KEYS = 100
CALLS_A_SECOND = 5
PAUSE = 0.2  # seconds before the other pages are opened again
pytestmark = pytest.mark.slow


@pytest.fixture
def anyone(desk: Desk, as_: Callable[[str], Client], transactional_db: None) -> Client:
    """Return alice's browser; what she does in a thread is seen in the others."""
    desk.put("SECRET", branch=desk.world.main)
    desk.check()
    return as_("alice")


def _save(desk: Desk) -> tuple[str, dict[str, str]]:
    row = desk.row("SECRET", desk.world.main)
    fields = {f"value-{row.pk}": "new", f"base-{row.pk}": "1"}
    fields |= {"new-1-key": "OTHER", "new-1-value": "x", "new-1-branch": ""}
    return reverse("secrets_manage", args=[desk.app.app_id]), fields


def _act(desk: Desk, name: str) -> tuple[str, dict[str, str]]:
    row = desk.row("SECRET", desk.world.main)
    return reverse(name, args=[desk.app.app_id, row.pk]), {"shown": "1:0"}


BLACK_HOLES: dict[str, tuple[str, Callable[[Desk], tuple[str, dict[str, str]]], int]] = {
    "save, from the start": ("", _save, 503),
    "save, when it writes": ("PutParameter", _save, 422),
    "reveal": ("", lambda desk: _act(desk, "secret_reveal"), 503),
    "repair": ("PutParameter", lambda desk: _act(desk, "secret_mirror"), 502),
    "check": ("", lambda desk: (reverse("secrets_revalidate", args=["d1shop"]), {}), 302),
}


@pytest.mark.parametrize("name", BLACK_HOLES)
def test_it_works(desk: Desk, anyone: Client, faulty: Faulty, name: str) -> None:
    on, make, status = BLACK_HOLES[name]
    if name == "repair":
        desk.store.remove(desk.paths("SECRET", desk.world.main)[1:])
    if name == "check":
        Revalidation.objects.all().delete()  # so that it is due
    url, fields = make(desk)
    faulty.always(Fault.SILENCE, on=on)
    with ThreadPoolExecutor(1) as threads:
        started = monotonic()
        answer = threads.submit(_in_thread, anyone, url, fields)
        slowest = max(_others(anyone, desk, answer.done))
        response = answer.result()
        took = monotonic() - started
    assert response.status_code == status
    assert 4 < took < IN_TIME
    assert slowest < took / 2  # the other pages went on
    faulty.heal()
    if name != "repair":  # there somebody outside had removed the mirror
        all_is_well(desk)


def test_the_mirror_in_a_black_hole(
    desk: Desk, anyone: Client, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, fields = _save(desk)
    puts = iter([None])
    monkeypatch.setattr(
        faulty,
        "_fault_for",
        lambda operation: next(puts, Fault.SILENCE) if operation == "PutParameter" else None,
    )
    started = monotonic()
    response = anyone.post(url, fields, headers={"HX-Request": "true"})
    assert 4 < monotonic() - started < IN_TIME
    text = response.content.decode()
    assert 'data-outcome="saved"' in text
    assert 'data-outcome="not_tried"' in text
    monkeypatch.undo()


class Bucket:
    """Lets so many calls a second through, as SSM does, and throttles the rest."""

    def __init__(self, calls_a_second: float) -> None:
        self._rate, self._lock = calls_a_second, Lock()
        self._tokens, self._at = calls_a_second, monotonic()

    def fault(self, operation: str) -> Fault | None:
        """Return throttling, where the bucket is empty."""
        with self._lock:
            now = monotonic()
            self._tokens = min(self._rate, self._tokens + (now - self._at) * self._rate)
            self._at = now
            if self._tokens < 1:
                return Fault.THROTTLING
            self._tokens -= 1
            return None


def test_a_hundred_keys_at_five_calls_a_second(
    desk: Desk, faulty: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    pending = {f"KEY_{number:03}": 0 for number in range(KEYS)}
    with monkeypatch.context() as patch:
        patch.setattr(faulty, "_fault_for", Bucket(CALLS_A_SECOND).fault)
        for _ in _at_most(30):
            changes = [desk.new(key, f"value of {key}") for key in pending]
            outcomes = desk.save("alice", *changes)
            for change, outcome in zip(changes, outcomes, strict=True):
                if outcome.outcome in DONE:
                    del pending[change.key]
                else:
                    assert outcome.outcome in {"failed", "not_tried"}
            if not pending:
                break
            sleep(1)  # what its sentence says: try again
    assert not pending
    found = desk.store.read(desk.paths(f"KEY_{number:03}")[0] for number in range(KEYS))
    assert {reading.value.reveal() for reading in found.values()} == {
        f"value of KEY_{number:03}" for number in range(KEYS)
    }
    assert {reading.parameter.version for reading in found.values()} == {1}
    ends = [entry[4] for entry in desk.trail()]
    assert ends.count("succeeded") == KEYS
    assert {*ends} <= {"succeeded", "failed"}
    all_is_well(desk)


def _at_most(rounds: int) -> Iterator[int]:
    yield from range(rounds)
    raise AssertionError("It takes too long.")


def _in_thread(client: Client, url: str, fields: dict[str, str]) -> Any:
    try:
        return client.post(url, fields)
    finally:
        connections.close_all()


def _others(client: Client, desk: Desk, done: Callable[[], bool]) -> Iterator[float]:
    """Open the other pages until `done`; yield how long each took."""
    while not done():
        for name in ("secrets", "secrets_manage", "overview", "activity"):
            started = monotonic()
            assert client.get(reverse(name, args=[desk.app.app_id])).status_code == 200
            yield monotonic() - started
        sleep(PAUSE)
