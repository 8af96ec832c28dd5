"""Kill a save at each of its steps: python -m tests.faults.killing [ENDPOINT].

A step is the start or end of a store call. With the embedded store it is each statement too; with
SSM these would add nothing, because a transaction that is cut short leaves what the call before it
left. So every state that a killed process can leave behind comes up, and no clock decides which.

Prints, as JSON, what is found afterwards. Uses a database of its own, and the embedded store or SSM
at the endpoint. It runs in a process of its own because it forks.
"""

import json
import logging
import os
import signal
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from itertools import count
from typing import Any

import django
import pytest
from django.conf import settings

ACTS = ("create", "change", "remove")
KEY = "API_KEY"


@dataclass
class Found:
    """What the kills left behind."""

    # By act: attempts without an outcome, "done" or "not done" by the store
    left_open: dict[str, Counter[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


def main() -> dict[str, Any]:
    """Kill saves; return what the audit trail, the projection and the store say."""
    from tests.fixtures.people import World
    from tests.secrets_app.writes.agreement import claims, differing, gaps
    from tests.secrets_app.writes.desk import Desk

    _make_database()
    desk = Desk(World())
    desk.world.actor("alice")
    desk.check()
    found = Found()
    branch = desk.world.main  # such a secret has a mirror: a save without one has fewer steps
    for act in ACTS:
        found.left_open[act] = Counter()
        _kill_at_each_step(desk, act, branch, found)
    places = [(branch, KEY)]
    return {
        "left_open": found.left_open,
        "still_open": len(_open_attempts()),
        "claims": claims(),
        "found": desk.trail("found."),
        "gaps": [*gaps(desk, places)],
        "lost": found.lost,
        "differing": [*differing(desk, places)],
        "ends": Counter(f"{entry[1]} {entry[4]}" for entry in desk.trail("secret.")),
    }


def _make_database() -> None:
    """Make a database of this process's own; it goes with its folder, or with its server."""
    from django.db import connection

    name = f"killed_{os.getpid()}"
    if connection.vendor == "sqlite":
        name = f"{os.environ['TESTS_FOLDER']}/{name}.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0)


def _kill_at_each_step(desk: Any, act: str, branch: Any, found: Found) -> None:
    """Save again and again, killed at the first step, the second and so on, until one survives."""
    for step in count(1):
        before = _prepare(desk, act, branch)
        after = None if act == "remove" else f"{act} {step}"
        if _survives(desk, _changes(desk, act, branch, after), step):
            _expect(desk, branch, {after}, f"{act}, not killed", found)
            return
        if _open_attempts():
            done = desk.values(KEY, branch)[0] == after
            found.left_open[act]["done" if done else "not done"] += 1
        desk.expire_claims()
        if step % 2:  # the next save settles what it meets; otherwise the check does
            desk.save("alice", *_changes(desk, act, branch, after))
        desk.check()
        _expect(desk, branch, {before, after}, f"{act}, killed at step {step}", found)


def _prepare(desk: Any, act: str, branch: Any) -> str | None:
    """Bring the secret to where the act begins; return its value."""
    there = desk.values(KEY, branch)[0] is not None
    if act == "create" and there:
        desk.save("alice", desk.removal(desk.row(KEY, branch)))
    elif act != "create" and not there:
        desk.known(KEY, branch)
    value: str | None = desk.values(KEY, branch)[0]
    return value


def _changes(desk: Any, act: str, branch: Any, value: str | None) -> list[Any]:
    """Return what a form would send; nothing, where the secret to remove is gone."""
    from secrets_app.models import Secret

    row = Secret.objects.filter(app=desk.app, branch=branch, key=KEY).first()
    if value is None:
        return [desk.removal(row)] if row else []
    if row is None or act == "create":
        return [desk.new(KEY, value, branch)]
    return [desk.change(row, value)]


def _survives(desk: Any, changes: list[Any], step: int) -> bool:
    """Save in a child that kills itself at the step; return True if it ended before."""
    from django.db import connections

    store = _spare_store()
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _save_and_die(desk, changes, store, step)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "The save failed."
    return True


@cache
def _spare_store() -> Any:
    """Return a store without an open connection, so that each child need not make its own."""
    from secrets_app.store import parameter_store

    return parameter_store.__wrapped__()


def _save_and_die(desk: Any, changes: list[Any], store: Any, step: int) -> None:
    from django.db import connection

    from tests.secrets_app.writes.stores import Interrupted, put_before

    on_ssm, steps = settings.PARAMETER_STORE == "ssm", count(1)

    def reach_step() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(execute: Any, *arguments: Any) -> Any:
        result = execute(*arguments)
        if not on_ssm:
            reach_step()
        return result

    class Stepping(Interrupted):
        def shared_transaction(self) -> Any:
            return store.shared_transaction()

        def _happens(self, when: str, operation: str) -> None:
            reach_step()

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(run):
        put_before(Stepping(store), patch)
        [outcome] = desk.save("alice", *changes)
    assert outcome.outcome in {"saved", "removed"}, outcome


def _open_attempts() -> list[Any]:
    from console.models import AuditEvent

    events = AuditEvent.objects.filter(action__startswith="secret.")
    return list(events.filter(outcomes=None))


def _expect(desk: Any, branch: Any, possible: set[str | None], when: str, found: Found) -> None:
    """Note a secret that has none of the values it may have."""
    value = desk.values(KEY, branch)[0]
    if value not in possible:
        found.lost.append(f"{when}: {value}")


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
