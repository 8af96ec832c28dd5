"""Kill an import at each of its steps, of a text, then of a parameter of Amplify Gen 1.

Steps are those of steps.py, with the embedded store. Prints what it found as JSON.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import uuid
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any

import django
import time_machine

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db.models import Q
from django.utils import timezone

from console.access.policy import find_app
from console.audit.reconcile import settle_requests
from console.environment.importing import ImportRow
from console.lib.documents import parse
from console.lib.row_forms import known_base
from console.models import AuditEvent
from console.workflows import importing
from console.workflows.importing import Choice
from secrets_app.gen1 import importing as gen1
from secrets_app.gen1.finding import find
from secrets_app.sync import worker
from tests.factories import (
    audit_gaps,
    expire_leases,
    leased_secrets,
    projection_errors,
    reconcile_now,
    stored_values,
    variable_values,
    write_outside,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

LATER = 11 * 60  # seconds, after which an attempt without an outcome was cut off
KEYS = ("API_KEY", "OTHER_KEY")  # secrets
GEN1, GEN1_KEY = "/amplify/d1shop/gen", "FROM_GEN1"


def main() -> dict[str, Any]:
    """Kill imports, and import the same again; return what is missing then."""
    make_database()
    world = World()
    world.actor("alice")
    kills, kills_of_gen1, missing = 0, 0, []
    for step in count(1):
        text = "".join(f"{key}=value {step}\n" for key in (*KEYS, "API_URL"))
        if survives(lambda text=text: _import(world, text), step):
            break
        kills += 1
        _recover(world)
        _import(world, text)
        found = {key: stored_values(world, key, world.main) for key in KEYS}
        if set(found.values()) != {(f"value {step}", f"value {step}")}:
            missing.append(f"killed at step {step}: {found}")
        if variable_values(world)["main", "API_URL"] != f"value {step}":
            missing.append(f"killed at step {step}: {variable_values(world)}")
    for step in count(1):
        write_outside(f"{GEN1}/AMPLIFY_mailer_{GEN1_KEY}", f"value {step}")
        reconcile_now(world)
        if survives(lambda: _import_from_gen1(world), step):
            break
        kills_of_gen1 += 1
        _recover(world)
        _import_from_gen1(world)
        if stored_values(world, GEN1_KEY, world.main)[0] != f"value {step}":
            missing.append(f"Gen 1, killed at step {step}")
    acts = AuditEvent.objects.filter(
        Q(action__startswith="secret.") | Q(action__startswith="parameter.")
    )
    with time_machine.travel(timezone.now().timestamp() + LATER):
        settle_requests()
    return {
        "kills": kills,
        "kills_of_gen1": kills_of_gen1,
        "missing": missing,
        "still_open": acts.filter(outcomes=None).count(),
        "leases": leased_secrets(),
        "gaps": [gap for key in (*KEYS, GEN1_KEY) for gap in audit_gaps(world, key, world.main)],
        "projection_errors": [
            it for key in (*KEYS, GEN1_KEY) for it in projection_errors(world, key, world.main)
        ],
    }


def _each(find: Callable[..., Iterable[Any]], world: World) -> list[Any]:
    return [found for key in KEYS for found in find(world, key, world.main)]


def _recover(world: World) -> None:
    expire_leases()
    reconcile_now(world)
    worker.run_once()


def _import_from_gen1(world: World) -> None:
    """Import the parameter into main, based on what the preview shows now."""
    access = find_app(world.actor("alice"), world.app.app_id)
    [source] = find(access)["gen"]
    [plan] = gen1.plan(access, [(source, GEN1_KEY)], world.main)
    base = known_base(plan.line.planned.base)
    wanted = [gen1.Wanted(source.name, source.base, plan.key, *base)]
    change_set = uuid.uuid4()
    [outcome] = gen1.save(access, "gen", world.main, wanted, change_set, may_go_on=lambda: True)
    assert outcome.outcome == "saved", outcome


def _import(world: World, text: str) -> None:
    """Import into main, based on what the preview shows now."""
    access = find_app(world.actor("alice"), world.app.app_id)
    entries = parse(text)
    values = {entry.key: entry.value for entry in entries}
    rows = []
    for line in importing.preview(access, entries, Choice([world.main])):
        branch_id, key = line.planned.scope
        base = known_base(line.planned.base)
        rows.append((line.noun, ImportRow(key, key, branch_id, values[key], *base)))
    outcomes = importing.save(access, rows, uuid.uuid4(), may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} == {"saved"}, outcomes


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(main()))
