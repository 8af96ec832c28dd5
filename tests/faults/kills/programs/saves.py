"""Kill saves or the background at each of their steps.

Prints what it found as JSON. Uses a database of its own, and the embedded store, or SSM at the
endpoint. Runs in a process of its own because it forks.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()

import json
import logging
import os
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import django
import pytest

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.conf import settings
from django.utils import timezone

from console.access.policy import find_app
from console.models import AuditEvent, Branch
from secrets_app.models import BinEntry, Secret, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue, Written
from secrets_app.store.errors import Throttled
from secrets_app.sync import bin_upkeep, unknown_removal, worker
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    audit_gaps,
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    leased_secrets,
    listed_secrets,
    projection_errors,
    reconcile_now,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    stored_values,
    write_outside,
)
from tests.faults.kills.programs.steps import make_database, survives
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, use_store

ACTS = ("create", "change", "remove")
BIN = "/amplify/branchkeep-bin/d1shop"
KEYS = ("API_KEY", "OTHER_KEY")  # saved together


@dataclass
class Found:
    """What the kills left behind."""

    # By act: how many attempts had no outcome although the store was "done", or "not done"
    left_open: dict[str, Counter[str]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    at_once: Counter[str] = field(default_factory=Counter)  # outcomes of saving again at once
    unequal_mirrors: list[str] = field(default_factory=list)
    background_kills: int = 0
    removal_kills: int = 0  # of a removal of parameters that belong to no branch
    unknown_errors: list[str] = field(default_factory=list)


def main() -> dict[str, Any]:
    """Kill saves; return what the audit trail, the projection and the store say."""
    make_database()
    world = World()
    world.actor("alice")
    reconcile_now(world)
    found = Found()
    branch = world.main  # with a mirror, so that the save has all its steps
    for act in ACTS:
        found.left_open[act] = Counter()
        _kill_at_each_step(world, act, branch, found)
    for is_new in (True, False):
        _kill_the_background_at_each_step(world, branch, found, is_new)
    _kill_a_removal_at_each_step(world, found)
    return {
        "left_open": found.left_open,
        "still_open": len(_open_attempts()),
        "leases": leased_secrets(),
        "found": audit_rows(world, "found."),
        "gaps": [gap for key in KEYS for gap in audit_gaps(world, key, branch)],
        "lost": found.lost,
        "at_once": found.at_once,
        "unequal_mirrors": found.unequal_mirrors,
        "background_kills": found.background_kills,
        "removal_kills": found.removal_kills,
        "unknown_errors": found.unknown_errors,
        "projection_errors": [it for key in KEYS for it in projection_errors(world, key, branch)],
        "ends": Counter(f"{row.action} {row.outcome}" for row in audit_rows(world, "secret.")),
    }


def _kill_at_each_step(world: World, act: str, branch: Branch, found: Found) -> None:
    """Save repeatedly, killed at the first step, the second and so on, until a save survives."""
    for step in count(1):
        before = _prepare(world, act, branch)
        after = None if act == "remove" else f"{act} {step}"
        if survives(_saving(world, _commands(world, act, branch, after)), step):
            _expect(world, branch, {key: {after} for key in KEYS}, f"{act}, not killed", found)
            return
        for event in _open_attempts():
            is_done = stored_values(world, event.subject, branch)[0] == after
            found.left_open[act]["done" if is_done else "not done"] += 1
        if step % 3 == 0:  # the same person saves again at once
            commands = _commands(world, act, branch, after)
            found.at_once.update(str(row.outcome) for row in save_secrets(world, *commands))
        expire_leases()
        if step % 2:  # settled by the next save; at even steps, by reconciling
            save_secrets(world, *_commands(world, act, branch, after))
        reconcile_now(world)
        possible = {key: {value, after} for key, value in before.items()}
        _expect(world, branch, possible, f"{act}, killed at step {step}", found)
        worker.run_once()
        _expect_equal_mirror(world, branch, f"{act}, killed at step {step}", found)


def _kill_the_background_at_each_step(
    world: World, branch: Branch, found: Found, is_new: bool
) -> None:
    """Let the background finish a mirror, killed at each step, until it survives."""
    for step in count(1):
        value = f"{'new' if is_new else 'old'} mirror {step}"
        _prepare(world, "create" if is_new else "change", branch)
        _save_without_mirror(world, _commands(world, "change", branch, value, KEYS[:1]))
        if survives(lambda: worker.run_once(), step):
            _expect_equal_mirror(world, branch, f"{value}, not killed", found)
            return
        found.background_kills += 1
        expire_leases()
        Secret.objects.exclude(mirror_due_at=None).update(mirror_due_at=timezone.now())
        worker.run_once()
        _expect(world, branch, {KEYS[0]: {value}}, value, found)
        _expect_equal_mirror(world, branch, value, found)


def _kill_a_removal_at_each_step(world: World, found: Found) -> None:
    """Remove parameters that belong to no branch, killed at each step, until that survives."""
    paths = {f"/amplify/d1shop/old/KEY_{number}" for number in range(3)}
    for step in count(1):
        for path in paths:
            write_outside(path)
        reconcile_now(world)
        access = find_app(world.actor("alice"), "d1shop")
        chosen = [unknown_removal.token(row) for row in UnknownParameter.objects.all()]
        if survives(
            lambda access=access, chosen=chosen: unknown_removal.remove(
                access=access, tokens=chosen, change_set=uuid.uuid4()
            ),
            step,
        ):
            break
        found.removal_kills += 1
        UnknownParameter.objects.exclude(claim=None).update(claimed_until=timezone.now())
        reconcile_now(world)
        BinEntry.objects.exclude(due_at=None).update(due_at=timezone.now())
        bin_upkeep.finish_due()
        _expect_settled_removal(paths, f"killed at step {step}", found)
    _expect_settled_removal(set(), "not killed", found)


def _expect_settled_removal(paths: set[str], when: str, found: Found) -> None:
    """Note it if the rows differ from the store, or a removal's outcome is open."""
    stored = {*parameter_store().current(paths)}
    shown = {row.path for row in UnknownParameter.objects.all()}
    open_events = AuditEvent.objects.filter(action="parameter.remove", outcomes=None).count()
    claims = UnknownParameter.objects.exclude(claim=None).count()
    # Each removed parameter has one copy, and nothing else has.
    binned = {*BinEntry.objects.filter(state="kept").values_list("copy_id", "folder", "key")}
    copies = {it.path.split("/")[4] for it in parameter_store().list([BIN])}
    is_kept = copies == {copy_id for copy_id, *_ in binned}
    lost = paths - stored - {f"{folder}/{key}" for _, folder, key in binned}
    if shown != stored or open_events or claims or lost or not is_kept:
        found.unknown_errors.append(f"{when}: {shown}, {stored}, {open_events}, {claims}")


