"""Escape control characters."""

from typing import Any


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
