"""What reads a build specification. The feature app that knows its format registers it."""

from importlib import import_module
from typing import cast

from console.lib.scanning.uses import FileUses

_modules: list[str] = []


def register(module: str) -> None:
    """Set the module whose `uses_in_build` reads build specifications. It imports no Django."""
    _modules[:] = [module]


def module() -> str:
    """Return the registered module, which a process without Django can import, too."""
    return _modules[0]


def read(text: str) -> FileUses:
    """Return what the commands of a build specification use and set."""
    return cast(FileUses, import_module(module()).uses_in_build(text))
