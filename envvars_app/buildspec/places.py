"""Where a key belongs that stands at the wrong depth of a build specification."""

from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from envvars_app.buildspec import keys
from envvars_app.buildspec.reading import mapping_items

_NUMBERS = {1: "one level", 2: "two levels", 3: "three levels"}


@dataclass(frozen=True)
class Level:
    """A mapping on the way from the document to a key. `name` is what messages call it."""

    name: str
    shape: keys.Keys
    node: yaml.MappingNode

    @property
    def key(self) -> str:
        """Return the key that leads to the mapping."""
        return self.name.strip("“”")

    def lacks(self, key: str) -> bool:
        """Return True if the mapping doesn't have the key."""
        return key not in {name for name, _ in mapping_items(self.node)}


@dataclass(frozen=True)
class Place:
    """Where a key belongs. `level` is that mapping, if it exists."""

    advice: str
    level: Level | None

    def is_missing(self, key: str) -> bool:
        """Return True if the mapping requires the key and doesn't have it."""
        return self.level is not None and key in self.level.shape.required and self.level.lacks(key)


def right_place(key: str, levels: Sequence[Level]) -> Place | None:
    """Return where a key belongs that the last level doesn't know, or None if nowhere near."""
    for up in range(1, len(levels)):
        level = levels[-1 - up]
        if key in level.shape.known:
            consequence = _consequence(key, levels[:-up])
            advice = f"It belongs beside “{levels[-up].key}”, {_count(up)} up{consequence}."
            return Place(advice, level)
    path = _path_down(key, levels[-1].shape, depth=3)
    if not path:
        return None
    names = " > ".join(f"“{name}”" for name in path)
    advice = f"It belongs in {names}, {_count(len(path))} down."
    return Place(advice, _level_at(path, levels[-1]))


def _consequence(key: str, levels: Sequence[Level]) -> str:
    """Return what doesn't exist until the key is moved to the last of these levels."""
    if not levels[-1].lacks(key):
        return ""
    is_phase = levels[-1].key == "phases" and len(levels) > 1
    part, kind = (levels[-2].key, f"{key} phase") if is_phase else (levels[-1].key, key)
    return f"; the {part} has no {kind}"


def _path_down(key: str, shape: keys.Keys, depth: int) -> list[str]:
    below = [(name, child) for name, child in shape.known.items() if isinstance(child, keys.Keys)]
    # A frontend comes first: most texts have one.
    below.sort(key=lambda item: item[0] not in {"frontend", "build"})
    for name, child in below:
        if key in child.known:
            return [name]
    for name, child in below if depth > 1 else []:
        if found := _path_down(key, child, depth - 1):
            return [name, *found]
    return []


def _level_at(path: Sequence[str], level: Level) -> Level | None:
    for name in path:
        shape, node = level.shape.known[name], dict(mapping_items(level.node)).get(name)
        if not (isinstance(shape, keys.Keys) and isinstance(node, yaml.MappingNode)):
            return None
        level = Level(name, shape, node)
    return level


def _count(levels: int) -> str:
    return _NUMBERS.get(levels, f"{levels} levels")
