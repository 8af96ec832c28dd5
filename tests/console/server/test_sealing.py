"""A server appends the audit chain's links after each request, and before it stops."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.fixtures.waiting import until
from tests.soak.replicas.server import Server, copy_started_to, running
from tests.soak.replicas.web_user import WebUser


def test_it_works(tmp_path: Path) -> None:
    server = Server(copy_started_to(tmp_path / "console"), {})
    with running(server):
        (secret,) = json.loads(server.run("tests.soak.bench.seed", "1"))
        address = f"/apps/dload/hosting/secrets/{secret}/reveal/"
        alice = WebUser("alice@example.org", [server.port])
        assert alice.sign_in() == 302
        with closing(sqlite3.connect(server.folder / "var/console.sqlite3")) as database:
            until(lambda: unsealed(database) == 0)
            assert alice.post(address, {}).status == 200
            server.stop()
            assert unsealed(database) == 0


def unsealed(database: sqlite3.Connection) -> int:
    """Return how many rows of the trail have no seal yet."""
    count = "SELECT COUNT(*) FROM console_audit{}"  # of rows
    rows, ends, seals = (
        database.execute(count.format(table)).fetchone()[0]
        for table in ("event", "outcome", "seal")
    )
    assert rows > 0
    return int(rows + ends - seals)
