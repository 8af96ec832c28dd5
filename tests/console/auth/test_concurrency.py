"""A code that works once works for only one of two concurrent browsers."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from console.auth.mfa import recovery_codes
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def concurrently(*acts: Callable[[], object]) -> list[object]:
    """Run the acts in a thread each, at the same moment, and return their results."""
    ready = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            ready.wait(timeout=LONGEST)
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def test_it_works(world: World) -> None:
    bob = world.person("bob")
    code, other, *_ = recovery_codes.generate(bob)
    used = concurrently(*[lambda: recovery_codes.consume(bob, code) is not None] * 4)
    assert sorted(map(bool, used)) == [False, False, False, True]
    assert recovery_codes.remaining(bob) == 9
    assert recovery_codes.consume(bob, other)


def test_two_codes_are_both_consumed(world: World) -> None:
    bob = world.person("bob")
    first, second, *_ = recovery_codes.generate(bob)
    assert all(
        concurrently(
            lambda: recovery_codes.consume(bob, first), lambda: recovery_codes.consume(bob, second)
        )
    )
    assert recovery_codes.remaining(bob) == 8
