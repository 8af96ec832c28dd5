"""Kill a push at each of its steps.

It pushes a variable of All branches and one of a branch. A step is an SQL statement that writes, or
the start or end of a call to Amplify. In between, somebody else changes another variable there.
Prints what it found as JSON. Runs in a process of its own, because it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
from collections import Counter
from itertools import count
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.utils import timezone

from console.amplify.client import Amplify
from console.models import AuditEvent, Connection
from envvars_app.amplify_sync.pushing import push
from envvars_app.models import MapVersion, SyncedScope, SyncedVariable
from tests.factories import change_variable, set_variable, variable_row
from tests.faults.kills.programs.steps import make_database, survives_with_amplify
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.moto import REGION
from tests.fixtures.people import World

KEY, THEIRS = "API_URL", "THEIRS"


def main(server: AmplifyServer) -> dict[str, Any]:
    """Kill pushes; return what Amplify, the rows and the audit trail say."""
    make_database()
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
        survived = survives_with_amplify(lambda amplify: push(amplify, world.app, None), step)
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


if __name__ == "__main__":
    logging.disable()
    os.environ["AWS_ENDPOINT_URL_AMPLIFY"] = sys.argv[1]
    print(json.dumps(main(AmplifyServer(sys.argv[1]))))
