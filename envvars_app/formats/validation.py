"""What a variable's key and value can be: Amplify's own limits. Pure.

Source: the Amplify Hosting API (EnvironmentVariables: keys up to 255 and values up to 5,500
characters) and its user guide (keys that begin with AWS are reserved).
"""

import re
import unicodedata

KEY_LIMIT = 255  # characters
VALUE_LIMIT = 5500  # characters
RESERVED = "AWS"

# Categories of signs that nobody sees, or that are no signs (yet)
_UNSEEN = {"Cf", "Cn", "Co", "Cs"}
# Letters and marks that show as nothing: Hangul fillers, variation selectors, joiners
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Refused(ValueError):
    """A key or a value that a variable can't have. `field` is "key" or "value"."""

    def __init__(self, message: str, field: str) -> None:
        self.field = field
        super().__init__(message)


def check_key(key: str) -> None:
    """Raise Refused unless `key` can name a variable."""
    if problem := _key_problem(key):
        raise Refused(problem, "key")


def _key_problem(key: str) -> str:
    if not key:
        return "Enter a name."
    if len(key) > KEY_LIMIT:
        return f"Names can have at most {KEY_LIMIT} characters. This one has {len(key)}."
    if "=" in key:
        return "Names can't contain an equals sign."
    categories = {unicodedata.category(sign) for sign in key}
    if categories & {"Cc", "Zl", "Zp"}:
        return "Names can't contain line breaks, tabs or other control characters. Remove them."
    if categories & _UNSEEN or _BLANK.search(key) or _has_odd_space(key):
        return "This name contains an invisible character. Remove it."
    if key != key.strip():
        return "Names can't start or end with a space. Remove it."
    if key.startswith(RESERVED):
        return "Names can't start with AWS, which Amplify reserves. Add a prefix, such as MY_AWS…"
    return ""


def _has_odd_space(key: str) -> bool:
    """Say whether there is a space that is not the plain one."""
    return any(sign != " " and unicodedata.category(sign) == "Zs" for sign in key)


def check_value(value: str) -> None:
    """Raise Refused unless `value` is one that Amplify takes. An empty one is."""
    if len(value) > VALUE_LIMIT:
        raise Refused(
            f"Values can have at most {VALUE_LIMIT:,} characters. This one has {len(value):,}. "
            "Shorten it, or keep it in a file in the repository.",
            "value",
        )
    if "\0" in value:
        raise Refused("Values can't contain a NUL character. Remove it.", "value")
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        raise Refused("This value contains half a character. Paste it again.", "value")


def is_identifier(key: str) -> bool:
    """Say whether a shell can read a variable of this name as $NAME."""
    return _IDENTIFIER.match(key) is not None
