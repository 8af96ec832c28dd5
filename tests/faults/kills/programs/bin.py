"""Kill removals, restores and deletions at each step.

Prints what it found as JSON, as saves.py does.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
import uuid
from collections.abc import Callable
from itertools import count
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.utils import timezone

from console.access.policy import find_app
from console.models import AuditEvent
from console.workflows import bin_worker
from secrets_app.history import bin_actions
from secrets_app.models import BinEntry, Secret
from secrets_app.recycle_bin import kept, path_of
from secrets_app.store import parameter_store
from secrets_app.sync import worker
from tests.factories import (
    delete_command,
    expire_leases,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_row,
    stored_values,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World

KEY, VALUE = "API_KEY", "first"


def main() -> dict[str, Any]:
    """Kill each act at each step; return how often, and what was wrong afterward."""
    make_database()
    world = World()
    world.actor("alice")
    reconcile_now(world)
    wrong: list[str] = []
    kills = {
        name: _kill_at_each_step(world, name, prepare, act, wrong)
        for name, (prepare, act) in ACTS.items()
    }
    open_events = AuditEvent.objects.filter(outcomes=None, action__in=("bin.fill", "secret.remove"))
    return {"kills": kills, "wrong": wrong, "open": open_events.count()}


def _exists(world: World) -> None:
    if not Secret.objects.filter(key=KEY).exists():
        reconciled_secret(world, KEY, world.main)


def _is_in_bin(world: World) -> None:
    _exists(world)
    _remove(world)


def _is_expired(world: World) -> None:
    _is_in_bin(world)
    BinEntry.objects.update(expires_at=timezone.now())


def _remove(world: World) -> None:
    [outcome] = save_secrets(world, delete_command(secret_row(world, KEY, world.main)))
    assert outcome.outcome == "removed", outcome


def _restore(world: World) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    outcome = bin_actions.restore(access, kept(world.app)[0], uuid.uuid4(), to=world.main)
    assert outcome.outcome == "saved", outcome


def _delete(world: World) -> None:
    bin_actions.delete(find_app(world.actor("alice"), "d1shop"), kept(world.app)[0])


def _purge(_world: World) -> None:
    bin_worker.clean_up()


ACTS: dict[str, tuple[Callable[[World], None], Callable[[World], None]]] = {
    "remove": (_exists, _remove),
    "restore": (_is_in_bin, _restore),
    "delete": (_is_in_bin, _delete),
    "purge": (_is_expired, _purge),
}


def _kill_at_each_step(
    world: World,
    name: str,
    prepare: Callable[[World], None],
    act: Callable[[World], None],
    wrong: list[str],
) -> int:
    for step in count(1, 1 if settings.PARAMETER_STORE == "ssm" else 5):
        _empty(world)
        prepare(world)
        is_over = survives(lambda: act(world), step)
        expire_leases()
        reconcile_now(world)
        worker.run_once()  # finishes mirrors
        bin_worker.clean_up()
        wrong += [f"{name}, step {step}: {it}" for it in _problems(world, name, is_over)]
        if is_over:
            return step - 1
    raise AssertionError


def _empty(world: World) -> None:
    BinEntry.objects.all().delete()
    parameter_store().remove(it.path for it in parameter_store().list(["/amplify/branchkeep-bin"]))


def _problems(world: World, name: str, is_over: bool) -> list[str]:
    """Return what is lost, stuck or there twice."""
    values = stored_values(world, KEY, world.main)
    entries = [*BinEntry.objects.select_related("app")]
    copies = {it.path for it in parameter_store().list(["/amplify/branchkeep-bin"])}
    places = (values == (VALUE, VALUE)) + len(entries)
    possible = {"delete": {0} if is_over else {0, 1}, "purge": {0}}.get(name, {1})
    found = []
    if places not in possible or values[0] != values[1]:
        found.append(f"{places} places, {values}")
    if copies != {path_of(entry, entry.app) for entry in entries}:
        found.append(f"{copies} of {entries}")
    if any(entry.state != "kept" or entry.due_at for entry in entries):
        found.append(f"stuck: {[entry.state for entry in entries]}")
    if {row.key for row in Secret.objects.all()} != ({KEY} if values[0] else set()):
        found.append("the projection differs")
    return found


if __name__ == "__main__":
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
