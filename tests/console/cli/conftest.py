"""Somebody at a command line: in this process for most tests, as real processes for the main."""

import atexit
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from console.lib.paths import BASE_DIR
from tests.fixtures.people import World

MANAGE = str(BASE_DIR / "manage.py")
KEYS = {
    "SECRET_KEY": "only-for-processes-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
}
PEOPLE = """
import django
django.setup()
from tests.fixtures.people import PEOPLE, World
world = World()
for name in PEOPLE:
    world.person(name)
"""


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


class Stdin(io.TextIOWrapper):
    """A standard input that is no terminal."""

    def __init__(self, data: bytes) -> None:
        super().__init__(io.BytesIO(data))


@pytest.fixture
def type_in(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ended]:
    """Return a function that runs a command as somebody, within this process."""

    def type_in(*words: str, stdin: str | bytes = b"", who: str = "alice") -> Ended:
        data = stdin.encode() if isinstance(stdin, str) else stdin
        monkeypatch.setattr(sys, "stdin", Stdin(data))
        as_somebody = ("--as", world.person(who).email) if who else ()
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*words, *as_somebody, stdout=out, stderr=err)
        except CommandError as error:
            return Ended(error.returncode, out.getvalue(), f"{err.getvalue()}{error}\n")
        return Ended(0, out.getvalue(), err.getvalue())

    return type_in


class Forker:
    """tests/console/cli/forking.py, which starts quicker than Python does."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.console.cli.forking"],
            cwd=BASE_DIR,
            env={"PATH": os.environ["PATH"]},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        atexit.register(self._process.communicate)  # it ends when its standard input does

    def run(
        self, words: tuple[str, ...], stdin: bytes, folder: Path, environment: dict[str, str]
    ) -> Ended:
        """Run `manage.py` in a folder, with an environment."""
        with tempfile.TemporaryDirectory() as streams:
            files = [Path(streams, name) for name in ("stdin", "stdout", "stderr")]
            for file, data in zip(files, (stdin, b"", b""), strict=True):
                file.write_bytes(data)
            asked = {"words": words, "folder": str(folder), "streams": streams}
            print(json.dumps(asked | {"environment": environment}), file=self._process.stdin)
            self._process.stdin.flush()
            code = int(self._process.stdout.readline())
            return Ended(code, *(file.read_bytes().decode() for file in files[1:]))


_forker = cache(Forker)


class Machine:
    """A machine with a database of its own, where the commands are processes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            **KEYS,
            "DATABASE_URL": f"sqlite:///{folder}/console.sqlite3",
            "CONSOLE_USER": "alice@example.org",
            "NO_PROXY": "127.0.0.1",
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def __call__(self, *words: str, stdin: str | bytes = b"", **environment: str) -> Ended:
        """Run `manage.py` in the machine's folder, with nothing set but its environment.

        What becomes another program, or asks Python for something, gets an interpreter of its own.
        """
        if words[0] == "run" or environment:
            return self.alone(*words, stdin=stdin, **environment)
        data = stdin.encode() if isinstance(stdin, str) else stdin
        return _forker().run(words, data, self.folder, self.environment)

    def alone(self, *words: str, stdin: str | bytes = b"", **environment: str) -> Ended:
        """Run `manage.py` in an interpreter of its own."""
        data = stdin.encode() if isinstance(stdin, str) else stdin
        ended = subprocess.run(
            [sys.executable, MANAGE, *words],
            input=data,
            capture_output=True,
            cwd=self.folder,
            env=self.environment | environment,
            timeout=300,
        )
        return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())

    def start(self, *words: str, stdout: Any = subprocess.PIPE) -> "subprocess.Popen[bytes]":
        """Start `manage.py` with pipes around it."""
        return subprocess.Popen(
            [sys.executable, MANAGE, *words],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
        )


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a database that has the tables and the people of a World."""
    folder = tmp_path_factory.mktemp("prepared")
    machine = Machine(folder)
    assert machine("migrate", "-v0") == Ended(0, "", "")
    subprocess.run(
        [sys.executable, "-c", PEOPLE],
        cwd=BASE_DIR,
        env=machine.environment | {"DJANGO_SETTINGS_MODULE": "console.settings"},
        check=True,
    )
    return folder


def copied(prepared: Path, folder: Path) -> Machine:
    """Return a machine in `folder`, with what another one has."""
    for file in prepared.iterdir():
        shutil.copy(file, folder)
    return Machine(folder)


@pytest.fixture
def machine(prepared: Path, tmp_path: Path) -> Machine:
    """Return a machine whose console is on the embedded store."""
    return copied(prepared, tmp_path)


@pytest.fixture(params=["embedded", "moto"])
def either_machine(request: pytest.FixtureRequest, machine: Machine) -> Machine:
    """Return a machine on the embedded store, and again one on SSM as moto has it."""
    if request.param == "moto":
        moto: Any = request.getfixturevalue("moto")
        machine.environment |= {"PARAMETER_STORE": "ssm", "AWS_ENDPOINT_URL_SSM": moto.url}
    return machine
