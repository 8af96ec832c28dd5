"""A folder with a project's files."""

from collections.abc import Mapping
from pathlib import Path

from console.lib.scanning.files import Folder
from console.lib.scanning.project import scan
from console.lib.scanning.results import Project
from envvars_app.buildspec.uses import uses_in_build


def scanned(folder: Path, files: Mapping[str, str | bytes]) -> Project:
    """Write the files into the folder, and scan it."""
    write_files(folder, files)
    return scan(Folder(folder), uses_in_build)


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files, and the folders that they are in."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def needed(project: Project, noun: str) -> dict[str, str]:
    """Return the keys of a noun with the place of their first use, and "?" if it is optional."""
    return {
        key: f"{uses[0].place.path}:{uses[0].place.line}{'?' if uses[0].is_optional else ''}"
        for (kind, key), uses in project.uses.items()
        if kind == noun
    }
