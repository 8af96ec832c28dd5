"""`.env`: what python-dotenv, npm's dotenv, Node and bash read alike, and nothing else.

A file that a shell sources is a program. Quoting keeps values from being run; some names are run
by bash whatever the quotes: OPTIND, RANDOM and others are arithmetic, which substitutes commands
(bash manual, Shell Variables), and PS1 or MAILPATH are expanded when they are used.
"""

import re
from collections.abc import Mapping

from console.lib.dotenv import quote
from envvars_app.formats.base import Format, LeftOut, Rendered, comments, gather

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# bash's own, and __proto__, which never becomes a key of a JavaScript object.
_TAKEN = re.compile(
    r"_|__proto__|BASH(?:OPTS|PID|_\w+)?|COMP_\w+|COMPREPLY|COPROC|DIRSTACK|EPOCH(?:REALTIME|SECONDS)"
    r"|E?UID|PPID|FUNCNAME|GROUPS|HISTCMD|LINENO|MAILPATH|OPT(?:ARG|ERR|IND)|PIPESTATUS"
    r"|PROMPT_COMMAND|PS[0-4]|S?RANDOM|SECONDS|SHELLOPTS|SHLVL"
)
# In another character set bash misreads the quotes after it: GB18030 lets a value out of them.
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
    lines, left_out = gather(variables, _line)
    return Rendered("".join(comments(left_out, "# {}\n") + lines), left_out)


def _line(key: str, value: str) -> str:
    if _NAME.fullmatch(key) is None:
        raise LeftOut(_BAD_NAME)
    if _TAKEN.fullmatch(key):
        raise LeftOut(_TAKEN_NAME)
    if _LOCALE.fullmatch(key) and _HARMLESS_LOCALE.fullmatch(value) is None:
        raise LeftOut(_OTHER_LOCALE)
    quoted = quote(value)
    if quoted is None:
        raise LeftOut(_reason(value))
    return f"{key}={quoted}\n"


def _reason(value: str) -> str:
    known = {"\0": _NUL, "\r": _RETURN, "${": _EXPANDED}
    return next((reason for sign, reason in known.items() if sign in value), _MIXED)


ENV = Format("env", ".env.local", ".env.local", "text/plain; charset=utf-8", _render)
