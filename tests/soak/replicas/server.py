"""Run the console as deployed: a copy of it, started with `python -m console.server.start`."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

from console.lib.paths import BASE_DIR
from tests.fixtures.ports import free_port
from tests.fixtures.speed.once import prepared_once
from tests.fixtures.waiting import LONGEST, until

PARTS = ("console", "secrets_app", "envvars_app", "templates", "static")
START_TIMEOUT = 90  # seconds, on a busy machine


def copy_to(folder: Path) -> Path:
    """Copy the code that the console needs, without var/, and return the folder."""
    for part in PARTS:
        unused = shutil.ignore_patterns("__pycache__")
        shutil.copytree(BASE_DIR / part, folder / part, ignore=unused)
    return folder


def copy_started_to(folder: Path) -> Path:
    """Copy a console that has been started before, which saves most of a start's work.

    It has bytecode, collected static files, keys and an empty database. Return the folder.
    """
    started = prepared_once("console", _start_once)
    return Path(shutil.copytree(started, folder, dirs_exist_ok=True))


def _start_once(folder: Path) -> None:
    server = Server(copy_to(folder), {})
    with running(server):
        server.stop()
    server.log.unlink()


class Server:
    """A console process: gunicorn with its workers, on the same port after every restart."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.port = free_port()
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(BASE_DIR),
            "PORT": str(self.port),
            **environment,
        }
        if (collected := folder / "var/static").is_dir():  # of a copy, whose files look changed
            self.environment.setdefault("STATIC_ROOT", str(collected))
        self.log = folder / f"log-{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it in its own process group, without waiting until it responds."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "console.server.start"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait until it responds."""
        until(self._is_up, START_TIMEOUT)

    def _is_up(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log.read_text()[-3000:]
        return self.is_healthy()

    def is_healthy(self) -> bool:
        """Return True if /healthz responds."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=LONGEST)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, HTTPException):
                return False

    def stop(self) -> None:
        """Stop it with SIGTERM, and wait until it has exited."""
        self.terminate()
        self.wait_until_stopped()

    def terminate(self) -> None:
        """Send SIGTERM, without waiting."""
        assert self._process is not None
        self._process.terminate()

    def wait_until_stopped(self) -> int:
        """Wait until it has exited, and return its exit code."""
        assert self._process is not None
        return self._process.wait(timeout=START_TIMEOUT)

    def kill(self) -> None:
        """Kill master and workers with SIGKILL, and wait until they are gone."""
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            until(lambda: not self._is_listening())

    def _is_listening(self) -> bool:
        with closing(socket.socket()) as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        assert self._process is not None
        master = self._process.pid
        children = Path(f"/proc/{master}/task/{master}/children").read_text()
        return [int(pid) for pid in children.split()]

    def run(self, *arguments: str) -> str:
        """Run a Python module with the server's environment, and return its output."""
        done = subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            env=self.environment | {"BENCH_SETTINGS": "console.settings"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout


@contextmanager
def running(*servers: Server) -> Iterator[None]:
    """Run servers until the block ends; the first one migrates the database."""
    try:
        for server in servers:
            server.start()
            server.wait()
        yield
    finally:
        for server in servers:
            server.kill()
