"""A parameter store that journals every write, removal and listing, in order.

moto forgets a parameter's history when the parameter is removed, as SSM does. So this moto server
writes a line before each response and handles one request at a time. It knows nothing of the
console.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import wraps
from pathlib import Path
from typing import Any

from tests.fixtures import moto

PROGRAM = f"from tests.soak.replicas import journal\njournal.install()\n{moto.PROGRAM}"


@dataclass(frozen=True)
class StoreCall:
    """What the store did: "put", "delete" of an existing parameter, or "list"."""

    at: float
    kind: str
    path: str = ""
    version: int = 0
    value: str = ""


@contextmanager
def running(file: Path, slowest_read: float = 0.0) -> Iterator[moto.Moto]:
    """Run a moto server whose journal is `file`. Each read takes up to `slowest_read` seconds."""
    with moto.running(PROGRAM, str(file), str(slowest_read)) as server:
        yield server


def read(file: Path) -> list[StoreCall]:
    """Return the calls in the journal, without a line that is still being written."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [StoreCall(**json.loads(line)) for line in lines if line.endswith("\n")]


def install() -> None:
    """Make the moto server of this process write a journal to the file in its second argument.

    The third argument is how many seconds a read takes at most.
    """
    from moto.ssm.models import SimpleSystemManagerBackend as Backend

    journal = Path(sys.argv[2]).open("a", buffering=1)  # noqa: SIM115 - open until the process ends
    slowest_read = float(sys.argv[3])
    lock = threading.RLock()

    def note(kind: str, **details: Any) -> None:
        journal.write(json.dumps(asdict(StoreCall(time.time(), kind, **details))) + "\n")

    def journaled(method: Callable[..., Any], record: Callable[..., None]) -> Callable[..., Any]:
        @wraps(method)
        def one_at_a_time(self: Any, *arguments: Any, **named: Any) -> Any:
            with lock:
                result = method(self, *arguments, **named)
                record(result, *arguments)
            return result

        return one_at_a_time

    def put(result: Any, path: str, _description: str, value: str, *_: Any) -> None:
        note("put", path=path, version=result.version, value=value)

    def delete(removed: list[str], *_: Any) -> None:
        for path in removed:
            note("delete", path=path)

    def listed(*_: Any) -> None:
        note("list")

    for name, record in {
        "put_parameter": put,
        "delete_parameters": delete,
        "describe_parameters": listed,
    }.items():
        setattr(Backend, name, journaled(getattr(Backend, name), record))
    Backend.get_parameters = _delayed(Backend.get_parameters, lock, slowest_read)


def _delayed(
    method: Callable[..., Any], lock: threading.RLock, seconds: float
) -> Callable[..., Any]:
    rng = random.SystemRandom()

    @wraps(method)
    def late(self: Any, *arguments: Any, **named: Any) -> Any:
        time.sleep(rng.uniform(0, seconds))
        with lock:
            return method(self, *arguments, **named)

    return late
