"""Kill the refresh of a preview's copies at every fifth of its steps.

Steps are those of steps.py, with the embedded store. Prints what it found as JSON.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import uuid
from itertools import count
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from console.catalog.previews import add_rule
from console.models import Branch
from console.workflows.previews.copies import copies_of
from console.workflows.previews.writing import lines_of, write
from secrets_app.sync import worker
from tests.factories import (
    access_of,
    change_variable,
    create_branch,
    expire_leases,
    leased_secrets,
    reconcile_now,
    set_secret,
    set_variable,
    stored_values,
    variable_row,
    variable_values,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World


def main() -> dict[str, Any]:
    """Kill copies, and copy again; return which marks were wrong, and what is missing then."""
    make_database()
    world = World()
    pr = create_branch(world, "pr-1")
    add_rule(actor=world.actor("alice"), app_id="d1shop", pattern="pr-*", source_id=world.dev.pk)
    set_variable(world, "API_URL", "value 0", world.dev)
    kills, wrong, missing = 0, [], []
    for step in count(1, 5):
        value = f"value {step}"
        set_secret(world, "API_KEY", value, world.dev)
        change_variable(world, variable_row(world, "API_URL", world.dev), value)
        if survives(lambda: _copy(world, pr), step):
            break
        kills += 1
        expire_leases()
        reconcile_now(world)
        worker.run_once()
        held = _values(world, pr)
        claimed = {it.value.key for it in _copies(world) if not it.is_outdated}
        wrong += [f"step {step}: {key}" for key in claimed if held.get(key) != value]
        _copy(world, pr)
        if _values(world, pr) != {"API_KEY": value, "API_URL": value}:
            missing.append(f"step {step}: {_values(world, pr)}")
        if {it.value.key for it in _copies(world) if not it.is_outdated} != {"API_KEY", "API_URL"}:
            missing.append(f"step {step}: {[it.words for it in _copies(world)]}")
    return {"kills": kills, "wrong": wrong, "missing": missing, "leases": leased_secrets()}


def _copies(world: World) -> list[Any]:
    return [*copies_of(access_of(world, "alice")).values()]


def _values(world: World, pr: Branch) -> dict[str, str | None]:
    found = {"API_KEY": stored_values(world, "API_KEY", pr)[0]}
    return found | {"API_URL": variable_values(world).get((pr.name, "API_URL"))}


def _copy(world: World, pr: Branch) -> None:
    access = access_of(world, "alice")
    _, lines = lines_of(access, pr)
    write(access, lines, uuid.uuid4(), may_go_on=lambda: True)


if __name__ == "__main__":
    logging.disable()
    print(json.dumps(main()))
