"""Of concurrent saves one wins, the others get a conflict, and no version is lost."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connections

from console.models import AuditEvent
from envvars_app.build_settings import Conflict, remove, save
from envvars_app.buildspec import DEFAULT
from envvars_app.models import BuildSpec
from tests.fixtures.people import World

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]
AT_ONCE = 4


def concurrently(acts: list[Callable[[], BuildSpec]]) -> list[str]:
    """Run acts at the same moment and return the result of each."""
    start = Barrier(len(acts))

    def run(act: Callable[[], BuildSpec]) -> str:
        start.wait()
        try:
            return f"version {act().version}"
        except Conflict as conflict:
            return conflict.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(acts)) as threads:
        return sorted(threads.map(run, acts))


@pytest.mark.parametrize("where", ["All branches", "dev"])
@pytest.mark.parametrize("base", [0, 1])
def test_it_works(world: World, where: str, base: int) -> None:
    branch_id = None if where == "All branches" else world.dev.pk
    alice = world.actor("alice")

    def write(number: int, base: int) -> BuildSpec:
        text = f"{DEFAULT}# {number}\n"
        return save(actor=alice, app_id="d1shop", branch_id=branch_id, text=text, base=base)

    def act(number: int) -> Callable[[], BuildSpec]:
        if number == 0 and base:
            return lambda: remove(actor=alice, app_id="d1shop", branch_id=branch_id, base=base)
        return lambda: write(number, base)

    if base:
        write(99, 0)
    won = f"version {base + 1}"
    assert concurrently([act(n) for n in range(AT_ONCE)]) == ["conflict"] * (AT_ONCE - 1) + [won]
    row = BuildSpec.objects.get()
    kept = list(row.versions.values_list("version", "text"))
    assert [version for version, _ in kept] == [*range(base + 1, 0, -1)]
    assert kept[0][1] == (None if row.removed_at else row.text)
    outcomes = AuditEvent.objects.filter(subject="Build settings").values_list(
        "outcomes__outcome", flat=True
    )
    assert sorted(map(str, outcomes)) == ["failed"] * (AT_ONCE - 1) + ["succeeded"] * (base + 1)
