"""What a check of the doctor finds: a name, a state in words, what was seen, what to do."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How something stands, as people read it."""

    FINE = "ok"
    LOOK = "warning"
    BROKEN = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's. `todo` is "" where there is nothing to do. No value, key or ARN is in it."""

    name: str
    state: State
    seen: str
    todo: str = ""


def fine(name: str, seen: str) -> Finding:
    """Return that all is well."""
    return Finding(name, State.FINE, seen)


def look(name: str, seen: str, todo: str) -> Finding:
    """Return what works, and yet asks for somebody's eye."""
    return Finding(name, State.LOOK, seen, todo)


def broken(name: str, seen: str, todo: str) -> Finding:
    """Return what does not work, or is not safe."""
    return Finding(name, State.BROKEN, seen, todo)


def skipped(name: str, seen: str, todo: str = "") -> Finding:
    """Return what was not looked at, and why."""
    return Finding(name, State.SKIPPED, seen, todo)
