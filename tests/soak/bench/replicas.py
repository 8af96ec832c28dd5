"""The replicas' proof run, whole: two consoles, 20 people, a minute, kill -9 three times.

It runs in a process of its own, whose Django is set up on PostgreSQL.
"""

import os
import subprocess
import sys

from tests.with_postgres import server

SECONDS, KILLS = 60, 3


def prove() -> None:
    """Print what happened; what does not fit ends the bench."""
    print(
        "\nTwo consoles on one PostgreSQL and one moto server, 20 people at 6 secrets", flush=True
    )
    command = [sys.executable, "-m", "tests.soak.replicas", str(SECONDS), str(KILLS)]
    with server() as url:
        subprocess.run(command, env=os.environ | {"TEST_DATABASE_URL": url}, check=True)


if __name__ == "__main__":
    prove()