def _save_without_mirror(world: World, commands: list[SecretCommand]) -> None:
    """Save while the store takes the secret, but not its mirror."""
    mirrors = secret_paths(world, KEYS[0], world.main)[1]

    class HalfStore(InterruptedStore):
        def put(
            self,
            path: str,
            value: SecretValue,
            *,
            overwrite: bool,
            key_id: str = "",
            advanced: bool = False,
        ) -> Written:
            if path == mirrors:
                raise Throttled
            return super().put(path, value, overwrite=overwrite, key_id=key_id, advanced=advanced)

    with pytest.MonkeyPatch.context() as patch:
        use_store(HalfStore(parameter_store()), patch)
        save_secrets(world, *commands)


def _expect_equal_mirror(world: World, branch: Branch, when: str, found: Found) -> None:
    """Note it if the mirror isn't as the secret, or the projection doesn't know."""
    shown = [row.mirror for row in listed_secrets(world)]
    for key in KEYS:
        primary, mirror = stored_values(world, key, branch)
        if primary != mirror or any(shown):
            found.unequal_mirrors.append(f"{when}: {key} {primary}, {mirror}, {shown}")


def _prepare(world: World, act: str, branch: Branch) -> dict[str, str | None]:
    """Create or remove the secrets, as the act needs; return their values."""
    for key in KEYS:
        exists = stored_values(world, key, branch)[0] is not None
        if act == "create" and exists:
            save_secrets(world, delete_command(secret_row(world, key, branch)))
        elif act != "create" and not exists:
            reconciled_secret(world, key, branch)
    return {key: stored_values(world, key, branch)[0] for key in KEYS}


def _commands(
    world: World, act: str, branch: Branch, value: str | None, keys: Sequence[str] = KEYS
) -> list[SecretCommand]:
    """Return what a form would send: nothing for a secret to remove that doesn't exist."""
    commands: list[SecretCommand] = []
    for key in keys:
        row = Secret.objects.filter(app=world.app, branch=branch, key=key).first()
        if value is None:
            commands += [delete_command(row)] if row else []
        elif row is None or act == "create":
            commands.append(create_command(key, value, branch))
        else:
            commands.append(set_command(row, value))
    return commands


def _saving(world: World, commands: list[SecretCommand]) -> Callable[[], None]:
    def save() -> None:
        outcomes = {outcome.outcome for outcome in save_secrets(world, *commands)}
        assert outcomes in ({"saved"}, {"removed"}), outcomes

    return save


def _open_attempts() -> list[AuditEvent]:
    events = AuditEvent.objects.filter(action__startswith="secret.")
    return list(events.filter(outcomes=None))


def _expect(
    world: World,
    branch: Branch,
    possible: Mapping[str, set[str | None]],
    when: str,
    found: Found,
) -> None:
    """Note it if a secret has none of the values it may have."""
    for key, values in possible.items():
        value = stored_values(world, key, branch)[0]
        if value not in values:
            found.lost.append(f"{when}: {key} {value}")


if __name__ == "__main__":
    logging.disable()
    if endpoint := "".join(sys.argv[1:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main()))
