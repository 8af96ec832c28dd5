"""Recognize placeholders, such as those in an example file. Guesses: use them to warn.

The patterns mean the same to Python and JavaScript, which gets them with what else is said about a
typed value (console/lib/text/remarks.py).
"""

import re
from typing import NamedTuple

LONGEST = 200  # characters; bounds the time that the patterns take
_BLANK = r"[ \t\r\n]*"
# No program uses these.
_CERTAIN = (
    r"<[a-z][a-z0-9_ .-]{2,79}>|\[(your|insert|enter|add|put|paste|fill)[a-z0-9_ -]{1,60}\]|x{3,}"
    r"|(your|insert|enter|add|put|paste|fill)([_ .-][a-z0-9_ .-]{0,40})?[_ .-]here"
    r"|your[_-][a-z0-9_-]{1,60}|(change|replace)[_ -]?(me|this)[!.]{0,3}|tbd|fixme|placeholder"
)
# As a variable, these can be meant: a way to sign in, a line, a sentence. No secret is one of them.
_POSSIBLE = (
    r"<[^<>]{1,80}>|\[[a-z _-]{3,80}\]|\{\{[^\{\}]{1,80}\}\}|\*{3,}|\.{3,}|…|-{3,}|_{3,}"
    r"|(your|insert|enter|add|put|paste|fill)[a-z0-9_ .-]{0,40}here|your[_ .-][a-z0-9_ .-]{1,60}"
    r"|(change|replace|fill|edit)[ _-]?(me|this|it)[^a-z0-9_]{0,3}"
    r"|to ?do|dummy|secret|password|(sk|pk|rk)_(live|test)_(x{3,}|\.{3,}|\*{3,}|…)"
)


class Pattern(NamedTuple):
    """A pattern of a whole value. `flags` are JavaScript's, besides "u"."""

    text: str
    flags: str

    @classmethod
    def of(cls, text: str, flags: str) -> "Pattern":
        """Return a pattern that spaces and line breaks may surround."""
        return cls(rf"^{_BLANK}({text}){_BLANK}(?![\s\S])", flags)

    def compiled(self) -> re.Pattern[str]:
        """Return the pattern for Python."""
        return re.compile(self.text, re.ASCII | (re.IGNORECASE if self.flags else re.NOFLAG))


CERTAIN = (Pattern.of(_CERTAIN, "i"), Pattern.of("TODO", ""))  # "Todo" may be the name of a table
POSSIBLE = (Pattern.of(f"{_CERTAIN}|{_POSSIBLE}", "i"),)
_CERTAIN_COMPILED = [it.compiled() for it in CERTAIN]
_POSSIBLE_COMPILED = [it.compiled() for it in POSSIBLE]


def is_placeholder(value: str) -> bool:
    """Return True if a secret's value, or one in a file, looks like a placeholder."""
    return len(value) <= LONGEST and any(it.search(value) for it in _POSSIBLE_COMPILED)


def is_certain_placeholder(value: str) -> bool:
    """Return True if the value is a placeholder even for a variable: no program uses it."""
    return len(value) <= LONGEST and any(it.search(value) for it in _CERTAIN_COMPILED)
