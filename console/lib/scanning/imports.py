"""The files of a project as others import them: paths, and what each exports."""

import posixpath
import re
from collections.abc import Callable, Collection, Iterator
from functools import lru_cache
from typing import NamedTuple

from console.lib.scanning.syntax import Module

ENDINGS = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
MAX_CACHED = 32  # modules with their trees
MAX_PATHS = 100_000  # imports whose paths are remembered
MAX_EDGES = 2_000  # `export * from` that are followed for one name
_JS = re.compile(r"\.[cm]?js\Z")


class Outline(NamedTuple):
    """What a file exports by name, and the modules of which it exports everything."""

    names: frozenset[str]
    all_of: tuple[str, ...]


class Imports:
    """Finds the files that imports name. `load` reads one of them."""

    def __init__(self, paths: Collection[str], load: Callable[[str], Module | None]) -> None:
        self._paths = paths
        self._load = load
        self._outlines: dict[str, Outline] = {}
        self.module = lru_cache(MAX_CACHED)(self._module)
        self.path_of = lru_cache(MAX_PATHS)(self._path_of)
        # What exports stand for, by path and name
        self.known: dict[tuple[str, str], object] = {}

    def _path_of(self, path: str, module: str) -> str | None:
        """Return the path of the file that a relative import names, or None."""
        base = posixpath.normpath(posixpath.join(posixpath.dirname(path), module))
        stem = _JS.sub("", base)
        names = [base, *(stem + end for end in ENDINGS), *(f"{base}/index{it}" for it in ENDINGS)]
        return next((name for name in names if name in self._paths), None)

    def _module(self, path: str) -> Module | None:
        module = self._load(path)
        if module:
            self.add(path, module)
        return module

    def add(self, path: str, module: Module) -> None:
        """Remember what a file exports, so that it isn't read again to look that up."""
        self._outlines[path] = Outline(frozenset(module.exports), tuple(module.all_of))

    def exporters(self, path: str, name: str) -> Iterator[tuple[str, str]]:
        """Yield (path, "") of the files that may export a name as this file.

        Yields ("", module) for a package of which everything is exported.
        """
        waiting, seen, edges = [path], {path}, 0
        while waiting:
            current = waiting.pop(0)
            if current not in self._outlines and self.module(current) is None:
                continue
            outline = self._outlines[current]
            if name in outline.names:
                yield current, ""
            for module in outline.all_of if name != "default" else ():
                edges += 1
                if edges > MAX_EDGES:
                    return
                if not module.startswith("."):
                    yield "", module
                elif (found := self.path_of(current, module)) and found not in seen:
                    seen.add(found)
                    waiting.append(found)
