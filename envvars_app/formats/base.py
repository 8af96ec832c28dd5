"""Types and helpers shared by all formats."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

NOT_TEXT = "The value contains half a character (a lone surrogate). Type it again."

# No format can mistake these characters for the end of a comment.
_COMMENT_SAFE_KEY = re.compile(r"[A-Za-z0-9_.]+")


@dataclass(frozen=True)
class Rendered:
    """A file's text. `left_out` maps each key that isn't in it to the reason and what to do."""

    text: str
    left_out: dict[str, str]


@dataclass(frozen=True)
class Format:
    """A file format for variables. `label` is its name in the interface.

    `render` takes keys and values. It never raises and never alters a value: a variable that the
    format can't hold is left out, with the reason. `comment` begins a comment's line, "" if the
    format has none or other programs might read it.
    """

    name: str
    label: str
    filename: str
    content_type: str
    render: Callable[[Mapping[str, str]], Rendered]
    comment: str = ""

    def with_comments(self, text: str, comments: Sequence[str]) -> str:
        """Return a file's text with comments at its top, if the format has any.

        Each line of a comment becomes one of the file. Comments with characters that could end a
        line otherwise are left out.
        """
        plain = (it for it in comments if it.replace("\n", "").isprintable())
        lines = [line for comment in plain for line in comment.split("\n")]
        return "".join(f"{self.comment}{line}\n" for line in lines if self.comment) + text


class CannotHold(Exception):
    """Raised for a variable that a format can't hold. The message says why and what to do."""


def render_each(
    variables: Mapping[str, str], render_one: Callable[[str, str], str]
) -> tuple[list[str], dict[str, str]]:
    """Render each variable, sorted by key. Return the texts, and the reason for each CannotHold."""
    rendered: list[str] = []
    left_out: dict[str, str] = {}
    for key, value in sorted(variables.items()):
        try:
            _check_encodable(key + value)
            rendered.append(render_one(key, value))
        except CannotHold as reason:
            left_out[key] = str(reason)
    return rendered, left_out


def omission_comments(left_out: Mapping[str, str], template: str) -> list[str]:
    """Return one comment per key left out. Keys that could end a comment are only counted.

    `template` is the format's comment syntax, with {} for the text.
    """
    safe = [key for key in left_out if _COMMENT_SAFE_KEY.fullmatch(key)]
    lines = [f"{key} is not included. {left_out[key]}" for key in safe]
    if others := len(left_out) - len(safe):
        lines.append(f"Not included, with names that a comment can't hold: {others}")
    return [template.format(line) for line in lines]


def _check_encodable(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise CannotHold(NOT_TEXT) from None
