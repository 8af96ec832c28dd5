"""The result of one of the doctor's checks. No Django."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self


class State(StrEnum):
    """The state of what was checked, as shown to people and in JSON."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found. `hint` says what to do. Neither text contains a value, key or ARN."""

    name: str
    state: State
    message: str
    hint: str = ""

    @classmethod
    def ok(cls, name: str, message: str) -> Self:
        return cls(name, State.OK, message)

    @classmethod
    def warning(cls, name: str, message: str, hint: str) -> Self:
        """Return the result for something that works but needs attention."""
        return cls(name, State.WARNING, message, hint)

    @classmethod
    def error(cls, name: str, message: str, hint: str) -> Self:
        """Return the result for something that doesn't work or isn't safe."""
        return cls(name, State.ERROR, message, hint)

    @classmethod
    def skipped(cls, name: str, message: str) -> Self:
        """Return the result of a check that didn't run. `message` says why."""
        return cls(name, State.SKIPPED, message)
