"""Run the replica proof: `python -m tests.soak.replicas SECONDS KILLS`, under with_postgres.

Prints what happened and what does not fit; its exit code says whether anything does not.
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

from tests.soak.replicas.records import Records


def main(seconds: float, kills: int) -> int:
    """Run it; return 1 where something does not fit."""
    from django.db import connection

    from tests.soak.replicas.proof import complaints
    from tests.soak.replicas.trial import Scene, run, site

    with redirect_stdout(StringIO()):  # it tells of the cache's table, which is there already
        connection.creation.create_test_db(verbosity=0)
    with tempfile.TemporaryDirectory() as name, site(Path(name)) as where:
        records = run(where, Scene.make(), seconds=seconds, kills=kills)
    connection.close()
    began = time.perf_counter()
    found = complaints(records)
    for line in (*_figures(records, seconds), *found):
        print(line)
    print(f"{len(found)} complaints, in {time.perf_counter() - began:.1f} s of comparing")
    return 1 if found else 0


def _figures(records: Records, seconds: float) -> list[str]:
    told = Counter(sent.answer or "cut off" for sent in records.sent)
    statuses = Counter(reveal.status for reveal in records.reveals)
    entries = [entry for entry in records.trail if entry.action.startswith("secret.")]
    ends = Counter(entry.ends[-1].outcome if entry.ends else "open" for entry in entries)
    writes = sum(act.act == "put" for act in records.journal)
    removals = sum(act.act == "delete" for act in records.journal)
    return [
        f"{seconds:.0f} s, {len(records.kills)} times kill -9, load {os.getloadavg()[0]:.1f}",
        f"rows saved: {_counted(told)}",
        f"reveals by status (0: cut off): {_counted(statuses)}",
        f"the store: {writes} writes and {removals} removals at {len(records.paths)} paths",
        f"the trail: {len(entries)} attempts, {_counted(ends)}",
    ]


def _counted(counter: Counter[str] | Counter[int]) -> str:
    return ", ".join(f"{number} {name}" for name, number in counter.most_common())


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    django.setup()
    logging.disable()
    sys.exit(main(float(sys.argv[1]), int(sys.argv[2])))
