"""Chips: filters of a page, each with the number of rows that match it.

They are links, so they work without JavaScript. `templates/chips.html` shows them.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Chip:
    """A filter. `address` sets it or, if it is current, removes it.

    A chip with a `form` is a button of that form instead, for rows that only a post shows.
    `icon` is a symbol of `templates/sprite.html` without "i-". `tone` colors it: bad, warn or "".
    """

    label: str
    count: int
    address: str
    icon: str
    tone: str = ""
    is_current: bool = False
    form: str = ""

    @property
    def shown_icon(self) -> str:
        """Return the icon: a check mark says without color that the filter is set."""
        return "check" if self.is_current else self.icon
