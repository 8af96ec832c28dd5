"""A backup made under load is one consistent snapshot of the whole console (guarantee 45)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event, Semaphore
from uuid import uuid4

import pytest
from django.db import connections

from console.audit.chain import append_pending_links
from console.lib.results import DONE
from tests.console.backup.databases import audit_tables, rows
from tests.factories import (
    audit_gaps,
    audit_rows,
    create_command,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    save_secrets,
    set_command,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.exhaustive,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
KEYS = ("A", "B")
PEOPLE = ("alice", "mia", "bob")
BACKUPS = 3
SAVES = 5  # before each backup; more happen during it


def test_it_works(
    world: World,
    manage: Callable[..., CommandResult],
    tmp_path: Path,
    other_database: Callable[[], AbstractContextManager[None]],
) -> None:
    for person in (*PEOPLE, "vera"):
        world.actor(person)
    enough, saved = Event(), Semaphore(0)
    with ThreadPoolExecutor(len(PEOPLE)) as threads:
        savers = [threads.submit(_save, world, name, saved, enough) for name in PEOPLE]
        made = []
        for number in range(BACKUPS):
            _wait(saved)
            made.append(manage("backup", str(tmp_path / f"{number}")).code)
        enough.set()
        for saver in savers:
            saver.result()
    assert made == [0] * BACKUPS
    manage("verify_audit")
    source = audit_tables(rows())
    with other_database():
        assert manage("restore", str(tmp_path / f"{BACKUPS - 1}")).code == 0
        restored = audit_tables(rows())
        expire_leases()
        reconcile_now(world)
        for key in KEYS:
            assert [*audit_gaps(world, key, world.dev)] == []
            assert [*projection_errors(world, key, world.dev)] == []
        assert (leased_secrets(), audit_rows(world, "found.")) == (0, [])
        assert "rows verified" in manage("verify_audit").out
    _check_same(source, restored)


def _wait(saved: Semaphore) -> None:
    """Wait for some saves before the next backup, however busy this machine is."""
    for _ in range(SAVES):
        assert saved.acquire(timeout=60)


def _save(world: World, name: str, saved: Semaphore, enough: Event) -> None:
    """Save until `enough` is set."""
    try:
        while not enough.is_set():
            known = {row.key: row for row in world.app.secrets.filter(branch=world.dev)}
            for key in KEYS:
                row, value = known.get(key), uuid4().hex
                new = create_command(key, value, world.dev)
                [outcome] = save_secrets(world, set_command(row, value) if row else new, by=name)
                append_pending_links()  # as the end of a request does
                if outcome.outcome in DONE:
                    saved.release()
    finally:
        connections.close_all()


def _check_same(source: dict[str, list[tuple[object, ...]]], restored: object) -> None:
    """Check that audit rows of the backup equal the source's; restore added the others."""
    assert isinstance(restored, dict)
    for name in ("console_auditevent", "console_auditoutcome"):
        known = {row[0]: row for row in source[name]}
        common = [row for row in restored[name] if row[0] in known]
        assert [row for row in common if row != known[row[0]]] == []
        assert len(common) >= BACKUPS * SAVES
        assert len(restored[name]) - len(common) <= 4
