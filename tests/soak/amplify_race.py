"""Two people and Amplify's own console change the same variables.

The two save and push in threads. A script stands for Amplify's console. Amplify throttles, and
loses responses after doing the work. Nothing may be lost, every conflict must be named, and the
maps must be equal at the end. `python -m tests.soak.amplify_race [SECONDS]` runs for a minute, or
the given time, with a database of its own, and prints what it found as JSON.

The script never writes between a push's read and its write, which Amplify gives no means to notice
(ADR 0045): it takes the lease of a push.
"""
# ruff: noqa: E402 - models can be imported only after django.setup()
# ruff: noqa: S311 - chance decides what is tested, not who gets in

import json
import logging
import os
import random
import sys
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from django.db import connection
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import find_app
from console.amplify.client import Amplify
from console.amplify.errors import AmplifyError
from console.amplify.snapshots import read_snapshot
from console.models import AuditEvent, Branch, Connection
from envvars_app.amplify_sync.leases import Lease
from envvars_app.amplify_sync.pulling import take_in
from envvars_app.amplify_sync.pushing import push
from envvars_app.models import SyncedScope, SyncedVariable, Variable
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable
from envvars_app.variables.save import save
from tests.fixtures.amplify import AmplifyServer, running
from tests.fixtures.moto import REGION
from tests.fixtures.people import World

BRANCHES, KEYS = 20, 15  # 300 variables
FAULTS = ("throttled", "lost", "failed", "cut")


