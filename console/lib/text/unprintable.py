"""Escape control characters, and cut long texts."""

from typing import Any

SHOWN = 200  # characters


def escape_unprintable(value: Any, keep: str) -> Any:
    """Return `value` with unprintable characters as escapes, except those in `keep`.

    Anything but a string is returned unchanged.
    """
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode()
        for character in value
    )


def one_line(text: str) -> str:
    """Return text that anyone may have written on one line, and not too long."""
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return str(escape_unprintable(shown, keep=""))
