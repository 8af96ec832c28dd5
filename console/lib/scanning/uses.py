"""What a file of a project uses, sets and leaves open. Never a value."""

from dataclasses import dataclass, field
from typing import NamedTuple

SECRET, VARIABLE = "secret", "variable"  # the nouns of environment sources


class Use(NamedTuple):
    """A key that a file uses. `line` counts from 1.

    An optional use works without a value: it has a default, or only tests whether there is one.
    """

    noun: str
    key: str
    line: int
    is_optional: bool = False


class Unclear(NamedTuple):
    """A use of a key that is known only when the code runs."""

    noun: str
    line: int


@dataclass
class FileUses:
    """What one file uses. It also uses all variables that begin with one of `prefixes`.

    `sets` are the variables that the file itself sets for all that runs after it, and
    `function_sets` those that it gives to a function. `runs_in_build` is False for code that may
    run in a function. `problem` is (line, message) if the file can't be read to its end.
    """

    uses: list[Use] = field(default_factory=list)
    unclear: list[Unclear] = field(default_factory=list)
    sets: set[str] = field(default_factory=set)
    function_sets: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    runs_in_build: bool = True
    problem: tuple[int, str] | None = None
