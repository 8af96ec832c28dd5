"""Run a program that kills what it tests at each step, and read what it found."""

import json
import os
import shutil
import subprocess
import sys
from typing import Any

from django.db import connection

from tests.fixtures.machine import empty_tables


def findings_of(program: str, *arguments: str, folder: str) -> dict[str, Any]:
    """Run one of the programs in a process with a folder of its own; return its JSON."""
    if connection.vendor == "sqlite":  # make_database keeps them
        shutil.copy(empty_tables(), f"{folder}/killed.sqlite3")
    done = subprocess.run(
        [sys.executable, "-m", f"tests.faults.kills.programs.{program}", *arguments],
        env=os.environ | {"TESTS_FOLDER": folder},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    findings: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])  # Django prints before it
    return findings
