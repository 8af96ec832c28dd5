"""A backup made under load holds one consistent moment of the whole console (guarantee 45)."""

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
from tests.console.backup.databases import rows, trail
from tests.console.cli.conftest import Ended
from tests.secrets_app.writes.agreement import claims, differing, gaps
from tests.secrets_app.writes.desk import Desk

pytestmark = [
    pytest.mark.both_databases,
    pytest.mark.slow,
    pytest.mark.django_db(transaction=True),
]
KEYS = ("A", "B")
PEOPLE = ("alice", "mia", "bob")
BACKUPS = 3
SAVES = 5  # before each, and more during it


def test_it_works(
    desk: Desk,
    manage: Callable[..., Ended],
    tmp_path: Path,
    elsewhere: Callable[[], AbstractContextManager[None]],
) -> None:
    for person in (*PEOPLE, "vera"):
        desk.world.actor(person)
    enough, saved = Event(), Semaphore(0)
    with ThreadPoolExecutor(len(PEOPLE)) as threads:
        savers = [threads.submit(_save, desk, who, saved, enough) for who in PEOPLE]
        made = []
        for number in range(BACKUPS):
            _wait(saved)
            made.append(manage("backup", str(tmp_path / f"{number}")).code)
        enough.set()
        for saver in savers:
            saver.result()
    assert made == [0] * BACKUPS
    manage("verify_audit")
    source = trail(rows())
    with elsewhere():
        assert manage("restore", str(tmp_path / f"{BACKUPS - 1}")).code == 0
        restored = trail(rows())
        desk.expire_claims()
        desk.check()
        places = [(desk.world.dev, key) for key in KEYS]
        assert [*gaps(desk, places)] == []
        assert [*differing(desk, places)] == []
        assert (claims(), desk.trail("found.")) == (0, [])
        assert "rows verified" in manage("verify_audit").out
    _check_same(source, restored)


def _wait(saved: Semaphore) -> None:
    """Let some saves be done before the next backup, however busy this machine is."""
    for _ in range(SAVES):
        assert saved.acquire(timeout=60)


def _save(desk: Desk, who: str, saved: Semaphore, enough: Event) -> None:
    """Save until it is enough."""
    try:
        while not enough.is_set():
            known = {row.key: row for row in desk.app.secrets.filter(branch=desk.world.dev)}
            for key in KEYS:
                row, value = known.get(key), uuid4().hex
                new = desk.new(key, value, desk.world.dev)
                [outcome] = desk.save(who, desk.change(row, value) if row else new)
                append_pending_links()  # as the end of a request does
                if outcome.outcome in DONE:
                    saved.release()
    finally:
        connections.close_all()


def _check_same(source: dict[str, list[tuple[object, ...]]], restored: object) -> None:
    """Each row of the trail that was in the backup is the source's; the rest is the restore's."""
    assert isinstance(restored, dict)
    for name in ("console_auditevent", "console_auditoutcome"):
        known = {row[0]: row for row in source[name]}
        common = [row for row in restored[name] if row[0] in known]
        assert [row for row in common if row != known[row[0]]] == []
        assert len(common) >= BACKUPS * SAVES
        assert len(restored[name]) - len(common) <= 4
