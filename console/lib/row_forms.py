"""Parse the rows that an edit mode posts. Their fields are named like `new-3-key` and `base-17`."""

import re
from collections.abc import Iterator, Mapping

NO_CHOICE = "?"  # the branch of an override for which none was chosen
# No stored row has this version, so a malformed base becomes a conflict and never overwrites.
NO_VERSION = -1
_BLANK_ROWS = 50  # at most at a time
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_BASE = re.compile(r"([0-9]{1,9})(?::(-?[0-9]{1,18}))?\Z", re.ASCII)
# No leading zeros: a row must have a single name, because its outcome is matched by it.
_KNOWN_ROW = re.compile(r"(?:value|remove)-([1-9][0-9]{0,14})\Z", re.ASCII)
_NEW_ROW = re.compile(r"new-([1-9][0-9]{0,8})-key\Z", re.ASCII)


def known_rows(post: Mapping[str, str]) -> list[str]:
    """Return the ids of the existing rows in the post, each once."""
    return [*dict.fromkeys(match[1] for match in map(_KNOWN_ROW.match, post) if match)]


def new_rows(post: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield the number and token of each new row that has a key or value.

    An offered override has its key already. It counts once it has a branch or a value.
    """
    for match in filter(None, map(_NEW_ROW.match, post)):
        token = f"new-{match[1]}"
        if post.get(f"{token}-offered"):
            typed = post.get(f"{token}-branch") != NO_CHOICE
        else:
            typed = post[f"{token}-key"] != ""
        if typed or post.get(f"{token}-value"):
            yield int(match[1]), token


def blank_rows(query: Mapping[str, str]) -> int:
    """Return how many new rows a browser without JavaScript asks for."""
    text = query.get("new", "")
    return min(int(text), _BLANK_ROWS) if text.isdecimal() and len(text) < 4 else 0


def field(post: Mapping[str, str], name: str) -> str:
    """Return a field, or "" if it is missing."""
    return str(post.get(name, ""))


def text(post: Mapping[str, str], name: str) -> str:
    """Return a text area's content as typed. Browsers post its line breaks as CR LF."""
    return field(post, name).replace("\r\n", "\n")


def version(number: str) -> int:
    """Return the version, or NO_VERSION if `number` is malformed."""
    return int(number) if _NUMBER.match(number) else NO_VERSION


def known_base(text: str) -> tuple[int, int | None]:
    """Return the version that an existing row is based on, and its revision if the page knew it."""
    match = _BASE.match(text)
    if match is None:
        return NO_VERSION, None
    return int(match[1]), int(match[2]) if match[2] else None


def new_base(text: str) -> tuple[int, int | None]:
    """Return the version and revision that a new row is based on: 0, or what a conflict reported.

    A version alone is not enough: by now another secret or variable of that name may have it.
    """
    base, revision = known_base(text or "0")
    return (base, revision) if base == 0 or (revision or 0) > 0 else (NO_VERSION, None)
