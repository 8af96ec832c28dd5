"""`.env`: only what python-dotenv, npm's dotenv, Node.js and bash all read the same way.

A file that a shell sources is a program. Quotes keep a value from being executed, except under some
names: bash evaluates OPTIND, RANDOM and others as arithmetic, which substitutes commands (bash
manual, "Shell Variables"), and it expands PS1 and MAILPATH whenever it uses them.
"""

import re
from collections.abc import Mapping

from console.lib.text.dotenv import quote
from envvars_app.formats.base import CannotHold, Format, Rendered, omission_comments, render_each

_VALID_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Variables that bash treats specially, and __proto__, which is no ordinary key in JavaScript.
_RESERVED = re.compile(
    r"_|__proto__|BASH(?:OPTS|PID|_\w+)?|COMP_\w+|COMPREPLY|COPROC|DIRSTACK|EPOCH(?:REALTIME|SECONDS)"
    r"|E?UID|PPID|FUNCNAME|GROUPS|HISTCMD|LINENO|MAILPATH|OPT(?:ARG|ERR|IND)|PIPESTATUS"
    r"|PROMPT_COMMAND|PS[0-4]|S?RANDOM|SECONDS|SHELLOPTS|SHLVL"
)
# Bash switches its character set as it reads this line and can misread the quotes in later ones:
# in GB18030, a value can break out of its quotes.
_LOCALE = re.compile(r"LANG|LC_\w+")
_HARMLESS_LOCALE = re.compile(r"[A-Za-z_]*(?:\.(?i:utf-?8))?(?:@[a-z]+)?")

_BAD_NAME = "The name contains other characters than letters, digits and _. Rename it, or use JSON."
_TAKEN_NAME = "The name has a special meaning in shells or JavaScript. Rename it, or use JSON."
_OTHER_LOCALE = "Shells would read the rest of the file in another character set. Use JSON."
_NUL = (
    "The value contains a NUL character, which environment variables can't hold. Remove it, or "
    "use JSON."
)
_RETURN = "The value contains a carriage return, which .env parsers change. Use JSON."
_EXPANDED = "The value contains ${, which some .env parsers replace. Use JSON."
_MIXED = "The value mixes quotes, $ or \\ in a way that .env parsers read differently. Use JSON."


def _render(variables: Mapping[str, str]) -> Rendered:
    lines, left_out = render_each(variables, _line)
    return Rendered("".join(omission_comments(left_out, "# {}\n") + lines), left_out)


def _line(key: str, value: str) -> str:
    if _VALID_NAME.fullmatch(key) is None:
        raise CannotHold(_BAD_NAME)
    if _RESERVED.fullmatch(key):
        raise CannotHold(_TAKEN_NAME)
    if _LOCALE.fullmatch(key) and _HARMLESS_LOCALE.fullmatch(value) is None:
        raise CannotHold(_OTHER_LOCALE)
    quoted = quote(value)
    if quoted is None:
        raise CannotHold(_quoting_problem(value))
    return f"{key}={quoted}\n"


def _quoting_problem(value: str) -> str:
    known = {"\0": _NUL, "\r": _RETURN, "${": _EXPANDED}
    return next((reason for char, reason in known.items() if char in value), _MIXED)


ENV = Format("env", ".env.local", ".env.local", "text/plain; charset=utf-8", _render, "# ")
