"""All commands that a text runs: also those in substitutions and in `bash -c TEXT`."""

import re
from collections.abc import Iterator

from envvars_app.buildspec.shell.commands import Command, send_output
from envvars_app.buildspec.shell.parsing import parse

_SHELLS = {"bash", "sh", "dash", "zsh"}
MAX_NESTING = 3  # of texts that commands run, such as bash -c TEXT


def walk(commands: list[Command]) -> Iterator[Command]:
    """Yield the commands, each after those in its substitutions and before those of its -c text."""
    for command in commands:
        for word in command.all_words():
            yield from walk(word.scripts)
        yield command
        yield from walk(run_by(command))


def run_by(command: Command) -> list[Command]:
    """Return the commands that `bash -c TEXT` or `eval TEXT` runs."""
    arguments = command.arguments
    if command.nesting == MAX_NESTING:
        return []
    if command.name == "eval":
        return _placed(parse(" ".join(arguments), 1, command.shell), command)
    options = [n for n, text in enumerate(arguments[:-1]) if re.fullmatch(r"-[a-z]*c", text)]
    if command.name.rpartition("/")[2] not in _SHELLS or not options:
        return []
    return _placed(parse(arguments[options[0] + 1], 1, (*command.shell, command.at)), command)


def _placed(inner: list[Command], outer: Command) -> list[Command]:
    """Give commands the position of the one that runs them, and the place its output goes to."""
    for command in inner:
        command.at, command.nesting = outer.at, outer.nesting + 1
    send_output(inner, outer)
    return inner
