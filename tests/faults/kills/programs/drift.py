"""Kill what puts a secret back, after each of its store calls.

Steps and stores are those of steps.py. Prints what it found as JSON.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
import uuid
from collections import Counter
from itertools import count
from typing import Any

import django
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.utils import timezone

from console.access.policy import find_app
from console.audit.reconcile import settle_requests
from console.lib.results import DONE
from console.models import AuditEvent
from secrets_app.drift import decisions
from secrets_app.drift.changes import changed_outside
from secrets_app.sync import worker
from tests.factories import (
    audit_gaps,
    audit_rows,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    secret_paths,
    set_secret,
    stored_values,
    write_outside,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

KEY = "API_KEY"
LATER = 11 * 60  # seconds, after which an attempt without an outcome was cut off


def main() -> dict[str, Any]:
    """Kill acts that put a secret back; return what audit trail, projection and store say."""
    make_database()
    world = World()
    world.actor("alice")
    branch, kills, lost = world.main, 0, []
    reconcile_now(world)
    for step in count(2, 2):  # after each call; what is before one, other tests kill
        set_secret(world, KEY, f"ours {step}", branch)
        reconcile_now(world)
        write_outside(secret_paths(world, KEY, branch)[0], f"theirs {step}")
        reconcile_now(world)
        was_killed = not survives(lambda: _put_back(world), step)
        kills += was_killed
        if was_killed:
            expire_leases()
            reconcile_now(world)
            worker.run_once()
            if stored_values(world, KEY, branch)[0] not in {f"ours {step}", f"theirs {step}"}:
                lost.append(f"killed at step {step}: {stored_values(world, KEY, branch)}")
            _put_back(world)  # if it is still open
            worker.run_once()
        if stored_values(world, KEY, branch) != (f"ours {step}", f"ours {step}"):
            lost.append(f"put back after step {step}: {stored_values(world, KEY, branch)}")
        if not was_killed:
            break
    with time_machine.travel(timezone.now().timestamp() + LATER):
        settle_requests()
    return {
        "kills": kills,
        "lost": lost,
        "still_open": AuditEvent.objects.filter(outcomes=None).count(),
        "leases": leased_secrets(),
        "found": Counter(row.action for row in audit_rows(world, "found.")),
        "gaps": [*audit_gaps(world, KEY, branch)],
        "projection_errors": [*projection_errors(world, KEY, branch)],
        "ends": Counter(f"{row.action} {row.outcome}" for row in audit_rows(world, "secret.")),
    }


def _put_back(world: World) -> None:
    access = find_app(world.actor("alice"), world.app.app_id)
    for found in changed_outside(access):
        outcome = decisions.put_back(access, found.secret.pk, found.state, uuid.uuid4())
        assert outcome.outcome in DONE, outcome


if __name__ == "__main__":
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
