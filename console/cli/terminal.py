"""Read values and answers, and print tables, with or without a terminal.

Values come from a hidden prompt or standard input, never from arguments, which every user of the
machine can see.
"""

import getpass
import sys
import warnings
from collections.abc import Sequence
from enum import IntEnum

from django.core.management.base import CommandError

from console.lib.text.unprintable import escape_unprintable

INPUT_LIMIT = 1_000_000  # bytes of standard input, far more than a value may have
# A terminal passes on this much of a line and silently drops the rest (termios, canonical mode).
LINE_LIMIT = 4095 if sys.platform == "linux" else 1023


class Exit(IntEnum):
    """How a command ends. `run` ends as its command does."""

    DONE = 0
    REFUSED = 1
    USAGE = 2
    CONFLICT = 3
    DENIED = 4  # or not found: outsiders aren't told which
    STORE = 5  # the store or the database is unavailable, or the outcome is unknown
    INTERRUPTED = 130


def read_value(prompt: str) -> str:
    """Return a value from a hidden prompt, or all of standard input if that is no terminal.

    Every byte counts: the line break that `echo` adds is part of the value. Raises CommandError.
    """
    try:
        return _prompted(prompt) if sys.stdin.isatty() else _piped()
    except UnicodeError:  # its message would quote the value
        raise _refused("The value is not valid UTF-8 text. Check where it comes from.") from None


def _prompted(prompt: str) -> str:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", getpass.GetPassWarning)
            value = getpass.getpass(prompt)
    except getpass.GetPassWarning:
        raise _refused(
            "This terminal can't hide what you type. Send the value on standard input."
        ) from None
    except EOFError:
        raise _refused("No value was entered.") from None
    if len(value.encode()) >= LINE_LIMIT:
        raise _refused(
            f"Terminals pass at most {LINE_LIMIT:,} bytes per line, so this value may have been "
            "cut off. Send it on standard input."
        )
    return value


def _piped() -> str:
    data = sys.stdin.buffer.read(INPUT_LIMIT + 1)
    if len(data) > INPUT_LIMIT:
        raise _refused(
            f"Standard input is longer than {INPUT_LIMIT:,} bytes, which is too long for a value."
        )
    return data.decode()


def _refused(sentence: str) -> CommandError:
    return CommandError(sentence, returncode=Exit.REFUSED)


def confirm(question: str, *, yes: bool) -> None:
    """Ask before something is lost, unless `yes` is set. Raises CommandError unless confirmed."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise CommandError(
            "Can't ask for confirmation without a terminal. Add --yes.", returncode=Exit.USAGE
        )
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise _refused("Nothing was changed.")


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows as text in columns, with line breaks and control characters escaped."""
    lines = [[*head], *([escape_unprintable(str(cell), keep="") for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )
