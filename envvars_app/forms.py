"""Reading what the edit mode of variables posts: rows that nobody changed are left out.

Without JavaScript every row of the page is posted, with the version that it was rendered with. A
row is changed if it differs from that version, whatever others have made of it meanwhile.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.http import QueryDict

from console.models import App
from envvars_app.changes import Change, Overrides
from envvars_app.models import VariableVersion

# A base that is no version matches none: the row becomes a conflict, never an overwrite.
_NO_VERSION = -1
_NUMBER = re.compile(r"[0-9]{1,9}\Z", re.ASCII)
_KNOWN_ROW = re.compile(r"(?:value|remove)-([1-9][0-9]{0,14})\Z", re.ASCII)
_NEW_ROW = re.compile(r"new-([1-9][0-9]{0,8})-key\Z", re.ASCII)
_LINE_END = re.compile(r"\r\n?")


@dataclass(frozen=True)
class NewRow:
    """A new row as it was typed, to be shown again. `fixed` is the row that it overrides."""

    number: int
    key: str
    value: str
    branch: str
    base: str
    fixed: bool = False


def changes_of(post: QueryDict, app: App) -> list[Change]:
    """Return what the posted form asks for, each row once."""
    rows = dict.fromkeys(match[1] for match in map(_KNOWN_ROW.match, post) if match)
    bases = {int(row): _version(_field(post, f"base-{row}")) for row in rows}
    rendered = _rendered(app, bases)
    known = (_known(post, row, rendered) for row in rows)
    return [*filter(None, known), *_new(post)]


def new_rows_of(post: QueryDict) -> list[NewRow]:
    """Return the filled new rows as they can be shown again."""
    return [
        NewRow(
            number,
            _field(post, f"{token}-key"),
            text_of(post, f"{token}-value"),
            _field(post, f"{token}-branch"),
            _field(post, f"{token}-base"),
            bool(_field(post, f"{token}-fixed")),
        )
        for number, token in _new_tokens(post)
    ]


def text_of(post: QueryDict, name: str) -> str:
    """Return a text as it was typed: browsers post a text area's line breaks as CR LF."""
    return _field(post, name).replace("\r\n", "\n")


def same_text(one: str, other: str) -> bool:
    """Say whether two texts are one to a text area, which knows one kind of line break."""
    return _LINE_END.sub("\n", one) == _LINE_END.sub("\n", other)


def _rendered(app: App, bases: dict[int, int]) -> dict[tuple[int, int], VariableVersion]:
    """Return what the posted rows were rendered with, by id and version."""
    versions = VariableVersion.objects.filter(
        variable__app=app, variable__in=bases, version__in=set(bases.values())
    )
    return {(row.variable_id, row.version): row for row in versions}


def _known(
    post: QueryDict, row: str, rendered: dict[tuple[int, int], VariableVersion]
) -> Change | None:
    base = _version(_field(post, f"base-{row}"))
    if post.get(f"remove-{row}"):
        choice = _field(post, f"overrides-{row}")
        overrides = Overrides(choice) if choice in {*Overrides} else Overrides.ASK
        return Change(row, int(row), base=base, overrides=overrides)
    was = rendered.get((int(row), base))
    value, key = text_of(post, f"value-{row}"), _field(post, f"key-{row}").strip(" ")
    if was is not None and was.value is not None:
        value = was.value if same_text(value, was.value) else value
        key = "" if key == was.key else key
        if value == was.value and not key:
            return None
    return Change(row, int(row), key=key, value=value, base=base)


def _new(post: QueryDict) -> Iterator[Change]:
    for row in new_rows_of(post):
        yield Change(
            f"new-{row.number}",
            key=row.key.strip(" "),
            branch_id=None if row.branch == "" else _version(row.branch),
            value=row.value,
            base=_version(row.base) if row.base else 0,
        )


def _new_tokens(post: QueryDict) -> Iterator[tuple[int, str]]:
    """Yield the new rows in which something was typed."""
    for match in filter(None, map(_NEW_ROW.match, post)):
        token = f"new-{match[1]}"
        if post[f"{token}-key"] or post.get(f"{token}-value"):
            yield int(match[1]), token


def _field(post: QueryDict, name: str) -> str:
    return str(post.get(name, ""))


def _version(text: str) -> int:
    return int(text) if _NUMBER.match(text) else _NO_VERSION
