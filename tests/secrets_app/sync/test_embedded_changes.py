"""The embedded store tells what changed, so a page view lists nothing else (guarantee 13)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.sync import listing, reconciling
from tests.factories import (
    audit_rows,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_versions,
    set_command,
    write_outside,
)
from tests.fixtures.people import World
from tests.secrets_app.sync.test_large_apps import write_many


@pytest.mark.both_databases
def test_it_works(world: World) -> None:
    changed = reconciled_secret(world, "CHANGED", world.dev)
    for key in ("REMOVED", "RECREATED", "MIRROR", "SAME"):
        reconciled_secret(world, key, world.dev)
    store = parameter_store()
    save_secrets(world, set_command(changed))
    for key in ("REMOVED", "RECREATED"):
        store.remove(secret_paths(world, key, world.dev))
    write_outside(secret_paths(world, "RECREATED", world.dev)[0])
    write_outside(secret_paths(world, "MIRROR", world.dev)[1])
    write_outside(secret_paths(world, "ADDED")[0])
    reconcile_now(world)
    found = {(row.action, row.key) for row in audit_rows(world, "found.")}
    assert found == {
        ("found.remove", "REMOVED"),
        ("found.change", "RECREATED"),
        ("found.change", "MIRROR"),
        ("found.add", "ADDED"),
    }
    reconcile_now(world)
    assert len(audit_rows(world, "found.")) == len(found)


@pytest.mark.both_databases
def test_the_embedded_store_takes_one_query_more_for_changes(world: World) -> None:
    write_many(world, 30)
    reconcile_now(world)
    counts = []
    for changed in (0, 1, 3):
        for index in range(changed):
            write_outside(secret_paths(world, f"KEY_{index:03}")[0])
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert reconciling.reconcile_now(world.app)
        counts.append(len(queries))
    assert counts[0] <= 9
    assert counts[1] - counts[0] <= 10
    assert (counts[2] - counts[1]) / 2 <= 8  # each change is recorded for itself
    assert {row.version for row in Secret.objects.all()} == {1, 2, 3}


@pytest.mark.both_databases
def test_many_changes_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "FEW", 5)
    write_many(world, 12)
    reconcile_now(world)
    write_many(world, 12)
    reconcile_now(world)
    assert set(secret_versions(world).values()) == {2}


@pytest.mark.both_databases
def test_folders_that_only_look_alike(world: World) -> None:
    reconcile_now(world)
    path = secret_paths(world, "KEY", world.dev)[0]
    for other in (path.upper(), path.replace("d1shop", "d1shop2"), path.replace("/d1", "/D1")):
        write_outside(other)
    assert parameter_store().stamps(("/amplify/d1shop", "/amplify/shared/d1shop")) == set()
    reconcile_now(world)
    assert secret_versions(world) == {}


def test_listing_does_not_read_other_apps(world: World) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL reads all of a table this small.")
    with CaptureQueriesContext(connection) as queries:
        parameter_store().stamps(("/amplify/d1shop", "/amplify/shared/d1shop"))
    [query] = queries
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
        plan = [row[-1] for row in cursor.fetchall()]
    assert not [step for step in plan if step.startswith("SCAN")]
