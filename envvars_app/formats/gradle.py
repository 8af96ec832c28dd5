r"""`gradle.properties`: the format of java.util.Properties.

Gradle reads it as ISO 8859-1, so everything but plain ASCII is written as \uXXXX escapes of UTF-16
code units (Java API documentation, Properties.load).
"""

import re
from collections.abc import Mapping

from envvars_app.formats.base import CannotHold, Format, Rendered, omission_comments, render_each

_PLAIN = re.compile(r"[A-Za-z0-9 _./@%+,;()<>&|?*^~$'\"{}\[\]`-]")
# These configure Gradle and its JVM: a -javaagent in one of them would run code.
_RESERVED = ("org.gradle.", "systemProp.")
_TAKEN_NAME = "Gradle uses names with this prefix for its own settings. Rename it, or use JSON."


def _render(variables: Mapping[str, str]) -> Rendered:
    lines, left_out = render_each(variables, _line)
    return Rendered("".join(omission_comments(left_out, "# {}\n") + lines), left_out)


def _line(key: str, value: str) -> str:
    if key.startswith(_RESERVED):
        raise CannotHold(_TAKEN_NAME)
    name = "".join(map(_escape, key)).replace(" ", "\\ ")
    text = "".join(map(_escape, value))
    # Without the backslash, readers skip spaces after the equals sign.
    guard = "\\" if text.startswith(" ") else ""
    return f"{name}={guard}{text}\n"


def _escape(char: str) -> str:
    if _PLAIN.fullmatch(char):
        return char
    if " " <= char <= "~":
        return f"\\{char}"
    units = char.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


GRADLE = Format(
    "gradle", "Gradle properties", "gradle.properties", "text/plain; charset=iso-8859-1", _render
)
