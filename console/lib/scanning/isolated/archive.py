"""The files of a project in a zip, which is never unpacked to a disk.

Only the project's files are read. The size that an entry states is a limit: zipfile reads no more.
"""

import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from console.lib.scanning import files
from console.lib.scanning.isolated.answers import NO_FOLDER

MAX_ENTRIES = 20_000
MAX_UNPACKED = 50_000_000  # bytes, of all files that are read
METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # other ones need more memory
ENCRYPTED = 0x1 | 0x40 | 0x2000  # flags of an entry
# Folders inside a project: if a zip holds only one of these, it is not the project's folder
_PROJECT_FOLDERS = {"amplify", "src", "app", "apps", "packages"}
_MACOS = "__MACOSX"
_DRIVE = re.compile("[A-Za-z]:")
_ERRORS = (zipfile.BadZipFile, zlib.error, struct.error, OSError, EOFError, ValueError)

NOT_A_ZIP = "This file is not a zip, or it is damaged. Make the zip again."
ENTRIES = f"The zip has more than {MAX_ENTRIES:,} files. Leave out packages and build output."
UNPACKED = f"The code in the zip has more than {MAX_UNPACKED:,} bytes. Name the folder of one app."
PASSWORD = "The zip is encrypted. Make one without a password."  # noqa: S105 - a message
METHOD = "The zip is compressed in a way that can't be read. Make it with the method “deflate”."
OUTSIDE = "The zip has a file whose path leads out of its folder. Make the zip again."
NO_CODE = "The zip has no code that is read. Make a zip of the project's folder."


class Refused(Exception):
    """Raised for a zip that is not read. Its text says what to do."""


class Archive:
    """The files in a zip. If all are in one folder, that is the project's.

    `folder` names a folder in it. Raises Refused.
    """

    def __init__(self, file: IO[bytes], folder: str = "") -> None:
        try:
            self._zip = zipfile.ZipFile(file)
        except (*_ERRORS, NotImplementedError):
            raise Refused(NOT_A_ZIP) from None
        entries = self._zip.infolist()
        if len(entries) > MAX_ENTRIES:
            raise Refused(ENTRIES)
        if any(entry.flag_bits & ENCRYPTED for entry in entries):
            raise Refused(PASSWORD)
        found = {path: entry for entry in entries if (path := _path_of(entry))}
        self._files = _inside(_project(found), folder)

    def code_files(self) -> Iterator[str]:
        """Yield the paths of the files with code. Raises Refused if they are too large."""
        code = [path for path, entry in self._files.items() if _is_file(entry) and _is_read(path)]
        if len(code) > files.MAX_FILES:
            raise files.TooMany
        if sum(min(self._files[path].file_size, files.MAX_BYTES) for path in code) > MAX_UNPACKED:
            raise Refused(UNPACKED)
        yield from sorted(code, key=_order)

    def holds(self, path: str) -> bool:
        """Return True if there is a file or a link at this path."""
        return path in self._files

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or a little more than MAX_BYTES of it."""
        entry = self._files.get(path)
        if entry is None or not _is_file(entry):
            return None
        if entry.compress_type not in METHODS:
            raise Refused(METHOD)
        try:
            with self._zip.open(entry) as file:
                return file.read(files.MAX_BYTES + 1)
        except (*_ERRORS, RuntimeError):  # also NotImplementedError
            return None


def _path_of(entry: zipfile.ZipInfo) -> str:
    """Return an entry's path, "" for a folder. Raises Refused for one outside of the zip."""
    name = entry.filename.replace("\\", "/")
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or _DRIVE.match(name):
        raise Refused(OUTSIDE)
    return "/".join(part for part in parts if part not in {"", "."}) if parts[-1] else ""


def _project(found: dict[str, zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Return the files by their path in the project, as GitHub's zips have a folder around it."""
    kept = {path: it for path, it in found.items() if not path.startswith(f"{_MACOS}/")}
    tops = {path.partition("/")[0] for path in kept if "/" in path}
    is_wrapped = (
        len(tops) == 1 and not tops & _PROJECT_FOLDERS and all("/" in path for path in kept)
    )
    return _inside(kept, tops.pop()) if is_wrapped else kept


def _inside(found: dict[str, zipfile.ZipInfo], folder: str) -> dict[str, zipfile.ZipInfo]:
    parts = [part for part in folder.replace("\\", "/").split("/") if part not in {"", "."}]
    if not parts:
        return found
    start = "/".join(parts) + "/"
    inside = {path.removeprefix(start): it for path, it in found.items() if path.startswith(start)}
    if not inside:
        raise Refused(NO_FOLDER)
    return inside


def _is_file(entry: zipfile.ZipInfo) -> bool:
    """Return True unless the entry is a link or a device."""
    kind = stat.S_IFMT(entry.external_attr >> 16)
    return kind in {0, stat.S_IFREG}


def _is_read(path: str) -> bool:
    *folders, name = path.split("/")
    is_inside = len(folders) <= files.MAX_DEPTH and all(map(files.is_read_folder, folders))
    return is_inside and files.is_read(name)


def _order(path: str) -> list[tuple[bool, str]]:
    """Return what sorts paths as in a folder: its files, then those in its folders."""
    *folders, name = path.split("/")
    return [*((True, folder) for folder in folders), (False, name)]
