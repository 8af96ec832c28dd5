"""Every migration forward on tables with rows: no row is lost, none is changed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection

from console.audit import chain, triggers
from console.db.versions import ends_of, models_of
from console.models import AuditEvent, AuditSeal
from tests.console.backup.sample_rows import fill, first_version

pytestmark = [pytest.mark.exhaustive_on_postgres, pytest.mark.django_db(transaction=True)]
# Sample sessions hold no data that a key reads: tests/console/auth/test_stored_sessions.py
SESSIONS = "console_session"
Cells = dict[tuple[str, Any], dict[str, Any]]  # by table and key: by column


def cells(registry: Any) -> Cells:
    """Return every cell of these models' tables, without sessions."""
    return {
        (model._meta.db_table, row["pk"]): _plain(row)
        for model in models_of(registry)
        if model._meta.db_table != SESSIONS
        for row in model._base_manager.order_by("pk").values(
            "pk", *(field.attname for field in model._meta.concrete_fields)
        )
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: bytes(it) if isinstance(it, memoryview) else it for name, it in row.items()}


def lost(before: Cells, after: Cells, registry: Any) -> list[str]:
    """Return missing rows of tables that still exist, and changed cells that had a value."""
    there = {model._meta.db_table for model in models_of(registry)}
    return [
        f"{table} {key}.{name}: {value!r}"
        for (table, key), row in before.items()
        if table in there
        for name, value in row.items()
        if value is not None
        if (found := after.get((table, key))) is None or found.get(name, value) != value
    ]


def test_it_works(other_database: Callable[[], AbstractContextManager[None]]) -> None:
    with other_database():
        executor, done = first_version()
        state = executor.loader.project_state(ends_of(executor.loader, done))
        filled = {AuditSeal._meta.db_table}  # a made-up link would break the chain
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        assert len(plan) >= 6
        for migration, _backwards in plan:
            new = [it for it in models_of(state.apps) if it._meta.db_table not in filled]
            fill(new)
            filled |= {model._meta.db_table for model in new}
            before = cells(state.apps)
            state = executor.apply_migration(state, migration)
            changed = lost(before, cells(state.apps), state.apps)
            assert (str(migration), changed) == (str(migration), [])
        call_command("migrate", verbosity=0)
        assert chain.append_links(all_rows=True) >= 4
        assert [*chain.find_problems(AuditSeal.objects.count())] == []
        assert triggers.missing(connection) == []
        tamper()
        assert [it.where for it in chain.find_problems(AuditSeal.objects.count())] == [
            "auditevent 1"
        ]


def tamper() -> None:
    """Change a row that is older than the signatures."""
    triggers.drop(connection)
    AuditEvent.objects.filter(pk=1).update(actor="mia")
