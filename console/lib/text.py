"""Text on one line, with no control characters."""

from typing import Any


def escaped(value: Any, keep: str) -> Any:
    if not isinstance(value, str) or value.isprintable():
        return value
    return "".join(
        character
        if character.isprintable() or character in keep
        else character.encode("unicode_escape").decode()
        for character in value
    )
