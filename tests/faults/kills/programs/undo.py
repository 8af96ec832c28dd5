"""Kill an undo after each of its store calls.

Steps and stores are those of steps.py. Prints what it found as JSON.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
import uuid
from collections import Counter
from functools import partial
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
from console.workflows import bin_worker, change_sets
from console.workflows.undoing import undo
from secrets_app.models import Secret
from secrets_app.sync import worker
from tests.factories import (
    audit_gaps,
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
    stored_values,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

CHANGED, ADDED, REMOVED = "CHANGED", "ADDED", "REMOVED"
LATER = 11 * 60  # seconds, after which an attempt without an outcome was cut off


def main() -> dict[str, Any]:
    """Kill undos; return what the audit trail, the projection and the store say."""
    make_database()
    world = World()
    world.actor("alice")
    kills, lost = 0, list[str]()
    for step in count(2, 2):  # after each call; what is before one, other tests kill
        saved = _change(world, step)
        was_killed = not survives(partial(_undo, world, saved), step)
        kills += was_killed
        if was_killed:
            expire_leases()
            reconcile_now(world)
            worker.run_once()
            bin_worker.clean_up()
            values = stored_values(world, CHANGED, world.main)
            if set(values) not in ({f"old {step}"}, {f"new {step}"}):
                lost.append(f"killed at step {step}: {values}")
            _undo(world, saved)  # what is left
        ends = [stored_values(world, key, world.main) for key in (CHANGED, ADDED, REMOVED)]
        if ends != [(f"old {step}", f"old {step}"), (None, None), (f"kept {step}", f"kept {step}")]:
            lost.append(f"undone after step {step}: {ends}")
        if not was_killed:
            break
    with time_machine.travel(timezone.now().timestamp() + LATER):
        settle_requests()
    keys, branch = (CHANGED, ADDED, REMOVED), world.main
    events = audit_rows(world, "secret.", "changes.")
    return {
        "kills": kills,
        "lost": lost,
        "still_open": AuditEvent.objects.filter(outcomes=None).count(),
        "leases": leased_secrets(),
        "found": audit_rows(world, "found."),
        "gaps": [gap for key in keys for gap in audit_gaps(world, key, branch)],
        "projection_errors": [it for key in keys for it in projection_errors(world, key, branch)],
        "ends": Counter(f"{it.action} {it.outcome}" for it in events),
    }


def _change(world: World, step: int) -> uuid.UUID:
    """Change, add and remove a secret in one change set, and return it."""
    for row in Secret.objects.filter(key=ADDED):
        save_secrets(world, delete_command(row))
    set_secret(world, CHANGED, f"old {step}", world.main)
    set_secret(world, REMOVED, f"kept {step}", world.main)
    changed = set_command(secret_row(world, CHANGED, world.main), f"new {step}")
    removed = delete_command(secret_row(world, REMOVED, world.main))
    save_secrets(world, changed, removed, create_command(ADDED, branch=world.main))
    saved = AuditEvent.objects.filter(subject=ADDED).latest("pk").change_set
    assert saved is not None
    return saved


def _undo(world: World, saved: uuid.UUID) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    tokens = [row.token for row in change_sets.find(access, saved).ready]
    outcomes = undo(access, saved, tokens, uuid.uuid4(), may_go_on=lambda: True)
    assert {outcome.outcome for outcome in outcomes} <= DONE, outcomes


if __name__ == "__main__":
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
