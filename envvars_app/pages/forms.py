"""Form of edit mode: turns the posted rows into commands, and drops unchanged rows.

Without JavaScript the browser posts every row of the page, with the version it was rendered with. A
row counts as changed if it differs from that version, even if someone has since written another.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import QueryDict

from console.lib.row_forms import field, known_base, known_rows, new_base, new_rows, text, version
from console.models import App
from envvars_app.models import VariableVersion
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand

_PAIR = re.compile(r"\b([0-9]{1,15}):([0-9]{1,9})\b", re.ASCII)
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True)
class NewRow:
    """A new row as it was typed. `fixed` marks an override, whose key can't be edited."""

    number: int
    key: str
    value: str
    branch: str
    base: str
    fixed: bool = False


def commands_of(post: QueryDict, app: App) -> list[VariableCommand]:
    """Return the commands that the posted form asks for, one per row."""
    rows = known_rows(post)
    bases = {int(row): known_base(field(post, f"base-{row}"))[0] for row in rows}
    rendered = _rendered(app, bases)
    known = (_known(post, row, rendered) for row in rows)
    return [*filter(None, known), *_new(post)]


def new_rows_of(post: QueryDict) -> list[NewRow]:
    """Return the new rows that were filled in, as typed."""
    return [
        NewRow(
            number,
            field(post, f"{token}-key"),
            text(post, f"{token}-value"),
            field(post, f"{token}-branch"),
            field(post, f"{token}-base"),
            bool(field(post, f"{token}-fixed")),
        )
        for number, token in new_rows(post)
    ]


def is_same_text(one: str, other: str) -> bool:
    """Return True if the texts differ only in line breaks, which text areas don't preserve."""
    return _LINE_END.sub("\n", one) == _LINE_END.sub("\n", other)


def _rendered(app: App, bases: dict[int, int]) -> dict[tuple[int, int], VariableVersion]:
    """Return the versions that the posted rows were rendered with, by id and version."""
    versions = VariableVersion.objects.filter(
        variable__app=app, variable__in=bases, version__in=set(bases.values())
    )
    return {(row.variable_id, row.version): row for row in versions}


def _known(
    post: QueryDict, row: str, rendered: dict[tuple[int, int], VariableVersion]
) -> VariableCommand | None:
    base, revision = known_base(field(post, f"base-{row}"))
    if post.get(f"remove-{row}"):
        choice = field(post, f"overrides-{row}")
        overrides = Overrides(choice) if choice in {*Overrides} else Overrides.ASK
        seen = parse_versions(field(post, f"seen-{row}"))
        return DeleteVariable(
            row,
            int(row),
            expected_version=base,
            revision=revision,
            overrides=overrides,
            seen_overrides=seen,
            without_copy=f"without_copy-{row}" in post,
        )
    was = rendered.get((int(row), base))
    value, key = text(post, f"value-{row}"), _key(post, f"key-{row}")
    if was is not None and was.value is not None:
        value = was.value if is_same_text(value, was.value) else value
        key = None if key == was.key else key
        if value == was.value and key is None:
            return None
    return SetVariable(
        row,
        int(row),
        key=key,
        value=value,
        line_breaks="line_breaks" in post or (was is not None and value == was.value),
        expected_version=base,
        revision=revision,
    )


def _key(post: QueryDict, name: str) -> str | None:
    """Return the typed key, or None if the form has no such field."""
    return field(post, name).strip(" ") if name in post else None


def parse_versions(pairs: str) -> dict[int, int]:
    """Parse the overrides that a page showed, such as "22:3,31:1", into id to version."""
    # Cut, because the field's length is up to the client.
    return {int(pk): int(number) for pk, number in _PAIR.findall(pairs[:100_000])}


def _new(post: QueryDict) -> Iterator[VariableCommand]:
    for row in new_rows_of(post):
        base, revision = new_base(row.base)
        yield SetVariable(
            f"new-{row.number}",
            key=row.key.strip(" "),
            branch_id=None if row.branch == "" else version(row.branch),
            value=row.value,
            line_breaks="line_breaks" in post,
            expected_version=base,
            revision=revision,
        )
