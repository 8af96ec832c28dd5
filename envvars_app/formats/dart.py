"""Dart: a class of string constants, for Flutter apps."""

import re
from collections.abc import Mapping

from envvars_app.formats.base import CannotHold, Format, Rendered, omission_comments, render_each

_VALID_NAME = re.compile(r"[A-Za-z$][A-Za-z0-9_$]*")
# Dart's reserved words (language specification, "Reserved Words"), members that every object has,
# and the names of this class and of the constants' type.
_RESERVED = re.compile(
    "assert|break|case|catch|class|const|continue|default|do|else|enum|extends|false|final|finally"
    "|for|if|in|is|new|null|rethrow|return|super|switch|this|throw|true|try|var|void|while|with"
    "|hashCode|noSuchMethod|runtimeType|toString|Env|String"
)
_ESCAPES = {"\\": r"\\", "'": r"\'", "$": r"\$", "\n": r"\n", "\r": r"\r", "\t": r"\t"}

_BAD_NAME = "The name is not a public Dart identifier. Rename it, or use JSON."
_TAKEN_NAME = "The name is reserved in Dart. Rename it, or use JSON."


def _render(variables: Mapping[str, str]) -> Rendered:
    lines, left_out = render_each(variables, _line)
    head = [*omission_comments(left_out, "// {}\n"), "abstract final class Env {\n"]
    return Rendered("".join([*head, *lines, "}\n"]), left_out)


def _line(key: str, value: str) -> str:
    # The pattern allows no leading underscore: such a constant is private to its file.
    if _VALID_NAME.fullmatch(key) is None:
        raise CannotHold(_BAD_NAME)
    if _RESERVED.fullmatch(key):
        raise CannotHold(_TAKEN_NAME)
    return f"  static const String {key} = '{''.join(map(_escape, value))}';\n"


def _escape(char: str) -> str:
    r"""Escape what would end the string, and invisible characters (U+2028, bidi controls)."""
    if char in _ESCAPES:
        return _ESCAPES[char]
    return char if char.isprintable() else f"\\u{{{ord(char):x}}}"


DART = Format("dart", "Dart", "env.dart", "text/plain; charset=utf-8", _render)
