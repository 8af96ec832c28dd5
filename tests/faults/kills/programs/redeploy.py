"""Kill a redeploy at each of its steps.

A step is an SQL statement that writes, or the start or end of a call to Amplify. Prints what it
found as JSON. Uses a database and a fake Amplify of its own. Runs in a process of its own because
it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
from collections import Counter
from itertools import count
from typing import Any

import django
import pytest
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.core.exceptions import ValidationError
from django.utils import timezone

from console.models import AuditEvent
from console.workflows.deployments import acting
from tests.factories import connect, look, shown_jobs
from tests.faults.kills.programs.steps import make_database, survives_with_amplify
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
        survived = _survives(world, shown, step)
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


def _survives(world: World, shown: str, step: int) -> bool:
    """Redeploy, killed at the step; return True if that ended before."""

    def redeploy(amplify: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(acting, "service", lambda: amplify)
            _redeploy(world, shown)

    return survives_with_amplify(redeploy, step)


if __name__ == "__main__":
    logging.disable()
    settings.AMPLIFY = "on"
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    with running() as server:
        point_botocore_at(server)
        print(json.dumps(main(server)))
