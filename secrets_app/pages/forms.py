"""Reading what the edit mode posts: only rows that changed count, everything else is ignored.

A Django formset of a thousand rows takes 0.75 s of CPU and breaks the limit of 1,000 fields.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.http import QueryDict

from console.lib.results import Result, RowOutcome
from console.lib.row_forms import field, known_base, known_rows, new_base, new_rows, text, version
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret

_PAIR = re.compile(r"[0-9]{1,9}:[0-9]{1,9}\Z", re.ASCII)
_TICK = re.compile(r"([1-9][0-9]{0,14}):([0-9]{1,9}(?::-?[0-9]{1,18})?)\Z", re.ASCII)


@dataclass(frozen=True)
class NewRow:
    """What may be shown again of a new row that was not saved: never its value."""

    number: int
    key: str
    branch: str
    base: str


def commands_of(post: QueryDict) -> list[SecretCommand]:
    """Return what the posted form asks for, each row once."""
    return [*_known_rows(post), *_new_rows(post)]


def new_rows_of(post: QueryDict) -> list[NewRow]:
    """Return the filled new rows as they can be shown again."""
    return [
        NewRow(
            number,
            field(post, f"{token}-key"),
            field(post, f"{token}-branch"),
            field(post, f"{token}-base"),
        )
        for number, token in new_rows(post)
    ]


def too_old(commands: Iterable[SecretCommand]) -> list[RowOutcome]:
    """Refuse what comes from a page that the app's settings have overtaken."""
    message = "The app's path profile changed after you opened this page. Reload it, then save."
    return [
        RowOutcome(command.token, Result.REFUSED, message, version=command.expected_version)
        for command in commands
    ]


def both_versions(shown: str) -> tuple[int, int]:
    """Return the versions of a secret and of its mirror, from "3:4"; what is neither is (0, 0)."""
    version, _, mirror_version = (shown if _PAIR.match(shown) else "0:0").partition(":")
    return int(version), int(mirror_version)


def removals_of(ticks: Iterable[str]) -> dict[int, SecretCommand]:
    """Return the removal of each ticked secret by its id, from texts like "17:" and its base."""
    found = filter(None, map(_TICK.match, ticks))
    bases = {match[1]: known_base(match[2]) for match in found}
    return {
        int(pk): DeleteSecret(pk, int(pk), expected_version=base, revision=revision)
        for pk, (base, revision) in bases.items()
    }


def _known_rows(post: QueryDict) -> Iterator[SecretCommand]:
    for row in known_rows(post):
        base, revision = known_base(field(post, f"base-{row}"))
        value = text(post, f"value-{row}")
        if post.get(f"remove-{row}"):
            yield DeleteSecret(row, int(row), expected_version=base, revision=revision)
        elif value:
            yield SetSecret(
                row, int(row), value=SecretValue(value), expected_version=base, revision=revision
            )


def _new_rows(post: QueryDict) -> Iterator[SecretCommand]:
    for _, token in new_rows(post):
        branch = field(post, f"{token}-branch")
        base, revision = new_base(field(post, f"{token}-base"))
        yield SetSecret(
            token,
            key=field(post, f"{token}-key").strip(" "),
            branch_id=None if branch == "" else version(branch),
            value=SecretValue(text(post, f"{token}-value")),
            expected_version=base,
            revision=revision,
        )
