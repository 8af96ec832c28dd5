"""Reading what the edit mode posts: only rows that changed count, everything else is ignored.

A Django formset of a thousand rows takes 0.75 s of CPU and breaks the limit of 1,000 fields.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import QueryDict

from console.outcomes import Result, RowOutcome
from secrets_app.changes import Change
from secrets_app.store.base import SecretValue

# A base that is no version matches none: the row becomes a conflict, never an overwrite.
_NO_VERSION = -1
_TICK = re.compile(r"[0-9]{1,15}:[0-9]{1,9}\Z", re.ASCII)
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
# No leading zero: a row has one name, by which its outcome finds it again
_KNOWN_ROW = re.compile(r"(?:value|remove)-([1-9][0-9]{0,14})\Z", re.ASCII)
_NEW_ROW = re.compile(r"new-([1-9][0-9]{0,8})-key\Z", re.ASCII)


@dataclass(frozen=True)
class NewRow:
    """What may be shown again of a new row that was not saved: never its value."""

    number: int
    key: str
    branch: str
    base: str


def changes_of(post: QueryDict) -> list[Change]:
    """Return what the posted form asks for, each row once."""
    return [*_known_rows(post), *_new_rows(post)]


def new_rows_of(post: QueryDict) -> list[NewRow]:
    """Return the filled new rows as they can be shown again."""
    return [
        NewRow(
            number,
            _field(post, f"{token}-key"),
            _field(post, f"{token}-branch"),
            _field(post, f"{token}-base"),
        )
        for number, token in _new_tokens(post)
    ]


def too_old(changes: Iterable[Change]) -> list[RowOutcome]:
    """Refuse what comes from a page that the app's settings have overtaken."""
    message = "The app's path profile changed since this page was loaded. Reload it, then save."
    return [
        RowOutcome(change.token, Result.REFUSED, message, version=change.base) for change in changes
    ]


def versions_of(ticks: Iterable[str]) -> dict[int, int]:
    """Return the version that each ticked secret was shown with, from "id:version" texts."""
    pairs = (tick.split(":") for tick in ticks if _TICK.match(tick))
    return {int(pk): int(version) for pk, version in pairs}


def _known_rows(post: QueryDict) -> Iterator[Change]:
    rows = dict.fromkeys(match[1] for match in map(_KNOWN_ROW.match, post) if match)
    for row in rows:
        base = _version(_field(post, f"base-{row}"))
        text = _text(post, f"value-{row}")
        if post.get(f"remove-{row}"):
            yield Change(row, int(row), base=base)
        elif text:
            yield Change(row, int(row), value=SecretValue(text), base=base)


def _new_rows(post: QueryDict) -> Iterator[Change]:
    for _, token in _new_tokens(post):
        branch, base = _field(post, f"{token}-branch"), _field(post, f"{token}-base")
        yield Change(
            token,
            key=_field(post, f"{token}-key").strip(" "),
            branch_id=None if branch == "" else _version(branch),
            value=SecretValue(_text(post, f"{token}-value")),
            base=_version(base) if base else 0,
        )


def _new_tokens(post: QueryDict) -> Iterator[tuple[int, str]]:
    """Yield the new rows in which something was typed."""
    for match in filter(None, map(_NEW_ROW.match, post)):
        token = f"new-{match[1]}"
        if post[f"{token}-key"] or post.get(f"{token}-value"):
            yield int(match[1]), token


def _text(post: QueryDict, name: str) -> str:
    """Return a value as it was typed: browsers post a text area's line breaks as CR LF."""
    return _field(post, name).replace("\r\n", "\n")


def _field(post: QueryDict, name: str) -> str:
    return str(post.get(name, ""))


def _version(text: str) -> int:
    return int(text) if _NUMBER.match(text) else _NO_VERSION
