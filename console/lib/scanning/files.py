"""Which files of a project are read, and how, without following symbolic links."""

import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from console.lib.scanning.code import CODE

MAX_BYTES = 500_000  # of a file: what is larger is a bundle, or data
MAX_FILES = 20_000  # that are read
MAX_ENTRIES = 500_000  # of folders that are looked at
DOTENV = {".env", ".env.production"}  # what frameworks read in a build
MAX_DEPTH = 40  # of folders
# Packages and build output. Hidden folders are left out too.
SKIPPED_FOLDERS = {
    *("node_modules", "bower_components", "vendor", "public", "dist", "build", "out"),
    *("coverage", "cdk.out", "test", "tests", "__tests__", "__mocks__", "e2e", "cypress"),
}
_TEST = re.compile(
    r"\.(?:test|spec|stories|cy|e2e|min)\.[a-z]+$|^(?:jest|vitest|playwright|cypress)\."
)


class Tree(Protocol):
    """The files of a project, whose paths are relative to its folder."""

    def code_files(self) -> Iterator[str]:
        """Yield the paths of the files with code, in order. Raises TooMany.

        Tests and descriptions of types (`.d.ts`) don't run in a deployment.
        """
        ...

    def holds(self, path: str) -> bool:
        """Return True if there is something at this path."""
        ...

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or a little more than MAX_BYTES of it. None if it can't be read.

        Symbolic links are not followed.
        """
        ...


class Folder:
    """The files of a folder on this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def code_files(self) -> Iterator[str]:
        """Yield the paths of the files with code."""
        waiting, entries, files = [""], 0, 0
        while waiting:
            folder = waiting.pop()
            found = _entries(self.root / folder)
            entries += len(found)
            if entries > MAX_ENTRIES:
                raise TooMany
            folders = []
            for entry in found:
                path = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    if is_read_folder(entry.name) and folder.count("/") < MAX_DEPTH:
                        folders.append(f"{path}/")
                elif entry.is_file(follow_symlinks=False) and is_read(entry.name):
                    files += 1
                    if files > MAX_FILES:
                        raise TooMany
                    yield path
            waiting += reversed(folders)

    def holds(self, path: str) -> bool:
        """Return True if there is a file, a folder or a link at this path."""
        return os.path.lexists(self.root / path)

    def read(self, path: str) -> bytes | None:
        """Return a file's content. Devices and pipes are not opened for long."""
        try:
            flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
            opened = os.open(self.root / path, flags)
            with os.fdopen(opened, "rb") as file:
                is_regular = stat.S_ISREG(os.fstat(opened).st_mode)
                return file.read(MAX_BYTES + 1) if is_regular else None
        except OSError:
            return None


class TooMany(Exception):
    """Raised for a folder with more files than are read."""


def is_read_folder(name: str) -> bool:
    """Return True if a folder of this name can hold code of the project."""
    return not name.startswith(".") and name not in SKIPPED_FOLDERS


def is_code(name: str) -> bool:
    """Return True if a file of this name holds code that a deployment runs."""
    is_types = name.endswith((".d.ts", ".d.mts", ".d.cts"))
    return name.endswith(CODE) and not is_types and not _TEST.search(name)


def is_read(name: str) -> bool:
    """Return True if a file of this name is read: code, or variables for a build."""
    return name in DOTENV or is_code(name)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError:  # it can't be read, or is gone by now
        return []
