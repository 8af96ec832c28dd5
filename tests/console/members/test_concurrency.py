"""Two owners demote each other at the same moment: one of them stays owner."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection

from console.members import services
from console.models import Member
from tests.factories import audit_entries, set_role
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST

PAIRS = [("alice", "mia"), ("mia", "alice")]


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_it_works(world: World) -> None:
    set_role(world, "alice", "owner")
    set_role(world, "mia", "owner")
    actors = {name: world.actor(name) for name, _ in PAIRS}
    people = {name: world.person(name) for name, _ in PAIRS}
    together = Barrier(2)

    def lower(pair: tuple[str, str]) -> None:
        together.wait(timeout=LONGEST)
        try:
            with suppress(ValidationError, PermissionDenied):
                services.set_member(
                    actor=actors[pair[0]], app=world.app, principal=people[pair[1]], role="viewer"
                )
        finally:
            connection.close()

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lower, PAIRS))
    assert Member.objects.filter(app=world.app, role="owner").count() == 1
    assert {entry[3] for entry in audit_entries("member.set")} in (
        {"succeeded", "failed"},
        {"succeeded", "denied"},
    )
