"""What a variable's key and value can be: Amplify's own limits. Pure.

Source: the Amplify Hosting API (EnvironmentVariables: keys up to 255 and values up to 5,500
characters) and its user guide (keys that begin with AWS are reserved).
"""

import re
import unicodedata

KEY_LIMIT = 255  # characters
VALUE_LIMIT = 5500  # characters
RESERVED = "AWS"

# Signs that turn the direction of what follows, and spaces of no width
_DISGUISE = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]")
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
        return "Give the variable a name."
    if len(key) > KEY_LIMIT:
        return f"A name has at most {KEY_LIMIT} characters; this one has {len(key)}. Shorten it."
    if "=" in key:
        return "A name can't hold an equals sign: a build would take it for the name's end."
    if any(unicodedata.category(sign) in {"Cc", "Cs", "Zl", "Zp"} for sign in key):
        return "A name holds no line breaks, tabs or other control characters. Remove them."
    if _DISGUISE.search(key):
        return "This name holds an invisible sign that makes it look like another one. Remove it."
    if key != key.strip():
        return "A name can't begin or end with a space. Remove it."
    if key.startswith(RESERVED):
        return (
            "A name can't begin with AWS: Amplify reserves these for itself and refuses them. "
            "Put something before it, such as MY_AWS…"
        )
    return ""


def check_value(value: str) -> None:
    """Raise Refused unless `value` is one that Amplify takes. An empty one is."""
    if len(value) > VALUE_LIMIT:
        raise Refused(
            f"A value has at most {VALUE_LIMIT:,} characters; this one has {len(value):,}. "
            "Shorten it, or keep it in a file of the repository.",
            "value",
        )
    if "\0" in value:
        raise Refused("A value can't hold a NUL character: no environment can.", "value")
    if any(0xD800 <= ord(sign) <= 0xDFFF for sign in value):
        raise Refused("This value is broken text: half of a sign is missing.", "value")


def is_identifier(key: str) -> bool:
    """Say whether a shell can read a variable of this name as $NAME."""
    return _IDENTIFIER.match(key) is not None
