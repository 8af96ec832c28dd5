r"""`gradle.properties`: the format of java.util.Properties.

Gradle reads it as ISO 8859-1, so everything but plain ASCII is \uXXXX, in UTF-16 (the Java API's
documentation of Properties.load).
"""

import re
from collections.abc import Mapping

from envvars_app.formats.base import Format, LeftOut, Rendered, comments, gather

_PLAIN = re.compile(r"[A-Za-z0-9 _./@%+,;()<>&|?*^~$'\"{}\[\]`-]")
# With these Gradle and the Java machine are set up: an -javaagent in them would be run.
_TAKEN = ("org.gradle.", "systemProp.")
_TAKEN_NAME = "Gradle uses names with this prefix for its own settings. Rename it, or use JSON."


def _render(variables: Mapping[str, str]) -> Rendered:
    lines, left_out = gather(variables, _line)
    return Rendered("".join(comments(left_out, "# {}\n") + lines), left_out)


def _line(key: str, value: str) -> str:
    if key.startswith(_TAKEN):
        raise LeftOut(_TAKEN_NAME)
    name = "".join(map(_escape, key)).replace(" ", "\\ ")
    text = "".join(map(_escape, value))
    first = "\\" if text.startswith(" ") else ""  # spaces after the = are not the value's
    return f"{name}={first}{text}\n"


def _escape(sign: str) -> str:
    if _PLAIN.fullmatch(sign):
        return sign
    if " " <= sign <= "~":
        return f"\\{sign}"
    units = sign.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


GRADLE = Format(
    "gradle", "Gradle properties", "gradle.properties", "text/plain; charset=iso-8859-1", _render
)
