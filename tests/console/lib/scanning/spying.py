"""What a process that reads an upload can do. It sets one variable, whose name tells that."""

import json
import os
import resource
import sys
from tempfile import gettempdir

from console.lib.scanning.isolated.child import ANSWER
from console.lib.scanning.uses import FileUses


def uses_in_build(text: str) -> FileUses:
    """Return a description of this process."""
    found = {
        "environment": sorted(name for name in os.environ if name != "LC_CTYPE"),  # Python's own
        "folder": os.getcwd(),
        "open files": [number for number in range(50) if _is_open(number)],
        "modules of Django": sum(name.partition(".")[0] == "django" for name in sys.modules),
        "large file": _write(),
        "memory": _allocate(),
        "core dumps": resource.getrlimit(resource.RLIMIT_CORE),
        "seconds": resource.getrlimit(resource.RLIMIT_CPU)[0],
        "may fork": resource.getrlimit(resource.RLIMIT_NPROC) != (0, 0),
    }
    return FileUses(sets={json.dumps(found)})


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def _write() -> str:
    handle = os.open(gettempdir(), os.O_TMPFILE | os.O_WRONLY)
    try:
        os.pwrite(handle, b"x", ANSWER)
    except OSError as error:
        return str(error.strerror)
    finally:
        os.close(handle)
    return "written"


def _allocate() -> str:
    try:
        bytearray(1_000_000_000)
    except MemoryError:
        return "MemoryError"
    return "allocated"
