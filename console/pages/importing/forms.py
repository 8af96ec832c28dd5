"""The form of an import: a text, its scopes, and the rows of a preview that were chosen.

A row is written "secret 12 3:1764 API_KEY": its kind, the id of its branch ("all" for All
branches), what it is based on, and its key. One field can hold several of them, a line each,
because Django takes at most a thousand fields.

A value whose key is not in the text is removed by a field of its own, written in the same way with
the value's token: "secret 12 34:3:1764 API_KEY".
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from django.http import Http404, QueryDict

from console.access.policy import Access
from console.audit.events import ONE_TEXT
from console.environment.importing import ImportRow
from console.environment.sources import sources
from console.lib.documents import gen1, parse
from console.lib.documents.json import parse_json
from console.lib.row_forms import known_base
from console.lib.text.dotenv import Entry, Refused
from console.models import Branch
from console.web.lists.listing import ONLY_ALL_BRANCHES
from console.workflows.absent_keys import AbsentKey, RemovalRow
from console.workflows.importing import Choice, Line, Scope

ALL, REMOVE = "all", "remove"
_REMOVAL = re.compile(r"([a-z]{1,20}) (all|[1-9][0-9]{0,14}) ([a-z0-9:-]{1,60}) (.+)\Z", re.ASCII)
_ROW = re.compile(r"([a-z]{1,20}) (all|[1-9][0-9]{0,14}) ([0-9:-]{1,30}) (.+)\Z", re.ASCII)


@dataclass(frozen=True)
class PostedRow:
    """A row of a preview, as it is posted back."""

    noun: str
    branch_id: int | None
    base: str
    key: str

    @property
    def scope(self) -> Scope:
        """Return the id of the branch and the key."""
        return self.branch_id, self.key


@dataclass(frozen=True)
class ImportForm:
    """A posted import. `kinds` are by key, and only those that were chosen.

    `environment` is chosen of those in a file of Amplify Gen 1.
    `generated` are random values, made in the browser, that replace those in the text.
    `lists_absent` shows what the scopes have and the text lacks, of which `removals` were chosen.
    """

    text: str = field(default="", repr=False)
    scopes: Sequence[Branch | None] = (None,)
    kinds: dict[str, str] = field(default_factory=dict)
    cleaned: frozenset[str] = frozenset()
    rows: tuple[PostedRow, ...] = ()
    generated: dict[str, str] = field(default_factory=dict, repr=False)
    lists_absent: bool = False
    environment: str = ""
    removals: tuple[RemovalRow, ...] = ()

    @classmethod
    def of(cls, post: QueryDict, access: Access) -> "ImportForm":
        """Read a post. Raises Http404 for a branch that the app doesn't have."""
        nouns = {source.noun for source in sources()}
        kinds = (line.partition(" ") for line in _lines(post, "kind"))
        return cls(
            text=str(post.get("text", "")).replace("\r\n", "\n"),  # browsers post CR LF
            scopes=scopes_of(post, access),
            kinds={key: noun for noun, _, key in kinds if noun in nouns},
            cleaned=frozenset(_lines(post, "clean")),
            generated=_values(str(post.get("generated", ""))),
            rows=tuple(row for row in _rows(_lines(post, "row")) if row.noun in nouns),
            lists_absent=post.get("absent") == REMOVE,
            environment=str(post.get("environment", "")),
            removals=tuple(dict.fromkeys(_removals(_lines(post, "remove")))),
        )

    def entries(self) -> list[Entry]:
        """Return the keys and values of the text. Raises dotenv.Refused, which names the line."""
        return [
            replace(entry, value=self.generated.get(entry.key, entry.value))
            for entry in parse(self.text, environment=self.chosen_environment)
        ]

    @cached_property
    def environments(self) -> list[str]:
        """Return the environments in the text, if it is a file of Amplify Gen 1."""
        return gen1.environments(self.text)

    @property
    def chosen_environment(self) -> str:
        """Return the chosen environment, otherwise the one named like the branch, or the first."""
        branch = self.scopes[0]
        wanted = (self.environment, branch.name if branch else "", *self.environments)
        return next((name for name in wanted if name in self.environments), "")

    @property
    def choice(self) -> Choice:
        """Return what was chosen, for a preview."""
        seen = {(row.noun, row.scope): row.base for row in self.rows}
        return Choice(self.scopes, self.kinds, self.cleaned, seen)

    def import_rows(self, entries: Sequence[Entry]) -> tuple[list[tuple[str, ImportRow]], int]:
        """Return the chosen rows with their values, and the number of keys that the text lacks.

        A row whose kind was chosen differently afterwards has no base: nothing of that kind may be
        overwritten, because nobody has seen it.
        """
        values = {entry.key: entry.value for entry in entries}
        rows = {row.scope: row for row in self.rows}.values()
        found = [self._import_row(row, values[row.key]) for row in rows if row.key in values]
        return found, len({row.key for row in rows if row.key not in values})

    def _import_row(self, row: PostedRow, value: str) -> tuple[str, ImportRow]:
        noun = self.kinds.get(row.key, row.noun)
        version, revision = known_base(row.base if noun == row.noun else "0")
        token = token_of(row.branch_id, row.key)
        origin = ONE_TEXT if len(self.scopes) > 1 else None
        return noun, ImportRow(token, row.key, row.branch_id, value, version, revision, origin)


def removal_text(absent: AbsentKey) -> str:
    """Return a value to remove as a form posts it, which names its row, too.

    Once the value has changed, it is another row, which nobody has chosen.
    """
    branch_id = absent.branch.pk if absent.branch else ALL
    return f"{absent.noun} {branch_id} {absent.value} {absent.key}"


def token_of(branch_id: int | None, key: str) -> str:
    """Return the name of a row in a page."""
    return f"{branch_id or ALL} {key}"


def row_text(line: Line) -> str:
    """Return a row as a form posts it."""
    branch_id, key = line.planned.scope
    return f"{line.noun} {branch_id or ALL} {line.planned.base} {key}"


def posted_text(row: PostedRow) -> str:
    """Return a row as it was posted."""
    return f"{row.noun} {row.branch_id or ALL} {row.base} {row.key}"


def scopes_of(post: QueryDict, access: Access) -> list[Branch | None]:
    """Return the scopes in a form or an address, each once. All branches if there are none."""
    wanted = dict.fromkeys(post.getlist("scope")) or {"": None}
    live = (branch for branch in access.branches if branch.deleted_at is None)
    branches = {str(branch.pk): branch for branch in live}
    scopes: list[Branch | None] = []
    for text in wanted:
        if text in {"", ALL, ONLY_ALL_BRANCHES}:
            scopes.append(None)
        elif text in branches:
            scopes.append(branches[text])
        else:
            raise Http404("Branch not found.")
    return list(dict.fromkeys(scopes))


def _lines(post: QueryDict, name: str) -> Iterator[str]:
    """Yield the lines of the fields of this name, or whose names start with it and a hyphen."""
    for field_name in post:
        if field_name == name or field_name.startswith(f"{name}-"):
            for value in post.getlist(field_name):
                yield from str(value).replace("\r\n", "\n").split("\n")


def _values(text: str) -> dict[str, str]:
    """Parse values by key. Anything else is left out, as if there were none."""
    try:
        return {entry.key: entry.value for entry in parse_json(text)}
    except Refused:
        return {}


def _rows(lines: Iterable[str]) -> Iterator[PostedRow]:
    for match in filter(None, map(_ROW.match, lines)):
        noun, branch, base, key = match.groups()
        yield PostedRow(noun, None if branch == ALL else int(branch), base, key)


def _removals(lines: Iterable[str]) -> Iterator[RemovalRow]:
    for match in filter(None, map(_REMOVAL.match, lines)):
        noun, branch, value, key = match.groups()
        yield RemovalRow(match[0], noun, key, None if branch == ALL else int(branch), value)
