"""The result of a scan. Knowing it needs no parser."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from console.lib.scanning.manifest import Declared


class Place(NamedTuple):
    """A line of a file, whose path is relative to the project."""

    path: str
    line: int


class PlacedUse(NamedTuple):
    """A use of a key."""

    place: Place
    is_optional: bool


class Problem(NamedTuple):
    """Why something was not read. An error makes the result wrong, rather than incomplete."""

    place: Place
    message: str
    is_error: bool = False


@dataclass
class Project:
    """What a project uses, by noun and key, in the order of its files.

    `sets` are variables that it sets itself. It uses all variables that begin with one of
    `prefixes`. `unclear` are uses of keys that only show when the
    code runs. `manifest` is the name of the file that declares keys, or "".
    """

    uses: defaultdict[tuple[str, str], list[PlacedUse]] = field(
        default_factory=lambda: defaultdict(list)
    )
    unclear: list[tuple[str, Place]] = field(default_factory=list)
    sets: set[str] = field(default_factory=set)
    prefixes: set[str] = field(default_factory=set)
    manifest: str = ""
    declared: list[Declared] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: int = 0
