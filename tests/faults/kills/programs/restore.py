"""Kill a restore at each of its steps.

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

from console.audit.reconcile import settle_requests
from console.models import AuditEvent
from secrets_app.history.restoring import restore
from secrets_app.models import Secret
from secrets_app.sync import worker
from tests.factories import (
    audit_gaps,
    audit_rows,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    set_secret,
    stored_values,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

KEY = "API_KEY"
LATER = 11 * 60  # seconds, after which an attempt without an outcome was cut off


def main() -> dict[str, Any]:
    """Kill restores; return what the audit trail, the projection and the store say."""
    make_database()
    world = World()
    world.actor("alice")
    branch, kills, lost = world.main, 0, []
    for step in count(1):
        old = set_secret(world, KEY, f"old {step}", branch).version
        row = set_secret(world, KEY, f"new {step}", branch)
        if survives(lambda row=row, old=old: _restore(world, row, old), step):
            if stored_values(world, KEY, branch) != (f"old {step}", f"old {step}"):
                lost.append(f"not killed: {stored_values(world, KEY, branch)}")
            break
        kills += 1
        expire_leases()
        reconcile_now(world)
        worker.run_once()
        if set(stored_values(world, KEY, branch)) not in ({f"old {step}"}, {f"new {step}"}):
            lost.append(f"killed at step {step}: {stored_values(world, KEY, branch)}")
    with time_machine.travel(timezone.now().timestamp() + LATER):
        settle_requests()
    return {
        "kills": kills,
        "lost": lost,
        "still_open": AuditEvent.objects.filter(outcomes=None).count(),
        "leases": leased_secrets(),
        "found": audit_rows(world, "found."),
        "gaps": [*audit_gaps(world, KEY, branch)],
        "projection_errors": [*projection_errors(world, KEY, branch)],
        "ends": Counter(f"{row.action} {row.outcome}" for row in audit_rows(world, "secret.")),
    }


def _restore(world: World, row: Secret, version: int) -> None:
    outcome = restore(
        actor=world.actor("alice"),
        app_id=world.app.app_id,
        pk=row.pk,
        version=version,
        base=(row.version, None),
        change_set=uuid.uuid4(),
    )
    assert outcome.outcome == "saved", outcome


if __name__ == "__main__":
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
