"""Warnings about stored values and names of branches: guesses, which block nothing."""

from enum import StrEnum
from typing import NamedTuple


class WarningKind(StrEnum):
    """The kinds of warnings, the most urgent first. docs/warnings.md has the rule of each."""

    HOST = "host"  # production gets a host of another environment
    PLACEHOLDER = "placeholder"
    NEARLY_FULL = "nearly-full"
    NO_PATH = "no-path"  # builds of a branch get no secrets of its own
    ALIKE = "alike"  # branches that are the same after cleaning

    @property
    def label(self) -> str:
        """Return the words that pages show beside a key, and the audit trail records."""
        return _LABELS[self]


_LABELS = {
    WarningKind.HOST: "Other environment's host",
    WarningKind.PLACEHOLDER: "Placeholder",
    WarningKind.NEARLY_FULL: "Near the limit",
    WarningKind.NO_PATH: "Not in builds",
    WarningKind.ALIKE: "Similar branches",
}


class AppWarning(NamedTuple):
    """A warning on the value of a key, or on a branch, whose name is then `key`.

    `pk` names the value (`OwnKey.pk`) or the branch. `scope` is the name of the value's scope, ""
    for a branch; `branch_id` None is All branches. `about` has no spaces and changes with what the
    warning is about, such as the value's version. Then a dismissal ends.
    """

    kind: WarningKind
    noun: str
    key: str
    scope: str
    branch_id: int | None
    pk: int
    text: str
    url: str
    about: str
