"""Notes on values that look right and are not what was meant."""

import re
from collections.abc import Container

# A whole reference: ${NAME}, ${NAME:-default}, $NAME. Not $$, and not a part of a longer word such
# as a password hash, unless the name is known.
_BRACED = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)[^{}]*\}")
_COMMAND = re.compile(r"\$\([A-Za-z][^()]{0,200}\)")
_BARE = re.compile(r"(?<![$\\])\$([A-Za-z_][A-Za-z0-9_]*)")
# Double, single and angle quotation marks, as word processors and chats write them
_OPENING = "\u201c\u201d\u201e\u201f\u2018\u2019\u201a\u201b\u00ab\u2039"
_CLOSING = "\u201c\u201d\u201f\u2018\u2019\u201b\u00bb\u203a"
_JSON_QUOTE = re.compile("[{\\[,:]\\s*[\u201c-\u201f]")
_QUOTES = "The typographic quotes are part of the value. Use straight quotes, or none."
_REFERENCE = "Amplify doesn't replace references: the value contains {}. Write the whole value."


def value_notes(value: str, known: Container[str]) -> list[str]:
    """Return what a reader may not expect of a value. `known` are the names of variables."""
    found = _reference(value, known)
    return _notes(value, f"{found[:60]} as it is written" if found else "")


def masked_notes(value: str, known: Container[str]) -> list[str]:
    """Return the same without any part of the value, which may be a secret."""
    return _notes(value, "one as it is written" if _reference(value, known) else "")


def _notes(value: str, reference: str) -> list[str]:
    first, last = value[:1], value[-1:]
    at_the_edges = len(value) > 1 and first in _OPENING and last in _CLOSING
    notes = [_QUOTES] if value and (at_the_edges or _JSON_QUOTE.search(value[:1_000])) else []
    return [*notes, _REFERENCE.format(reference)] if reference else notes


def _reference(value: str, known: Container[str]) -> str:
    """Return the first reference to a variable or command in the value, or ""."""
    found = _BRACED.search(value) or _COMMAND.search(value)
    found = found or next(
        (one for one in _BARE.finditer(value) if one[1] in known or one[1].isupper()), None
    )
    return found[0] if found else ""
