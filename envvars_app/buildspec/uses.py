"""The variables that the commands of a build specification use, and those that they set.

A command uses a variable if no command before it sets it. Which file a command sources only shows
in the build: what commands after it use is optional.
"""

import re
from collections.abc import Iterator, Sequence

from console.lib.scanning.uses import VARIABLE, FileUses, Use
from envvars_app.buildspec.checking import LIMIT, MAX_COMMANDS
from envvars_app.buildspec.contradictions import own_variables
from envvars_app.buildspec.reading import InvalidYaml, parse
from envvars_app.buildspec.shell.commands import Command, Word
from envvars_app.buildspec.shell.steps import Script, applications, steps
from envvars_app.buildspec.shell.walking import walk

TOO_LONG = f"This is longer than {LIMIT:,} characters, or repeats too many commands."
_PAIR = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)\+?=")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_ENVIRONMENT_NAME = re.compile(r"\^?([A-Z][A-Z0-9_]+)(?:=.*)?\$?")
_DECLARING = {"export", "declare", "typeset", "local", "readonly"}
_READING = {"read", "mapfile", "readarray", "getopts"}
_LOOPS = {"for", "select"}
_TESTS = {"[", "[[", "test"}
_SOURCING = {"source", ".", "eval"}
_FILTERS = {"grep", "egrep", "fgrep"}


def uses_in_build(text: str) -> FileUses:
    """Return what the commands use and set. A text that isn't YAML has a problem instead."""
    found = FileUses()
    if len(text) > LIMIT:
        found.problem = (1, TOO_LONG)
        return found
    try:
        root = parse(text)
    except InvalidYaml as error:
        found.problem = (error.line, str(error))
        return found
    known: dict[int, Script] = {}
    budget = MAX_COMMANDS
    for application in applications(root):
        reader = _Reader({*own_variables(root), *own_variables(application)})
        for step in steps(text, application, known):
            budget -= len(step.script.commands)
            if budget < 0:
                found.problem = (step.script.line, TOO_LONG)
                return found
            reader.read(step.script)
        found.uses += [use for use in reader.uses if use not in found.uses]
        found.sets |= reader.sets
        found.prefixes |= reader.prefixes
    return found


class _Reader:
    """Reads commands in the order in which the build runs them."""

    def __init__(self, sets: set[str]) -> None:
        self.sets = sets
        self.uses: dict[Use, None] = {}
        self.prefixes: set[str] = set()
        self.has_sourced = False

    def read(self, script: Script) -> None:
        for outer in script.parsed:
            line = script.line_of(outer.at)
            for command in walk([outer]):
                self._use(command, line)
                self.sets |= set(_set_names(command))
                self.has_sourced |= command.name in _SOURCING

    def _use(self, command: Command, line: int) -> None:
        is_test = command.name in _TESTS or self.has_sourced
        for word in command.all_words():
            for name in word.variables:
                if name not in self.sets:
                    is_optional = is_test or _has_default(word, name)
                    self.uses[Use(VARIABLE, name, line, is_optional)] = None
        for text in _filtered(command):
            if not (match := _ENVIRONMENT_NAME.fullmatch(text)):
                continue
            if match[1].endswith("_"):
                self.prefixes.add(match[1])
            elif match[1] not in self.sets:
                self.uses[Use(VARIABLE, match[1], line, is_optional=True)] = None


def _has_default(word: Word, name: str) -> bool:
    """Return True for ${NAME:-default}, and for what only asks whether it is set."""
    return re.search(rf"\$\{{{name}:?[-=+]", word.text) is not None


def _filtered(command: Command) -> Sequence[str]:
    """Return the words that choose variables, as in `env | grep -e NAME >> .env.production`."""
    after = command.pipe_to
    if command.name == "env" and after and after.name in _FILTERS:
        return after.arguments
    return command.arguments if command.name == "printenv" else ()


def _set_names(command: Command) -> Iterator[str]:
    """Yield the names that a command sets for those after it."""
    if not command.words:
        yield from command.assignments
    elif command.name in _DECLARING:
        for text in command.arguments:
            if pair := _PAIR.match(text):
                yield pair[1]
    elif command.name in _READING:
        yield from (text for text in command.arguments if _NAME.fullmatch(text))
    elif command.name in _LOOPS:
        yield from command.arguments[:1]
