"""Which lines of an environment a pipeline keeps, as in `env | grep -v NAME | sort`."""

import re
from collections.abc import Sequence

from envvars_app.buildspec.shell.commands import Command

_UNCHANGED = {"cat", "tee", "sort", "uniq", "head", "tail", "tr", "column", "nl", "base64", "xargs"}
_GREP, _EDITORS = {"grep", "egrep", "fgrep", "rg"}, {"sed", "awk", "gawk", "perl"}
PASSING = _UNCHANGED | _GREP | _EDITORS | {"cut", "jq"}  # programs that print what they read
_ADDRESS = re.compile(r"(?<![\w\\])/((?:[^/\\]|\\.)+)/")
_QUANTIFIER = re.compile(r"[*+{]")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
MAX_QUANTIFIERS = 3  # a few on a short line can't take long
_WITH_VALUE = "efmABC"  # grep's options that take a value


def keeps(command: Command | None, line: str) -> bool:
    """Return True if a line that goes into this command comes out at the pipeline's end.

    Programs that we don't know count as choosing what they print.
    """
    while command is not None:
        if not _keeps(command, line):
            return False
        command = command.pipe_to
    return True


def _keeps(command: Command, line: str) -> bool:
    name, arguments = command.name, command.arguments
    if name in _GREP:
        return _grep(name, command, line)
    if name in _EDITORS:
        addresses = (
            _ADDRESS.findall(" ".join(arguments)) if "-n" in arguments or name != "sed" else []
        )
        return not addresses or any(_matches(found, line) for found in addresses)
    return name in _UNCHANGED


def _grep(name: str, command: Command, line: str) -> bool:
    options, patterns = _grep_arguments(command.arguments)
    if any(sign in options for sign in "cqlL") or not all(
        word.is_literal for word in command.words
    ):
        return False
    flags = re.IGNORECASE if "i" in options else 0
    extended = name in {"egrep", "rg"} or any(sign in options for sign in "EP")
    texts = [text for pattern in patterns for text in pattern.split("\n")]
    if name == "fgrep" or "F" in options:
        texts = [re.escape(text) for text in texts]
    elif not extended:
        texts = [_from_basic(text) for text in texts]
    found = any(_matches(text, line, flags) for text in texts)
    return found != ("v" in options)


def _grep_arguments(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """Return the short options without a value, and the patterns."""
    options, patterns, rest = "", [], []
    following = iter(arguments)
    for text in following:
        if text.startswith("--"):
            options += {"--invert-match": "v", "--extended-regexp": "E", "--ignore-case": "i"}.get(
                text, ""
            )
            patterns += [text.partition("=")[2]] if text.startswith("--regexp=") else []
        elif text.startswith("-") and len(text) > 1:
            value = next((n for n, sign in enumerate(text) if n and sign in _WITH_VALUE), len(text))
            options += text[1:value]
            if value < len(text):
                found = text[value + 1 :] or next(following, "")
                patterns += [found] if text[value] == "e" else []
        else:
            rest.append(text)
    return options, patterns or rest[:1]


def _from_basic(pattern: str) -> str:
    r"""Turn a basic regular expression, in which \| and \( are special, into an extended one."""
    return re.sub(r"\\([|()+?{}])|([|()+?{}])", lambda m: m[1] if m[1] else "\\" + m[2], pattern)


def _matches(pattern: str, line: str, flags: int = 0) -> bool:
    """Return True if a pattern matches. One that could take long counts as one that doesn't."""
    if len(_QUANTIFIER.findall(pattern)) > MAX_QUANTIFIERS or _REPEATED_GROUP.search(pattern):
        return False
    try:
        return re.search(pattern[:1_000], line, flags) is not None
    except (re.error, RecursionError, OverflowError):
        return False
