"""The doctor and a system check find branches that share parameters (guarantee 32)."""

from collections.abc import Callable

import pytest
from django.core.checks import run_checks
from django.utils import timezone

from console.ops.checks import CHECKS
from tests.factories import create_branch
from tests.factories.collisions import COLLISIONS
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

PAIRS = [pair for pair in COLLISIONS if pair.app_id == "d1shop"]


def warnings() -> list[str]:
    """Return the messages of the system check."""
    found = run_checks(databases=["default"])
    return [str(message.msg) for message in found if message.id == "console.W001"]


@pytest.mark.both_databases
@pytest.mark.parametrize("pair", PAIRS, ids=ascii)
def test_it_works(world: World, pair: tuple[str, str, str]) -> None:
    assert CHECKS["Branches"]().state == "ok"
    assert warnings() == []
    for name in pair[1:]:
        create_branch(world, name)
    result = CHECKS["Branches"]()
    assert result.state == "error"
    assert f"{pair[1]} and {pair[2]} of d1shop (/amplify/d1shop/" in result.message
    assert "Don't remove its secrets" in result.hint
    assert warnings() == [result.message]


def test_a_deleted_one_is_a_warning(world: World) -> None:
    create_branch(world, PAIRS[0].one, deleted_at=timezone.now())
    create_branch(world, PAIRS[0].other)
    assert CHECKS["Branches"]().state == "warning"
    assert len(warnings()) == 1


def test_many(world: World) -> None:
    for pair in PAIRS:
        create_branch(world, pair.one)
        create_branch(world, pair.other)
    assert CHECKS["Branches"]().message.endswith(f"; and {len(PAIRS) - 5} more.")


def test_the_same_names_in_two_apps(world: World) -> None:
    create_branch(world, PAIRS[0].one)
    world.other_app.branches.create(name=PAIRS[0].other)
    assert CHECKS["Branches"]().state == "ok"


def test_the_doctor_prints_it(world: World, manage: Callable[..., CommandResult]) -> None:
    for name in PAIRS[0][1:]:
        create_branch(world, name)
    assert "Branches: error. Branches that share parameters:" in manage("doctor").out
