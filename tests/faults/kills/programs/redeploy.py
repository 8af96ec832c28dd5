"""Kill a redeploy at each of its steps.

A step is an SQL statement, or the start or end of a call to Amplify. Prints what it found as JSON.
Uses a database and a fake Amplify of its own. Runs in a process of its own because it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import signal
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any

import django
import pytest
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import connection, connections
from django.utils import timezone

from console.amplify.service import service
from console.models import AuditEvent
from console.workflows.deployments import acting
from tests.factories import connect, look, shown_jobs
from tests.faults.kills.programs.saves import make_database
from tests.fixtures.amplify import AmplifyServer, point_botocore_at, running
from tests.fixtures.people import World

LATER = 11 * 60  # seconds, after which an attempt without an outcome was cut off


def main(amplify: AmplifyServer) -> dict[str, Any]:
    """Kill redeploys; return what the audit trail and Amplify say."""
    make_database()
    world = World()
    world.actor("bob")
    connect(world, amplify)
    ends: Counter[str] = Counter()
    wrong: list[str] = []
    for step in count(1):
        before = amplify.jobs("d1shop", "dev")
        shown = before[0]["summary"]["jobId"] if before else ""
        survived = _survives(lambda: _redeploy(world, shown), step)  # noqa: B023 - at once
        with time_machine.travel(timezone.now().timestamp() + LATER):
            look(world)
        started = len(amplify.jobs("d1shop", "dev")) - len(before)
        ends[_judge(step, started, wrong, shown)] += 1
        if started:
            _press_again(world, shown, wrong)
            amplify.finish_job("d1shop", "dev")
        with time_machine.travel(timezone.now().timestamp() + LATER):
            look(world)
        newest = [job["summary"]["jobId"] for job in amplify.jobs("d1shop", "dev")][:2]
        if [job_id for job_id, _ in shown_jobs(world, "dev")][:2] != newest:
            wrong.append(f"step {step}: the page shows {shown_jobs(world, 'dev')}")
        if survived:
            return {"kills": step - 1, "ends": ends, "wrong": wrong}
    raise AssertionError


def _redeploy(world: World, shown: str) -> None:
    actor = world.actor("bob")
    acting.redeploy(actor=actor, app_id="d1shop", pk=world.dev.pk, shown=shown)


def _judge(step: int, started: int, wrong: list[str], shown: str) -> str:
    """Return how the step's attempt ended, and note it if that isn't true."""
    event = AuditEvent.objects.filter(action="deployment.start").order_by("pk").last()
    if event is None or (event.version_before or 0) != int(shown or 0):
        return "no attempt" if not started else "unaudited"
    outcomes = list(event.outcomes.values_list("outcome", "version_after"))
    expected = int(shown or 0) + 1 if started else None
    if started > 1 or [version for _, version in outcomes] != [expected]:
        wrong.append(f"step {step}: {started} started, {outcomes}")
    return f"{outcomes[-1][0]}, {'started' if started else 'not started'}" if outcomes else "open"


def _press_again(world: World, shown: str, wrong: list[str]) -> None:
    try:
        _redeploy(world, shown)
    except ValidationError:
        return
    wrong.append("A second press started a second job.")


def _survives(act: Callable[[], object], step: int) -> bool:
    """Act in a child that kills itself at the step; return True if it ended before."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _act_and_die(act, step)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "The act failed."
    return True


class Stepping:
    """Reaches a step before and after each call to Amplify."""

    def __init__(self, reach_step: Callable[[], None]) -> None:
        self._service, self._reach_step = service(), reach_step

    def __getattr__(self, name: str) -> Any:
        """Return the method, with its steps."""
        method = getattr(self._service, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._reach_step()
            result = method(*arguments, **options)
            self._reach_step()
            return result

        return call


def _act_and_die(act: Callable[[], object], step: int) -> None:
    steps = count(1)

    def reach_step() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def run(execute: Any, *arguments: Any) -> Any:
        result = execute(*arguments)
        reach_step()
        return result

    with pytest.MonkeyPatch.context() as patch, connection.execute_wrapper(run):
        patch.setattr(acting, "service", lambda: Stepping(reach_step))
        act()


if __name__ == "__main__":
    logging.disable()
    settings.AMPLIFY = "on"
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    with running() as server:
        point_botocore_at(server)
        print(json.dumps(main(server)))