@dataclass
class Race:
    """What everyone does, until the time is over."""

    world: World
    server: AmplifyServer
    branches: list[Branch]
    ends: float
    done: Counter[str] = field(default_factory=Counter)
    newest: dict[tuple[str, str], int] = field(default_factory=dict)  # of the script's own keys
    problems: list[str] = field(default_factory=list)

    @property
    def app_id(self) -> str:
        """Return the app's id."""
        return self.world.app.app_id

    def turns(self) -> Iterator[random.Random]:
        """Yield until the time is over."""
        chance = random.Random()
        while monotonic() < self.ends:
            yield chance

    def work(self, actor: Actor) -> None:
        """Save, and push."""
        service = Amplify(REGION)
        for chance in self.turns():
            outcome = self._save(actor, chance)
            self.done[outcome] += 1
            if chance.random() < 0.7:
                self.done["pushed"] += push(service, self.world.app, None).done

    def _save(self, actor: Actor, chance: random.Random) -> str:
        branch = chance.choice(self.branches)
        key = f"KEY_{chance.randrange(KEYS)}"
        rows = Variable.objects.filter(app=self.world.app, branch=branch, key=key, removed_at=None)
        row, value = rows.first(), f"{actor.label} {chance.random()}"
        command: Any
        if row is None:
            command = SetVariable("row", key=key, branch_id=branch.pk, value=value)
        elif chance.random() < 0.2:
            command = DeleteVariable(
                "row", row.pk, expected_version=row.version, overrides=Overrides.KEEP
            )
        else:
            command = SetVariable("row", row.pk, value=value, expected_version=row.version)
        [outcome] = save(
            actor=actor, app_id=self.app_id, commands=[command], change_set=uuid.uuid4()
        )
        return str(outcome.outcome)

    def meddle(self) -> None:
        """Change variables in Amplify: keys of its own, and those of the others."""
        for chance in self.turns():
            branch = chance.choice(self.branches)
            lease = Lease(SyncedScope.objects.get(app=self.world.app, branch=branch))
            if lease.take():
                self._change(branch.name, chance)
                lease.release("")

    def _change(self, name: str, chance: random.Random) -> None:
        own, value = f"OWN_{chance.randrange(3)}", sum(self.newest.values()) + 1
        self.server.set_variable(self.app_id, own, str(value), name)
        self.newest[name, own] = value
        theirs = f"KEY_{chance.randrange(KEYS)}"
        if chance.random() < 0.2:
            self.server.remove_variable(self.app_id, theirs, name)
        elif chance.random() < 0.5:
            self.server.set_variable(self.app_id, theirs, f"script {chance.random()}", name)
        self.done["script"] += 1

    def disturb(self) -> None:
        """Make Amplify fail, and read what it holds."""
        for chance in self.turns():
            self.server.next(chance.choice(FAULTS), on=chance.choice(["GetBranch", "UpdateBranch"]))
            self.done["faults"] += 1
            with suppress(AmplifyError):
                _pull(self.world, self.world.actor("alice"))
                self.done["pulled"] += 1
            threading.Event().wait(0.3)

    def run(self, people: list[Actor]) -> None:
        """Let everyone work until the time is over."""
        jobs: list[tuple[Callable[..., None], tuple[Any, ...]]] = [
            *((self.work, (actor,)) for actor in people),
            (self.meddle, ()),
            (self.disturb, ()),
        ]
        threads = [
            threading.Thread(target=self._guarded, args=(job, arguments)) for job, arguments in jobs
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _guarded(self, job: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        try:
            job(*arguments)
        except Exception as error:
            self.problems.append(f"{type(error).__name__}: {error}")
        finally:
            connection.close()


def main(server: AmplifyServer, seconds: float) -> dict[str, Any]:
    """Run the race, then push what waits, and return what is wrong."""
    world = World()
    server.add_app(world.app.app_id, "Shop")
    branches = [Branch.objects.create(app=world.app, name=f"b{n}") for n in range(BRANCHES)]
    for branch in branches:
        server.add_branch(world.app.app_id, branch.name)
    Connection.objects.create(app=world.app, connected_at=timezone.now())
    people = [world.actor("alice"), world.actor("mia")]
    _pull(world, people[0])
    race = Race(world, server, branches, monotonic() + seconds)
    race.run(people)
    server.heal()
    SyncedScope.objects.update(held_until=None)
    _pull(world, people[0])  # a conflict may be none anymore, and wait to be pushed
    left = push(Amplify(REGION), world.app, None)
    _pull(world, people[0])
    return {
        "done": race.done,
        "problems": race.problems,
        "conflicts": SyncedVariable.objects.filter(state="conflict").count(),
        "waiting": left.waiting,
        "unequal": _unequal(race),
        "lost": _lost(race),
        "open": AuditEvent.objects.filter(outcomes=None).count(),
    }


def _pull(world: World, actor: Actor) -> None:
    access = find_app(actor, world.app.app_id)
    take_in(access, read_snapshot(Amplify(REGION), world.app.app_id))


def _unequal(race: Race) -> list[str]:
    """Return the differences between both sides that no row names."""
    rows = SyncedVariable.objects.filter(scope__app=race.world.app, state__in=["conflict", "drift"])
    named = {(row.scope.branch_id, row.key): row for row in rows.select_related("scope")}
    found = []
    for branch in race.branches:
        live = Variable.objects.filter(app=race.world.app, branch=branch, removed_at=None)
        ours, theirs = (
            dict(live.values_list("key", "value")),
            race.server.variables(race.app_id, branch.name),
        )
        for key in ours.keys() | theirs.keys():
            row = named.get((branch.pk, key))
            is_equal = ours.get(key) == theirs.get(key)
            if is_equal != (row is None) or (row and row.held != theirs.get(key)):
                found.append(f"{branch.name} {key}: {ours.get(key)}, {theirs.get(key)}, {row}")
    return found


def _lost(race: Race) -> list[str]:
    """Return the script's own keys that don't hold what it wrote last."""
    return [
        f"{name} {key}"
        for (name, key), value in race.newest.items()
        if race.server.variables(race.app_id, name).get(key) != str(value)
    ]


if __name__ == "__main__":
    logging.disable()
    name = f"race_{os.getpid()}"
    if connection.vendor == "sqlite":
        name = f"{os.environ['TESTS_FOLDER']}/{name}.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0)
    with running() as fake:
        os.environ.update(AWS_ENDPOINT_URL_AMPLIFY=fake.url, NO_PROXY="127.0.0.1")
        report = main(fake, float([*sys.argv, "60"][1]))
    print(json.dumps(report))
    sys.exit(any(report[name] for name in ("problems", "waiting", "unequal", "lost", "open")))
