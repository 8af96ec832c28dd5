"""Amplify's limits on the keys and values of variables.

Sources: Amplify Hosting API reference, EnvironmentVariables (keys up to 255 characters, values up
to 5,500) and the user guide (keys that begin with AWS are reserved).
"""

import re
import unicodedata

from console.lib.text.remarks import Remarks

KEY_LIMIT = 255  # characters
VALUE_LIMIT = 5500  # characters
REMARKS = Remarks(VALUE_LIMIT, "characters", is_confidential=False)
RESERVED_PREFIX = "AWS"

# Unicode categories of invisible characters and unassigned code points. Two keys that look the
# same must be the same key.
_INVISIBLE = {"Cf", "Cn", "Co", "Cs"}
# Letters and marks that render as nothing: Hangul fillers, variation selectors, joiners.
_BLANK_CHARACTERS = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Invalid(ValueError):
    """Raised for a key or value that a variable can't have. `field` is "key" or "value"."""

    def __init__(self, message: str, field: str) -> None:
        self.field = field
        super().__init__(message)


def check_key(key: str) -> None:
    """Raise Invalid unless a variable can have this key."""
    if problem := _key_problem(key):
        raise Invalid(problem, "key")


def _key_problem(key: str) -> str:
    if not key:
        return "Enter a name."
    if len(key) > KEY_LIMIT:
        return f"Names can have at most {KEY_LIMIT} characters. This one has {len(key)}."
    if "=" in key:
        return "Names can't contain an equals sign."
    categories = {unicodedata.category(char) for char in key}
    if categories & {"Cc", "Zl", "Zp"}:
        return "Names can't contain line breaks, tabs or other control characters. Remove them."
    if categories & _INVISIBLE or _BLANK_CHARACTERS.search(key) or _has_unusual_space(key):
        return "This name contains an invisible character. Remove it."
    if key != key.strip():
        return "Names can't start or end with a space. Remove it."
    if key.startswith(RESERVED_PREFIX):
        return "Names can't start with AWS, which Amplify reserves. Add a prefix, such as MY_AWS…"
    return ""


def _has_unusual_space(key: str) -> bool:
    return any(char != " " and unicodedata.category(char) == "Zs" for char in key)


def check_value(value: str) -> None:
    """Raise Invalid unless Amplify accepts this value. Amplify accepts an empty one."""
    if problem := length_problem(value):
        raise Invalid(problem, "value")
    if "\0" in value:
        raise Invalid("Values can't contain a NUL character. Remove it.", "value")
    if any(0xD800 <= ord(char) <= 0xDFFF for char in value):
        raise Invalid("This value contains half a character. Paste it again.", "value")


def length_problem(value: str) -> str:
    """Return what to do about a value that is too long for Amplify, or ""."""
    if len(value) <= VALUE_LIMIT:
        return ""
    return (
        f"Values can have at most {VALUE_LIMIT:,} characters. This one has {len(value):,}. Shorten "
        "it, or keep it in a file in the repository."
    )


def is_identifier(key: str) -> bool:
    """Return True if a shell can read this variable as $NAME."""
    return _IDENTIFIER.match(key) is not None
