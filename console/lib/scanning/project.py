"""All that the files of a project use, set and declare."""

import fnmatch
import os
import re
from collections.abc import Callable

from console.lib.scanning import files, manifest
from console.lib.scanning.builtin import is_given_to_function
from console.lib.scanning.code import parse, uses_of
from console.lib.scanning.files import Tree
from console.lib.scanning.imports import Imports
from console.lib.scanning.meanings import Meanings, TooComplex
from console.lib.scanning.results import Place, PlacedUse, Problem, Project
from console.lib.scanning.syntax import Module
from console.lib.scanning.uses import VARIABLE, FileUses

BUILD_FILE = "amplify.yml"
TOO_LARGE = f"This file is larger than {files.MAX_BYTES:,} bytes, so it was not read."
NOT_TEXT = "This file is not text, so it was not read."
NOT_READ = "This file can't be read. Check its permissions, or make the zip again."
TOO_MANY = (
    f"The folder has more than {files.MAX_FILES:,} files with code. Name the folder of one app."
)
# A file without these words uses nothing, unless it imports a file that exports one of them
_WORDS = re.compile(rb"\bprocess\b|import\.meta|@aws-amplify/backend|\$env/|\bvite\b")
_ASSIGNED = re.compile(rb"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=", re.MULTILINE)

ReadBuild = Callable[[str], FileUses]


def scan(tree: Tree, read_build: ReadBuild) -> Project:
    """Return what a project uses. `read_build` reads its build specification."""
    return _Scan(tree, read_build).run()


class _Scan:
    """A scan of one project."""

    def __init__(self, tree: Tree, read_build: ReadBuild) -> None:
        self.tree = tree
        self.read_build = read_build
        self.project = Project()
        self.paths: dict[str, None] = {}
        self.function_sets: set[str] = set()
        self.in_functions: list[tuple[str, FileUses]] = []
        self.imports = Imports(self.paths, self._module)

    def run(self) -> Project:
        try:
            for path in self.tree.code_files():
                self.paths[path] = None
        except files.TooMany:
            self._problem("", 1, TOO_MANY, is_error=True)
        self._read_manifest()
        self._read_build_file()
        self._read_code()
        for path, found in self.in_functions:
            # The environment of a function is what its definition gives it
            found.uses = [
                use
                for use in found.uses
                if use.noun != VARIABLE
                or not (use.key in self.function_sets or is_given_to_function(use.key))
            ]
            self._add(path, found)
        self.project.files = len(self.paths)
        self.project.problems.sort()
        return self.project

    def _problem(self, path: str, line: int, message: str, *, is_error: bool = False) -> None:
        self.project.problems.append(Problem(Place(path, line), message, is_error))

    def _source(self, path: str, *, is_error: bool = False) -> bytes | None:
        """Return a file's text, or note why there is none."""
        source = self.tree.read(path)
        if source is None:
            self._problem(path, 1, NOT_READ, is_error=is_error)
        elif len(source) > files.MAX_BYTES:
            self._problem(path, 1, TOO_LARGE, is_error=is_error)
        elif b"\0" in source:
            self._problem(path, 1, NOT_TEXT, is_error=is_error)
        else:
            return source
        return None

    def _module(self, path: str) -> Module | None:
        source = self.tree.read(path)
        if source is None or len(source) > files.MAX_BYTES or b"\0" in source:
            return None
        return parse(path, source)

    def _read_code(self) -> None:
        """Read the files that mention what matters, then those that import such a file."""
        waiting: dict[str, None] = {}
        exporters: set[bytes] = set()
        for path in self.paths:
            if (source := self._source(path)) is None:
                continue
            if path.rpartition("/")[2] in files.DOTENV:
                self._read_dotenv(path, source)
            elif _WORDS.search(source):
                exporters |= self._read_file(path, source)
            else:
                waiting[path] = None
        while exporters:
            pattern = re.compile(b"|".join(re.escape(name) for name in sorted(exporters)))
            exporters = set()
            for path in [*waiting]:
                source = self.tree.read(path) or b""
                if pattern.search(source):
                    del waiting[path]
                    exporters |= self._read_file(path, source)

    def _read_file(self, path: str, source: bytes) -> set[bytes]:
        """Read a file. Return how others may name it, if it exports something that matters."""
        module = parse(path, source)
        self.imports.add(path, module)
        found = uses_of(module, path, self.imports)
        if found.runs_in_build:
            self._add(path, found)
        else:
            self.in_functions.append((path, found))
        self.function_sets |= found.function_sets
        try:
            exports = Meanings(module, path, self.imports).exports_any()
        except TooComplex:
            exports = False
        folder, _, name = path.rpartition("/")
        stem = name.partition(".")[0]
        named = folder.rpartition("/")[2] if stem == "index" else stem
        return {os.fsencode(named) or b"."} if exports else set()

    def _add(self, path: str, found: FileUses) -> None:
        for use in found.uses:
            placed = PlacedUse(Place(path, use.line), use.is_optional)
            self.project.uses[use.noun, use.key].append(placed)
        self.project.unclear += [(it.noun, Place(path, it.line)) for it in found.unclear]
        self.project.sets |= found.sets
        self.project.prefixes |= found.prefixes
        if found.problem:
            self._problem(path, *found.problem, is_error=path == BUILD_FILE)

    def _read_dotenv(self, path: str, source: bytes) -> None:
        """Add the variables that a file in Git sets. One that Git ignores isn't deployed."""
        ignored = self.tree.read(".gitignore") or b""
        if not _is_ignored(path.rpartition("/")[2], ignored.decode(errors="replace")):
            self.project.sets |= {name.decode() for name in _ASSIGNED.findall(source)}

    def _read_manifest(self) -> None:
        for name in (manifest.TOML, manifest.EXAMPLE):
            if not self.tree.holds(name):
                continue
            self.project.manifest = name
            if (source := self._source(name, is_error=True)) is not None:
                try:
                    self.project.declared = manifest.parse(name, source)
                except manifest.InvalidManifest as error:
                    self._problem(name, error.line, str(error), is_error=True)
            return

    def _read_build_file(self) -> None:
        if self.tree.holds(BUILD_FILE):
            source = self._source(BUILD_FILE, is_error=True)
            if source is not None:
                found = self.read_build(source.decode("utf-8-sig", errors="replace"))
                self._add(BUILD_FILE, found)


def _is_ignored(name: str, gitignore: str) -> bool:
    ignored = False
    for line in gitignore.splitlines()[:1_000]:
        pattern = line.strip()
        is_kept = pattern.startswith("!")
        pattern = pattern.removeprefix("!").removeprefix("**/").removeprefix("/")
        if fnmatch.fnmatchcase(name, pattern):
            ignored = not is_kept
    return ignored
