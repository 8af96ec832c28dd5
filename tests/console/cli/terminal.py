"""A pseudo-terminal with a command in it."""

import os
import pty
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.fixtures.machine import Machine, fork_server
from tests.fixtures.waiting import until


class Terminal:
    """The terminal: what it shows, and keys to type."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._code: int | None = None
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
        return self.wait()

    def wait(self) -> int:
        """Return the exit code, once the command has ended."""
        if self._code is None:
            self._code = fork_server().wait()
        return self._code

    def _read(self) -> str:
        try:
            return os.read(self._fd, 4096).decode()
        except OSError:  # Linux's end of file of a terminal
            return ""


@contextmanager
def open_terminal(machine: Machine, *words: str) -> Iterator[Terminal]:
    """Run a `manage.py` command in a terminal on the machine."""
    ours, its = pty.openpty()
    terminal = Terminal(ours)
    with tempfile.TemporaryDirectory() as streams:
        for name in ("stdin", "stdout", "stderr"):
            Path(streams, name).symlink_to(os.ttyname(its))
        environment = machine.environment | {"TERM": "dumb"}
        fork_server().start(words, machine.folder, environment, Path(streams))
        until(lambda: os.tcgetpgrp(ours))  # it has opened the terminal
        os.close(its)
        try:
            yield terminal
        finally:
            os.close(ours)  # which hangs up
            terminal.wait()
