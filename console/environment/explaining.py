"""Why a scope gets its value of a key: which places are looked at in order, and what each holds.

An explanation is metadata, from the database alone. It never contains a value.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum, auto
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from console.environment.faults import Check


class Holds(Enum):
    """Whether a place has a value."""

    VALUE = auto()
    NOTHING = auto()
    UNCERTAIN = auto()  # it depends on a save whose outcome is open, or on Amplify


class Use(StrEnum):
    """What becomes of what a place holds."""

    USED = "used"
    UNCERTAIN = "uncertain"
    NOT_USED = "not used"  # an earlier place has a value
    NO_VALUE = "no value"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place where a reader looks for a key. `path` is its parameter's, "" outside of a store.

    `version` 0 is not known, or none. `since` is when it was written or, if it holds nothing, when
    its value was removed. `by` did that; "" is not known. `pk` names the value for
    `EnvironmentSource.url`. `notes` say what a reader may not expect.
    """

    scope: str
    holds: Holds
    path: str = ""
    version: int = 0
    since: datetime | None = None
    by: str = ""
    is_outside: bool = False  # by somebody outside Branchkeep
    change_set: UUID | None = None
    pk: int | None = None
    notes: Sequence[str] = ()


class Step(NamedTuple):
    """A place, and what becomes of what it holds."""

    place: Place
    use: Use


@dataclass(frozen=True, kw_only=True)
class Reader:
    """What reads a key, such as a build. Its places are in the order in which it looks.

    `takes_effect` says when it reads a change, "" if it never does.
    """

    title: str
    places: Sequence[Place] = ()
    takes_effect: str = ""
    notes: Sequence[str] = ()

    @cached_property
    def steps(self) -> Sequence[Step]:
        """Return each place with what becomes of what it holds: the first value is used."""
        steps, is_decided, is_open = [], False, False
        for place in self.places:
            is_open = is_open or (not is_decided and place.holds is Holds.UNCERTAIN)
            if place.holds is Holds.NOTHING:
                use = Use.NO_VALUE
            elif is_decided:
                use = Use.NOT_USED
            else:
                use = Use.UNCERTAIN if is_open else Use.USED
            is_decided = is_decided or place.holds is Holds.VALUE
            steps.append(Step(place, use))
        return steps

    @property
    def used(self) -> Place | None:
        """Return the place whose value is used, None if there is none or that is uncertain."""
        return next((place for place, use in self.steps if use is Use.USED), None)

    @property
    def is_uncertain(self) -> bool:
        """Return True if it isn't known which value is used."""
        return any(use is Use.UNCERTAIN for _, use in self.steps)

    @property
    def cause(self) -> Place | None:
        """Return the place whose last change made this reader get what it gets.

        It may be a removal: a branch inherits a value since its own one was removed.
        """
        looked_at: list[Place] = []
        for place, use in self.steps:
            if use is not Use.NOT_USED and place.since is not None:
                looked_at.append(place)
            if use is Use.USED:
                break
        return max(looked_at, key=lambda place: place.since or datetime.min, default=None)


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Why a scope gets its value of a key, from one source. The first reader is the main one.

    `scopes` maps each scope with a value of its own (a branch's id, None is All branches) to the
    value's id. `check` is how current the places are, None if they are in the database.
    """

    readers: Sequence[Reader]
    scopes: Mapping[int | None, int]
    check: Check | None = None
    notes: Sequence[str] = ()
