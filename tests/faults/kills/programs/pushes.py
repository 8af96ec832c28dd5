"""Kill a push at each of its steps.

It pushes a variable of All branches and one of a branch. A step is an SQL statement, or the start
or end of a call to Amplify. In between, somebody else changes another variable there. Prints what
it found as JSON. Runs in a process of its own, because it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import cache
from itertools import count
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db import connection, connections
from django.utils import timezone

from console.amplify.client import Amplify
from console.models import AuditEvent, Connection
from envvars_app.amplify_sync.pushing import push
from envvars_app.models import MapVersion, SyncedScope, SyncedVariable
from tests.factories import change_variable, set_variable, variable_row
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import REGION
from tests.fixtures.people import World

KEY, THEIRS = "API_URL", "THEIRS"


class Stepping:
    """An AmplifyService that reaches a step before and after each call."""

    def __init__(self, reach: Callable[[], None]) -> None:
        self._service, self._reach = _spare_amplify(), reach

    def __getattr__(self, name: str) -> Any:
        """Return the method, with a step on either side."""
        method = getattr(self._service, name)

        def call(*positional: Any, **named: Any) -> Any:
            self._reach()
            result = method(*positional, **named)
            self._reach()
            return result

        return call


@cache
def _spare_amplify() -> Amplify:
    """Return a client without an open connection, so that no child has to build its own."""
    return Amplify(REGION)


def main(server: AmplifyServer) -> dict[str, Any]:
    """Kill pushes; return what Amplify, the rows and the audit trail say."""
    connection.settings_dict["TEST"]["NAME"] = f"{os.environ['TESTS_FOLDER']}/pushes.sqlite3"
    connection.creation.create_test_db(verbosity=0)
    world = World()
    server.add_app(world.app.app_id, "Shop")
    Connection.objects.create(app=world.app, connected_at=timezone.now())
    server.add_branch(world.app.app_id, "dev")
    rows = [set_variable(world, KEY, "0"), set_variable(world, KEY, "0", world.dev)]
    amplify = Amplify(REGION)
    push(amplify, world.app, None)
    writes, lost, kills = Counter[int](), [], 0
    for step in count(1):
        for row in rows:
            change_variable(world, row, str(step))
        server.forget_requests()
        survived = _survives(world, step)
        server.set_variable(world.app.app_id, THEIRS, str(step))
        SyncedScope.objects.update(held_until=None)  # the time in which a request can arrive
        push(amplify, world.app, None)
        kills += not survived
        writes += Counter((server.count("UpdateApp"), server.count("UpdateBranch")))
        held = server.variables(world.app.app_id), server.variables(world.app.app_id, "dev")
        if held != ({KEY: str(step), THEIRS: str(step)}, {KEY: str(step)}):
            lost.append(f"step {step}: {held}")
        rows = [variable_row(world, KEY), variable_row(world, KEY, world.dev)]
        if survived:
            break
    ended = AuditEvent.objects.filter(action="amplify.variable").exclude(outcomes=None)
    return {
        "kills": kills,
        "lost": lost,
        "writes": dict(writes),
        "open": AuditEvent.objects.filter(outcomes=None).count(),
        "steps": step,
        "ends": Counter(it.outcomes.last().outcome for it in ended),  # type: ignore[union-attr]
        "waiting": SyncedVariable.objects.exclude(pending_at=None).count(),
        "versions": MapVersion.objects.count() > 0,
    }


def _survives(world: World, step: int) -> bool:
    """Push in a child that kills itself at the step; return True if it ended before."""
    _spare_amplify()
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _push_and_die(world, step)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "The push failed."
    return True


def _push_and_die(world: World, step: int) -> None:
    steps = count(1)

    def reach() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(execute: Any, *arguments: Any) -> Any:
        result = execute(*arguments)
        reach()
        return result

    with connection.execute_wrapper(run):
        push(Stepping(reach), world.app, None)


if __name__ == "__main__":
    logging.disable()
    os.environ["AWS_ENDPOINT_URL_AMPLIFY"] = sys.argv[1]
    print(json.dumps(main(AmplifyServer(sys.argv[1]))))
