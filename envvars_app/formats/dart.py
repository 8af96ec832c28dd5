"""Dart: a class of constants, as Flutter apps use it."""

import re
from collections.abc import Mapping

from envvars_app.formats.base import Format, LeftOut, Rendered, comments, gather

_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$]*")
# Dart's reserved words (language specification, Reserved Words), what every object has already,
# the class itself, and the type of the constants.
_TAKEN = re.compile(
    "assert|break|case|catch|class|const|continue|default|do|else|enum|extends|false|final|finally"
    "|for|if|in|is|new|null|rethrow|return|super|switch|this|throw|true|try|var|void|while|with"
    "|hashCode|noSuchMethod|runtimeType|toString|Env|String"
)
_SHORT = {"\\": r"\\", "'": r"\'", "$": r"\$", "\n": r"\n", "\r": r"\r", "\t": r"\t"}

_BAD_NAME = "The name is not a public Dart identifier. Rename it, or use JSON."
_TAKEN_NAME = "The name is reserved in Dart. Rename it, or use JSON."


def _render(variables: Mapping[str, str]) -> Rendered:
    lines, left_out = gather(variables, _line)
    head = [*comments(left_out, "// {}\n"), "abstract final class Env {\n"]
    return Rendered("".join([*head, *lines, "}\n"]), left_out)


def _line(key: str, value: str) -> str:
    if _NAME.fullmatch(key) is None:  # one that begins with _ can't be read from another file
        raise LeftOut(_BAD_NAME)
    if _TAKEN.fullmatch(key):
        raise LeftOut(_TAKEN_NAME)
    return f"  static const String {key} = '{''.join(map(_escape, value))}';\n"


def _escape(sign: str) -> str:
    r"""Spell what ends a string, or can't be seen in it (also U+2028, bidi controls): \u{…}."""
    if sign in _SHORT:
        return _SHORT[sign]
    return sign if sign.isprintable() else f"\\u{{{ord(sign):x}}}"


DART = Format("dart", "Dart", "env.dart", "text/plain; charset=utf-8", _render)
