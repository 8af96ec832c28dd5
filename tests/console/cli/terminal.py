"""A terminal with a command in it, as a person has it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.console.cli.conftest import MANAGE, Machine

# Makes the terminal the session's own, as a login does: then /dev/tty is it
LOGIN = """
import fcntl, os, signal, sys, termios
for one in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(one, signal.SIG_DFL)  # whoever starts the tests with & ignores them
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """What a person types at a command, and sees."""

    def __init__(self, fd: int, process: "subprocess.Popen[bytes]") -> None:
        self._fd, self._process = fd, process
        self.seen = ""

    def wait_for(self, text: str) -> None:
        """Read until the screen shows `text`."""
        while text not in self.seen:
            more = self._read()
            assert more, f"It ended without {text!r}: {self.seen}"
            self.seen += more

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._fd, f"{text}\n".encode())

    def end(self) -> int:
        """Read to the end and return how the command ended."""
        while more := self._read():
            self.seen += more
        return self._process.wait(300)

    def _read(self) -> str:
        try:
            return os.read(self._fd, 4096).decode()
        except OSError:  # Linux says so when nobody is on the other side any more
            return ""


@contextmanager
def at(machine: Machine, *words: str) -> Iterator[Terminal]:
    """Type a `manage.py` command on a machine's terminal."""
    ours, its = pty.openpty()
    command = [sys.executable, "-c", LOGIN, sys.executable, MANAGE, *words]
    with subprocess.Popen(
        command,
        cwd=machine.folder,
        env=machine.environment | {"TERM": "dumb"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
    ) as process:
        os.close(its)
        try:
            yield Terminal(ours, process)
        finally:
            os.close(ours)  # which hangs up
