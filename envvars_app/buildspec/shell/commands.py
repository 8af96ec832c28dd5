"""A shell command as it was written: its words, redirections and the shell that runs it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_RUNNERS = {"sudo", "command", "exec", "builtin", "nohup"}  # of the program after them
_SYSTEM_FOLDER = re.compile(r"^/(?:usr/)?s?bin/")


@dataclass
class Word:
    """A word. `text` has no quotes; what the shell replaces is as it was written.

    `variables` are the expansions in it, such as NAME of $NAME, and `scripts` the commands of its
    substitutions. A word without either is literal.
    """

    text: str = ""
    variables: list[str] = field(default_factory=list)
    scripts: list["Command"] = field(default_factory=list)
    start: int = 0

    @property
    def is_literal(self) -> bool:
        """Return True if the shell replaces nothing in it."""
        return not (self.variables or self.scripts or "$" in self.text)


@dataclass
class Command:
    """A simple command. `at` is its position in the text.

    `shell` identifies the shell that runs it: () is the build's own, and any other one is a
    subshell, whose changes are lost. `pipe_to` is the command that reads its output. `nesting`
    counts the texts (`bash -c TEXT`) that it is in.
    """

    shell: tuple[int, ...]
    at: int
    assignments: dict[str, Word] = field(default_factory=dict)
    words: list[Word] = field(default_factory=list)
    redirections: list[tuple[str, Word]] = field(default_factory=list)
    documents: list[Word] = field(default_factory=list)
    pipe_to: "Command | None" = None
    nesting: int = 0

    @property
    def name(self) -> str:
        """Return the program's or builtin's name, or "" for assignments alone."""
        return _SYSTEM_FOLDER.sub("", self._program[0].text) if self.words else ""

    @property
    def arguments(self) -> list[str]:
        """Return the texts of the words after the name."""
        return [word.text for word in self._program[1:]]

    @property
    def _program(self) -> list[Word]:
        is_run_by_other = len(self.words) > 1 and self.words[0].text in _RUNNERS
        return self.words[1:] if is_run_by_other else self.words

    def all_words(self) -> Iterator[Word]:
        """Yield every word, also of assignments, redirections and here-documents."""
        yield from self.assignments.values()
        yield from self.words
        yield from (target for _, target in self.redirections)
        yield from self.documents


def send_output(inner: list[Command], outer: Command) -> None:
    """Send the output of commands to where that of the group, or the command, around them goes."""
    for command in inner:
        command.pipe_to = command.pipe_to or outer.pipe_to
        command.redirections += outer.redirections
