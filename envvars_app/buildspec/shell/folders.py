"""The folders in which a build's commands run, as far as the text of the commands tells.

One shell runs all phases, so a `cd` also applies to the commands after it (issues 546 and 2485 of
aws-amplify/amplify-hosting).
"""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from envvars_app.buildspec.shell.commands import Command, Word
from envvars_app.buildspec.shell.parsing import parse
from envvars_app.buildspec.shell.walking import walk

BUILDS = re.compile(
    r"\b(build|xcodebuild|hugo|jekyll|vite|webpack|eleventy)\b|(?<![.\w])gradlew?\b(?!\.)"
)
_NO_BUILD = {"cd", "pushd", "mkdir", "rm", "ls", "echo", "cp", "mv", "cat", "export", "test", "["}
_ROOT = re.compile(
    r"\$\{?CODEBUILD_SRC_DIR\}?|\$\(git rev-parse --show-toplevel\)|`git rev-parse --show-toplevel`"
)
_HERE = re.compile(r"\$\{?PWD\}?|\$\(pwd\)|`pwd`")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)\}?")
_FOLDER_OPTION = re.compile(r"(?:--prefix|--cwd|--dir|--directory|-C)(?:=(.+))?")
MAX_COMMANDS = 20_000  # that are followed
# Names of the folders into which frameworks build
_OUTPUTS = {"build", "dist", "out", "output", "public", "www", "_site"}
# What can be written into a command without quotes
_NAME = r"[A-Za-z0-9_@+][A-Za-z0-9_.@+-]*"
_SAFE = re.compile(rf"(?:\.\./)*(?:\.\.|{_NAME}(?:/{_NAME})*)\Z")


@dataclass
class Walker:
    """Follows the commands through the folders. `folder` is None where the text doesn't tell it.

    Folders are relative to the repository's root, "" being that. `moves` are the commands that
    changed it.
    """

    folder: str | None = ""
    moves: list[str] = field(default_factory=list)
    before: str | None = ""
    variables: dict[str, str | None] = field(default_factory=dict)
    parsed: dict[str, list[Command]] = field(default_factory=dict, repr=False)
    budget: int = MAX_COMMANDS

    def run(self, text: str) -> Iterator[tuple[Command, str | None]]:
        """Follow a text's commands. Yield each one with the folder in which it runs."""
        if text not in self.parsed:  # aliases can repeat a text very often
            self.parsed[text] = list(walk(parse(text)))
        self.budget -= len(self.parsed[text])
        if self.budget < 0:
            self.folder = None
            return
        subshells: dict[tuple[int, ...], Walker] = {}
        for command in self.parsed[text]:
            walker = self
            for depth in range(1, len(command.shell) + 1):
                inherited = replace(walker, variables={**walker.variables})
                walker = subshells.setdefault(command.shell[:depth], inherited)
            yield command, walker.folder
            walker._follow(command)

    def _follow(self, command: Command) -> None:
        if not command.words:
            for name, word in command.assignments.items():
                self.variables[name] = self._resolve(word)
        elif command.name in {"cd", "pushd", "popd"}:
            self.moves.append(" ".join([command.name, *command.arguments]))
            target = self._target(command)
            self.before, self.folder = self.folder, target

    def _target(self, command: Command) -> str | None:
        words = [word for word in command.words[1:] if not re.fullmatch(r"-[-LPe]+", word.text)]
        if command.name == "popd" or (words and words[0].text == "-"):
            return self.before
        return self._resolve(words[0]) if words else None

    def _resolve(self, word: Word) -> str | None:
        """Return the folder that a word stands for, or None."""
        text = word.text
        if root := _ROOT.match(text):
            return _joined("", text[root.end() :].lstrip("/"))
        if here := _HERE.match(text):
            return _joined(self.folder, text[here.end() :].lstrip("/"))
        if variable := _VARIABLE.match(text):
            return _joined(self.variables.get(variable[1]), text[variable.end() :].lstrip("/"))
        if not text or text[0] in "/~$`" or not word.is_literal:
            return None
        return _joined(self.folder, text)


@dataclass(frozen=True)
class Target:
    """Where a file for the application belongs, seen from the folder where a line runs.

    `folder` is None if the commands don't tell. `moves` are the commands that change the folder.
    """

    folder: str | None
    moves: tuple[str, ...]


def target_folder(
    before: Sequence[str], following: Sequence[str], start: str, app_root: str, output: str
) -> Target:
    """Return where the application is, seen from between two lists of commands.

    `start` is the folder where the build begins and `output` the folder of its artifacts. An
    application of a monorepo is in its `app_root`; any other one is where it is built.
    """
    walker = Walker(start)
    for text in before:
        for _ in walker.run(text):
            pass
    here, moves = walker.folder, [*walker.moves]
    place = app_root or _build_folder(following, walker, start, output)
    moves += [move for move in walker.moves if move not in moves]
    if here is None or place is None:
        return Target(None, tuple(moves))
    folder = posixpath.relpath(place or ".", here or ".")
    folder = "" if folder == "." else folder
    return Target(folder if not folder or _SAFE.match(folder) else None, tuple(moves))


def _build_folder(texts: Sequence[str], walker: Walker, start: str, output: str) -> str | None:
    here = walker.folder
    for text in texts:
        for command, folder in walker.run(text):
            line = " ".join([command.name, *command.arguments])
            if command.name not in _NO_BUILD and BUILDS.search(line):
                found = _joined(folder, _folder_option(command)) if folder is not None else None
                return found if found != start else _parent_of(output, start)
    return here


def _folder_option(command: Command) -> str:
    """Return the folder of an option such as --prefix frontend, or ""."""
    arguments = command.arguments
    for number, text in enumerate(arguments):
        if option := _FOLDER_OPTION.fullmatch(text):
            return option[1] or "".join(arguments[number + 1 : number + 2])
    return ""


def _parent_of(output: str, start: str) -> str:
    """Return the application's folder if its output's path shows it, such as apps/web/dist."""
    parts = posixpath.normpath(output).strip("/").split("/")
    stops = (n for n, part in enumerate(parts) if part in _OUTPUTS or part.startswith("."))
    parent = "/".join(parts[: next(stops, 0)])
    return _joined(start, parent) or ""


def _joined(folder: str | None, path: str) -> str | None:
    """Return a path in a folder, or None if the folder is unknown or it leaves the repository."""
    if folder is None or "$" in path or "`" in path:
        return None
    joined = posixpath.normpath(posixpath.join(folder, path)).strip("/")
    return (
        None if joined.startswith("..") else joined.removeprefix(".") if joined == "." else joined
    )
