"""Reading the rows that an edit mode posts: their fields are named `new-3-key`, `base-17`."""

import re
from collections.abc import Iterator, Mapping

# A base that is no version matches none: the row becomes a conflict, never an overwrite.
NO_VERSION = -1
_BLANK_ROWS = 50  # at most so many at a time
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_BASE = re.compile(r"([0-9]{1,9})(?::(-?[0-9]{1,18}))?\Z", re.ASCII)
# No leading zero: a row has one name, by which its outcome finds it again
_KNOWN_ROW = re.compile(r"(?:value|remove)-([1-9][0-9]{0,14})\Z", re.ASCII)
_NEW_ROW = re.compile(r"new-([1-9][0-9]{0,8})-key\Z", re.ASCII)


def known_rows(post: Mapping[str, str]) -> list[str]:
    """Return the ids of the known rows that are in the post, each once."""
    return [*dict.fromkeys(match[1] for match in map(_KNOWN_ROW.match, post) if match)]


def new_rows(post: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield number and token of the new rows in which something was typed."""
    for match in filter(None, map(_NEW_ROW.match, post)):
        token = f"new-{match[1]}"
        if post[f"{token}-key"] or post.get(f"{token}-value"):
            yield int(match[1]), token


def blank_rows(query: Mapping[str, str]) -> int:
    """Return how many new rows a browser without JavaScript asks for."""
    text = query.get("new", "")
    return min(int(text), _BLANK_ROWS) if text.isdecimal() and len(text) < 4 else 0


def field(post: Mapping[str, str], name: str) -> str:
    """Return a field, "" where it is not there."""
    return str(post.get(name, ""))


def text(post: Mapping[str, str], name: str) -> str:
    """Return a text as it was typed: browsers post a text area's line breaks as CR LF."""
    return field(post, name).replace("\r\n", "\n")


def version(number: str) -> int:
    """Return a version, or one that nothing has."""
    return int(number) if _NUMBER.match(number) else NO_VERSION


def known_base(text: str) -> tuple[int, int | None]:
    """Return the version that a known row is based on, and its life where the page knew it."""
    match = _BASE.match(text)
    if match is None:
        return NO_VERSION, None
    return int(match[1]), int(match[2]) if match[2] else None


def new_base(text: str) -> tuple[int, int | None]:
    """Return version and life that a new row is based on: nothing, or what a conflict told.

    A version alone is no base: another secret or variable of that name may have it by now.
    """
    base, life = known_base(text or "0")
    return (base, life) if base == 0 or (life or 0) > 0 else (NO_VERSION, None)
