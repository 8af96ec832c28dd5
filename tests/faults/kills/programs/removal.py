"""Kill a removal of selected values at each step.

It is the one after an import, which removes as the page that compares branches does. Steps are
those of steps.py, with the embedded store. Prints what it found as JSON.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import uuid
from collections.abc import Sequence
from functools import partial
from itertools import count
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from console.access.policy import Access, find_app
from console.models import AuditEvent
from console.workflows import absent_keys, bin_worker, change_sets, undoing
from console.workflows.absent_keys import AbsentKey, RemovalRow
from secrets_app.models import BinEntry
from secrets_app.sync import worker
from tests.factories import (
    audit_gaps,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    reconciled_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

KEYS = ("API_KEY", "OTHER_KEY")  # secrets
EVERY = 4  # steps; many are in one transaction


def main() -> dict[str, Any]:
    """Kill removals, send each again as it was, and undo it; return what is wrong then."""
    make_database()
    world = World()
    access = find_app(world.actor("alice"), world.app.app_id)
    kills, wrong = 0, []
    for key in KEYS:
        reconciled_secret(world, key, world.main)
    set_variable(world, "API_URL", "https://example.org", world.main)
    before = _values(world)
    for step in count(1, EVERY):
        change_set, shown = uuid.uuid4(), absent_keys.find(access, [], [world.main])
        is_over = survives(partial(_remove, access, shown, change_set), step)
        kills += not is_over
        expire_leases()
        reconcile_now(world)
        worker.run_once()  # finishes mirrors
        _remove(access, shown, change_set)
        bin_worker.clean_up()
        binned = sorted(BinEntry.objects.values_list("key", flat=True))
        if _values(world) or binned != [*KEYS]:
            wrong.append(f"killed at step {step}: {_values(world)}, {binned}")
        _undo(access, change_set)
        if _values(world) != before:
            wrong.append(f"killed at step {step}, undone: {_values(world)}")
        if is_over:
            break
    acts = AuditEvent.objects.filter(action__startswith="secret.")
    return {
        "kills": kills,
        "wrong": wrong,
        "still_open": acts.filter(outcomes=None).count(),
        "leases": leased_secrets(),
        "gaps": [gap for key in KEYS for gap in audit_gaps(world, key, world.main)],
        "projection_errors": [
            it for key in KEYS for it in projection_errors(world, key, world.main)
        ],
    }


def _values(world: World) -> dict[str, Any]:
    secrets = {key: stored_values(world, key, world.main) for key in KEYS}
    there = {key: values for key, values in secrets.items() if values != (None, None)}
    return there | {key: value for (_, key), value in variable_values(world).items()}


def _remove(access: Access, shown: Sequence[AbsentKey], change_set: uuid.UUID) -> None:
    """Remove what was shown, as far as it is still there."""
    rows = [
        RemovalRow(it.value, it.noun, it.key, it.branch.pk if it.branch else None, it.value)
        for it in shown
    ]
    outcomes = absent_keys.remove(access, rows, change_set, (), may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} == {"removed"}, outcomes


def _undo(access: Access, change_set: uuid.UUID) -> None:
    tokens = [row.token for row in change_sets.find(access, change_set).ready]
    undoing.undo(access, change_set, tokens, uuid.uuid4(), may_go_on=lambda: True)


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(main()))
