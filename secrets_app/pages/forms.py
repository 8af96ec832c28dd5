"""Form of edit mode: turns the changed rows into commands, and ignores the rest.

Not a Django formset: with a thousand rows, that takes 0.75 s of CPU and exceeds the limit of 1,000
fields.
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


@dataclass(frozen=True)
class NewRow:
    """A new row as it is shown: blank, or not saved. Without the value, which pages never hold.

    `number` is "N" in the blank row that JavaScript copies. `offered` marks an override that is
    shown beside its base: its key can't be edited.
    """

    number: int | str
    key: str = ""
    branch: str = ""
    base: str = ""
    outcome: RowOutcome | None = None
    offered: bool = False
    pk: None = None


def commands_of(post: QueryDict) -> list[SecretCommand]:
    """Return the commands that the posted form asks for, one per row."""
    return [*_known_rows(post), *_new_rows(post)]


def new_rows_of(post: QueryDict) -> list[NewRow]:
    """Return the new rows that were filled in, without their values."""
    return [
        NewRow(
            number,
            field(post, f"{token}-key"),
            field(post, f"{token}-branch"),
            field(post, f"{token}-base"),
        )
        for number, token in new_rows(post)
    ]


def refuse_stale(commands: Iterable[SecretCommand]) -> list[RowOutcome]:
    """Return a refusal for each command from a page with an outdated path profile."""
    message = "The app's path profile changed after you opened this page. Reload it, then save."
    return [
        RowOutcome(command.token, Result.REFUSED, message, version=command.expected_version)
        for command in commands
    ]


def content_of(command: SecretCommand) -> tuple[object, ...]:
    """Return what a command does, with its value, to compare it with a repeated one."""
    value = command.value.reveal() if isinstance(command, SetSecret) else None
    name = type(command).__name__
    line_breaks = isinstance(command, SetSecret) and command.line_breaks
    is_for_good = isinstance(command, DeleteSecret) and command.without_copy
    about = (command.secret_id, command.key, command.branch_id)
    return name, *about, line_breaks, is_for_good, value


def parse_versions(versions: str) -> tuple[int, int]:
    """Parse the versions of a secret and its mirror, such as "3:4". Anything else is (0, 0)."""
    version, _, mirror_version = (versions if _PAIR.match(versions) else "0:0").partition(":")
    return int(version), int(mirror_version)


def _known_rows(post: QueryDict) -> Iterator[SecretCommand]:
    for row in known_rows(post):
        base, revision = known_base(field(post, f"base-{row}"))
        value = text(post, f"value-{row}")
        if post.get(f"remove-{row}"):
            yield DeleteSecret(
                row,
                int(row),
                expected_version=base,
                revision=revision,
                without_copy=f"without_copy-{row}" in post,
            )
        elif value:  # pages never hold values, so an empty field leaves the value as it is
            yield SetSecret(
                row,
                int(row),
                value=SecretValue(value),
                line_breaks="line_breaks" in post,
                expected_version=base,
                revision=revision,
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
            line_breaks="line_breaks" in post,
            expected_version=base,
            revision=revision,
        )
