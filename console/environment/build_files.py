"""What reads a build specification. The feature app that knows its format registers it."""

from collections.abc import Callable

from console.lib.scanning.uses import FileUses

Reader = Callable[[str], FileUses]
_readers: list[Reader] = []


def register(reader: Reader) -> None:
    """Set what reads build specifications."""
    _readers[:] = [reader]


def read(text: str) -> FileUses:
    """Return what the commands of a build specification use and set."""
    return _readers[0](text)
