"""What waits to be pushed to Amplify, and who pushes it.

Each feature app that saves something which belongs to Amplify (variables, build specifications)
registers a push when Django starts.
"""

from dataclasses import dataclass
from typing import Protocol

from console.amplify.base import AmplifyService
from console.aws import limits
from console.models import App

PATIENCE = 10.0  # seconds that a page waits for a push
LONGEST_CALL = limits.LONGEST_ATTEMPT  # seconds; within `patience`, no retry takes longer


@dataclass(frozen=True, slots=True)
class Pushed:
    """How a push ended: how many values reached Amplify, and how many didn't.

    `waiting` go with a later push. `left` need a decision first, such as a conflict. `problem` is
    a sentence if Amplify didn't take part.
    """

    done: int = 0
    waiting: int = 0
    left: int = 0
    problem: str = ""

    def __add__(self, other: "Pushed") -> "Pushed":
        return Pushed(
            self.done + other.done,
            self.waiting + other.waiting,
            self.left + other.left,
            self.problem or other.problem,
        )


class Push(Protocol):
    """Push what waits of an app, as the people who saved it, whose permissions are checked again.

    The caller waits for `patience` seconds (None: as long as it takes; see
    console.aws.limits.patience). `at_once` also pushes what has failed a moment ago. Raises no
    AmplifyError: what can't be pushed stays pending.
    """

    def __call__(
        self, service: AmplifyService, app: App, patience: float | None, *, at_once: bool
    ) -> Pushed: ...


_pushes: list[Push] = []


def register(push: Push) -> None:
    """Add a push. Registering it again changes nothing."""
    if push not in _pushes:
        _pushes.append(push)


def push_pending(
    service: AmplifyService, app: App, patience: float | None = None, *, at_once: bool = False
) -> Pushed:
    """Push everything that waits for a connected app. See `Push`."""
    total = Pushed()
    for push in _pushes:
        total += push(service, app, patience, at_once=at_once)
    return total
