"""A pseudo-terminal with a command in it."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fixtures.machine import MANAGE, Machine

# Makes it the controlling terminal, as a login does, so that /dev/tty refers to it
LOGIN = """
import fcntl, os, signal, sys, termios
for one in (signal.SIGINT, signal.SIGQUIT):
    signal.signal(one, signal.SIG_DFL)  # ignored if the tests run in the background
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""


class Terminal:
    """The terminal: what it shows, and keys to type."""

    def __init__(self, fd: int, process: "subprocess.Popen[bytes]") -> None:
        self._fd, self._process = fd, process
        self.output = ""

    def wait_for(self, text: str) -> None:
        """Read until the screen shows `text`."""
        while text not in self.output:
            more = self._read()
            assert more, f"The command ended without {text!r}: {self.output}"
            self.output += more

    def type(self, text: str) -> None:
        """Type a line."""
        os.write(self._fd, f"{text}\n".encode())

    def end(self) -> int:
        """Read to the end and return the exit code."""
        while more := self._read():
            self.output += more
        return self._process.wait(300)

    def _read(self) -> str:
        try:
            return os.read(self._fd, 4096).decode()
        except OSError:  # Linux's end of file of a terminal
            return ""


@contextmanager
def open_terminal(machine: Machine, *words: str) -> Iterator[Terminal]:
    """Run a `manage.py` command in a terminal on the machine."""
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
