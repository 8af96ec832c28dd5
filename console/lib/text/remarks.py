"""What to say about a value while it is typed: what can't be seen in it, and what may go wrong.

Remarks never block a save. docs/warnings.md has the rules. What depends on the app's branches is in
console/environment/typed_values.py.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from console.lib.text import placeholders
from console.lib.text.invisible import RULES, invisible_parts

NEARLY_FULL = 0.9  # of the limit
_PLACEHOLDER = "looks like a placeholder"


@dataclass(frozen=True)
class Remarks:
    """The remarks on one kind of value. `limit` is its largest size in `unit`: bytes or characters.

    A value that is longer is refused, so nothing is said about it.
    """

    limit: int
    unit: str
    is_confidential: bool

    def describe(self, value: str) -> str:
        """Return a sentence on the value, or ""."""
        return sentence(*invisible_parts(value), *self.risks(value))

    def risks(self, value: str) -> Iterator[str]:
        """Yield what may go wrong, in words that follow "The value", or ""."""
        if self.is_placeholder(value):
            yield _PLACEHOLDER
        yield self.nearly_full(value)

    def is_placeholder(self, value: str) -> bool:
        """Return True if the value looks like a placeholder."""
        if self.is_confidential:
            return placeholders.is_placeholder(value)
        return placeholders.is_certain_placeholder(value)

    def nearly_full(self, value: str) -> str:
        """Return that the value nearly reaches the limit, or ""."""
        size = len(value.encode(errors="replace")) if self.unit == "bytes" else len(value)
        is_nearly_full = self.limit * NEARLY_FULL <= size <= self.limit
        return f"has {size:,} of at most {self.limit:,} {self.unit}" if is_nearly_full else ""

    @cached_property
    def rules(self) -> Mapping[str, Any]:
        """Return the rules for static/js/manage/unseen.js."""
        patterns = placeholders.POSSIBLE if self.is_confidential else placeholders.CERTAIN
        return {
            "rules": [*RULES, *([it.text, _PLACEHOLDER, None, it.flags] for it in patterns)],
            "limit": self.limit,
            "unit": self.unit,
            "nearlyFull": NEARLY_FULL,
        }


def sentence(*parts: str) -> str:
    """Return "The value …" with the parts, or ""."""
    text = ", ".join(filter(None, parts))
    return f"The value {text}." if text else ""
