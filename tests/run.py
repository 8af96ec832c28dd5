"""Run the tests on SQLite and, at the same time, some again on PostgreSQL: python -m tests.run.

`--all` adds what is marked `exhaustive` or `exhaustive_on_postgres`, and new examples of
hypothesis, for `make test-all`.
Both runs wait now and then for a time limit, the disk or a browser, and end with fewer tests than
workers. Together they use the processors almost fully. The output of the second follows the first.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO

from tests.fixtures import postgres

PYTEST = (sys.executable, "-m", "pytest", "--dist", "worksteal")
ON_SQLITE = (*PYTEST, "-n", "3", "-m")
ON_POSTGRES = (*PYTEST, "-n", "2", "-m")
CHOSEN = "not postgres and not exhaustive"
EVERYTHING = "not postgres"
MEMORY = Path("/dev/shm")  # noqa: S108 - TemporaryDirectory takes a name that nobody knew
ENOUGH = 2**30  # bytes; containers often have 64 MB


def main() -> int:
    """Run both, and return 0 if all tests passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.run")
    parser.add_argument("--all", action="store_true", help="run the exhaustive tests, too")
    chosen = (CHOSEN, postgres.CHOSEN), (EVERYTHING, postgres.EVERYTHING)
    is_all = parser.parse_args().all
    on_sqlite, on_postgres = chosen[is_all]
    if is_all:
        os.environ["NEW_EXAMPLES"] = "1"  # of hypothesis (tests/conftest.py)
    is_large = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH
    with TemporaryDirectory(prefix="console-tests-", dir=MEMORY if is_large else None) as folder:
        os.environ["TESTS_FOLDER"] = folder  # one for both, so that no port is used twice
        return run_both(on_sqlite, on_postgres)


def run_both(on_sqlite: str, on_postgres: str) -> int:
    with TemporaryFile("w+") as output, running_on_postgres(on_postgres, output) as second:
        print("On SQLite, while the tests of both databases run on PostgreSQL:", flush=True)
        first = subprocess.run([*ON_SQLITE, on_sqlite], check=False)
        second.wait()
        output.seek(0)
        print("\nOn PostgreSQL:", output.read(), sep="\n", flush=True)
        return first.returncode or second.returncode


@contextmanager
def running_on_postgres(chosen: str, output: IO[str]) -> "Iterator[subprocess.Popen[bytes]]":
    """Start a server and the tests on it; end both after the block."""
    with postgres.running() as url:
        environment = os.environ | {"TEST_DATABASE_URL": url}
        command = [*ON_POSTGRES, chosen]
        with subprocess.Popen(command, env=environment, stdout=output, stderr=output) as tests:
            try:
                yield tests
            finally:
                tests.terminate()


if __name__ == "__main__":
    sys.exit(main())
