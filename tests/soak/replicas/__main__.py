"""Run the replica proof (`make soak`): `python -m tests.soak.replicas [SECONDS [KILLS [READ]]]`.

It runs on a PostgreSQL server of its own, prints what happened and every violation, and exits with
1 if there are any. Without arguments it takes a minute and kills three times. READ is how many
seconds the parameter store takes at most for a read.
"""

import logging
import os
import sys
import tempfile
import time
from collections import Counter
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import django

from tests.fixtures import postgres
from tests.soak.replicas.records import Records

SECONDS, KILLS = 60.0, 3


def main(seconds: float = SECONDS, kills: float = KILLS, slowest_read: float = 0.0) -> int:
    """Run the proof, and return the exit code."""
    with postgres.running() as url:
        # tests.settings reads it, so Django is set up only now
        os.environ["TEST_DATABASE_URL"] = url
        os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
        django.setup()
        logging.disable()
        return _run(seconds, int(kills), slowest_read)


def _run(seconds: float, kills: int, slowest_read: float) -> int:
    from django.db import connection

    from tests.soak.replicas.proof import violations
    from tests.soak.replicas.trial import create_trial_app, run, running_replicas

    with redirect_stdout(StringIO()):  # Django reports that the cache table exists
        connection.creation.create_test_db(verbosity=0)
    with (
        tempfile.TemporaryDirectory() as name,
        running_replicas(Path(name), slowest_read=slowest_read) as replicas,
    ):
        trial = create_trial_app()
        print(
            f"{len(replicas.servers)} consoles on one PostgreSQL and one moto server, "
            f"{len(trial.emails)} users at {len(trial.secrets)} secrets",
            flush=True,
        )
        records = run(replicas, trial, seconds=seconds, kills=kills)
    connection.close()
    began = time.perf_counter()
    found = violations(records)
    for line in (*_summary(records, seconds), *found):
        print(line)
    print(f"{len(found)} violations, checked in {time.perf_counter() - began:.1f} s")
    return 1 if found else 0


def _summary(records: Records, seconds: float) -> list[str]:
    saves = Counter(row.outcome or "no response" for row in records.sent)
    statuses = Counter(reveal.status for reveal in records.reveals)
    events = [event for event in records.events if event.action.startswith("secret.")]
    outcomes = Counter(e.outcomes[-1].name if e.outcomes else "no outcome" for e in events)
    writes = sum(call.kind == "put" for call in records.journal)
    removals = sum(call.kind == "delete" for call in records.journal)
    return [
        f"{seconds:.0f} s, {len(records.kills)} times kill -9, load {os.getloadavg()[0]:.1f}",
        f"rows saved: {_counts(saves)}",
        f"reveals by status (0: no response): {_counts(statuses)}",
        f"parameter store: {writes} writes and {removals} removals at {len(records.paths)} paths",
        f"audit log: {len(events)} events, {_counts(outcomes)}",
    ]


def _counts(counter: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counter.most_common())


if __name__ == "__main__":
    sys.exit(main(*map(float, sys.argv[1:4])))
