"""A parameter store that keeps its own account: every write and removal, in order.

moto's history of a parameter ends when the parameter is removed, as SSM's does. So the moto server
notes here what it did, before it answers, one request at a time. It knows nothing of the console.
"""

import json
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

PROGRAM = f"from tests.soak.replicas import journal\njournal.keep()\n{moto.PROGRAM}"


@dataclass(frozen=True)
class Act:
    """What the store did: "put", "delete" of what was there, or "list"."""

    at: float
    act: str
    path: str = ""
    version: int = 0
    value: str = ""


@contextmanager
def running(file: Path) -> Iterator[moto.Moto]:
    """Run a moto server whose journal is `file`."""
    with moto.running(PROGRAM, str(file)) as server:
        yield server


def read(file: Path) -> list[Act]:
    """Return what the journal holds; a line that is being written is not there yet."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    return [Act(**json.loads(line)) for line in lines if line.endswith("\n")]


def keep() -> None:
    """Let the moto server in this process keep its journal, in the file that it is told of."""
    from moto.ssm.models import SimpleSystemManagerBackend as Backend

    journal = Path(sys.argv[2]).open("a", buffering=1)  # noqa: SIM115 - it is open until the end
    turn = threading.RLock()

    def note(act: str, **details: Any) -> None:
        journal.write(json.dumps(asdict(Act(time.time(), act, **details))) + "\n")

    def noted(act: Callable[..., Any], tell: Callable[..., None]) -> Callable[..., Any]:
        @wraps(act)
        def one_at_a_time(self: Any, *arguments: Any, **named: Any) -> Any:
            with turn:
                answer = act(self, *arguments, **named)
                tell(answer, *arguments)
            return answer

        return one_at_a_time

    def put(answer: Any, path: str, _description: str, value: str, *_: Any) -> None:
        note("put", path=path, version=answer.version, value=value)

    def delete(removed: list[str], *_: Any) -> None:
        for path in removed:
            note("delete", path=path)

    def listed(*_: Any) -> None:
        note("list")

    def nothing(*_: Any) -> None:
        """Reads are not noted; they only wait for their turn."""

    for name, tell in {
        "put_parameter": put,
        "delete_parameters": delete,
        "describe_parameters": listed,
        "get_parameters": nothing,
    }.items():
        setattr(Backend, name, noted(getattr(Backend, name), tell))
