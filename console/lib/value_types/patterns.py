"""Regular expressions of types: RE2, whose time grows linearly with the length of the text.

Python's own can take years for a short text, and anyone who may write a pattern could stop the
server with it (docs/adr/0063).
"""

import re2

PATTERN_LIMIT = 300  # characters
# Bytes for a compiled pattern and while it runs. With this, the slowest patterns take less than a
# tenth of a second for the longest value.
_MEMORY = 1 << 18


def pattern_problem(pattern: str) -> str:
    """Return why this can't be a pattern, or ""."""
    if len(pattern) > PATTERN_LIMIT:
        return f"A pattern can have {PATTERN_LIMIT} characters at most. Shorten it."
    try:
        re2.compile(pattern, _options())
    except re2.error as error:
        return f"RE2 can't use this pattern: {_reason(error)}."
    return ""


def matches(pattern: str, text: str) -> bool:
    """Return True if the pattern matches the whole text.

    One that this RE2 can't use, such as one restored from a backup, allows every text.
    """
    try:
        return re2.fullmatch(pattern, text, _options()) is not None
    except re2.error:
        return True


def _options() -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False  # to standard error, with the pattern
    options.never_capture = True
    return options


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else b""
    return reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
