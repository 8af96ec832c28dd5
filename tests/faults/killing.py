"""Savers that are killed at random moments: python -m tests.faults.killing ROUNDS [ENDPOINT].

Prints, as JSON, what is found afterwards. The database is one of its own, the store the embedded
one or SSM at the endpoint. A process of its own, for it forks.
"""

import json
import logging
import os
import signal
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom
from time import sleep
from typing import Any
from uuid import uuid4

import django
from django.conf import settings

LONGEST = 0.15  # seconds that a saver lives
KEYS = ("A", "B", "C")
chance = SystemRandom()


def main(rounds: int) -> dict[str, Any]:
    """Let savers save and be killed; return what the trail, the projection and the store say."""
    from django.db import connections

    from tests.plugins.people import World
    from tests.services.agreement import claims, differing, gaps
    from tests.services.desk import Desk

    _make_database()
    desk = Desk(World())
    desk.world.actor("alice")
    desk.check()
    diary = Path(os.environ["TESTS_FOLDER"], "diary")
    left_open = 0
    for number in range(rounds):
        connections.close_all()
        _kill_a_saver(desk, diary)
        left_open += len(_open_attempts())
        desk.expire_claims()
        if number % 2:  # else the next saver settles what he meets
            desk.check()
    desk.expire_claims()
    desk.check()
    places = [(branch, key) for branch in (None, desk.world.main) for key in KEYS]
    return {
        "left_open": left_open,
        "still_open": len(_open_attempts()),
        "claims": claims(),
        "found": desk.trail("found."),
        "gaps": [*gaps(desk, places)],
        "lost": [*_lost(desk, diary, places)],
        "differing": [*differing(desk, places)],
        "ends": Counter(f"{entry[1]} {entry[4]}" for entry in desk.trail("secret.")),
    }


def _make_database() -> None:
    """Make a database of this process's own; it goes with its folder, or with its server."""
    from django.db import connection

    name = f"killed_{os.getpid()}"
    if connection.vendor == "sqlite":
        name = f"{os.environ['TESTS_FOLDER']}/{name}.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0)


def _kill_a_saver(desk: Any, diary: Path) -> None:
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            desk.store.ping()  # makes the client; half a second, in which there is nothing to kill
            os.write(there, b"ready")
            with diary.open("a", buffering=1) as lines:
                _save_for_ever(desk, lines)
        finally:
            os._exit(1)
    os.read(here, 5)
    os.close(here)
    os.close(there)
    sleep(chance.uniform(0, LONGEST))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "The saver ended by itself."


def _save_for_ever(desk: Any, lines: Any) -> None:
    from console.lib.results import DONE
    from secrets_app.models import Secret

    while True:
        key, branch = chance.choice(KEYS), chance.choice((None, desk.world.main))
        row = Secret.objects.filter(app=desk.app, branch=branch, key=key).first()
        value = uuid4().hex
        if row is None:
            change = desk.new(key, value, branch)
        elif chance.random() < 0.25:
            change, value = desk.removal(row), ""
        else:
            change = desk.change(row, value)
        place = f"{branch or ''}/{key}"
        lines.write(f"try {place} {value}\n")
        [outcome] = desk.save("alice", change)
        lines.write(f"{'done' if outcome.outcome in DONE else 'not'} {place} {value}\n")


def _open_attempts() -> list[Any]:
    from console.models import AuditEvent

    events = AuditEvent.objects.filter(action__startswith="secret.")
    return list(events.filter(outcomes=None))


def _lost(desk: Any, diary: Path, places: list[tuple[Any, str]]) -> Iterator[str]:
    """Yield each secret that is neither what was last said to be done nor what came after it."""
    possible: dict[str, set[str]] = {}
    for line in diary.read_text().splitlines():
        word, place, value = line.split(" ")
        if word == "try":
            possible.setdefault(place, {""}).add(value)
        elif word == "done":
            possible[place] = {value}
    for branch, key in places:
        place, value = f"{branch or ''}/{key}", desk.values(key, branch)[0] or ""
        if value not in possible.get(place, {""}):
            yield f"{place}: {value}"


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    logging.disable()
    if endpoint := "".join(sys.argv[2:]):
        settings.PARAMETER_STORE, os.environ["AWS_ENDPOINT_URL_SSM"] = "ssm", endpoint
    print(json.dumps(main(int(sys.argv[1]))))
