"""What the formats share: a file's text, and what it leaves out with the reason."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

NOT_TEXT = "The value contains half a character (a lone surrogate). Type it again."

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.]+")  # ends no comment in any format


@dataclass(frozen=True)
class Rendered:
    """A file's text; `left_out` says for each key that isn't in it why, and what to do."""

    text: str
    left_out: dict[str, str]


@dataclass(frozen=True)
class Format:
    """A file format for variables; `label` is what people call it.

    `render` takes keys and values and returns the file. It never fails and changes no value:
    what the format can't hold is left out, with the reason.
    """

    name: str
    label: str
    filename: str
    content_type: str
    render: Callable[[Mapping[str, str]], Rendered]


class LeftOut(Exception):
    """A variable that a format can't hold; str() says why and what to do."""


def gather(
    variables: Mapping[str, str], spell: Callable[[str, str], str]
) -> tuple[list[str], dict[str, str]]:
    """Return what `spell` makes of each key and value, by key, and what raised LeftOut."""
    spelled: list[str] = []
    left_out: dict[str, str] = {}
    for key, value in sorted(variables.items()):
        try:
            _check_text(key + value)
            spelled.append(spell(key, value))
        except LeftOut as reason:
            left_out[key] = str(reason)
    return spelled, left_out


def comments(left_out: Mapping[str, str], template: str) -> list[str]:
    """Return a comment for each key left out; a name that could end a comment is only counted."""
    plain = [key for key in left_out if _PLAIN_KEY.fullmatch(key)]
    told = [f"{key} is not included. {left_out[key]}" for key in plain]
    if others := len(left_out) - len(plain):
        told.append(f"Not included, with names that a comment can't hold: {others}")
    return [template.format(line) for line in told]


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LeftOut(NOT_TEXT) from None
