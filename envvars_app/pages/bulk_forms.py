"""Forms of bulk edit: the text, its scopes, and the versions that the preview was based on."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.http import Http404, QueryDict

from console.lib.documents.json import parse_json
from console.lib.text import dotenv
from console.models import Branch
from console.web.lists.listing import ONLY_ALL_BRANCHES
from envvars_app.formats.validation import length_problem
from envvars_app.variables.bulk import Baseline, KnownVariable, Mode

ALL = ""  # All branches in a form; the filter of a list uses ONLY_ALL_BRANCHES instead
FORMATS = {"env": ".env", "json": "JSON"}
_NUMBER = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)
_MAX_INTEGER = 10**15  # above every id and version, below SQLite's largest integer


@dataclass(frozen=True)
class BulkForm:
    """A posted text and what to do with it. `scopes` are branch ids as text, ALL among them."""

    text: str = ""
    format: str = "env"
    mode: Mode = Mode.MERGE
    scopes: tuple[str, ...] = (ALL,)
    several: bool = False  # True if the page offers several scopes to choose

    @classmethod
    def of(cls, post: QueryDict) -> "BulkForm":
        """Read a POST. Invalid input falls back to the choice that changes the least."""
        text = str(post.get("text", "")).replace("\r\n", "\n")  # browsers post CR LF
        named, guessed_format = str(post.get("format", "")), guess_format(text)
        mode = str(post.get("mode", ""))
        requested = (ALL if text == ONLY_ALL_BRANCHES else text for text in post.getlist("scope"))
        scopes = tuple(dict.fromkeys(map(str, requested)))
        return cls(
            text=text,
            # A text that starts with a brace is JSON, whatever the form says.
            format=named if named in FORMATS and guessed_format != "json" else guessed_format,
            mode=Mode(mode) if mode in {*Mode} else Mode.MERGE,
            scopes=scopes or (ALL,),
            several=len(scopes) > 1 or bool(post.get("several")),
        )

    @cached_property
    def document(self) -> dotenv.Document:
        """Return the parsed text. Raises dotenv.Refused, which names the line."""
        if self.format == "json":
            return dotenv.Document(parse_json(self.text), has_comments=False)
        return dotenv.read(self.text)

    def values(self) -> dict[str, str]:
        """Return the variables in the text. Raises dotenv.Refused, which names the line.

        A value that is too long is refused here, before anything is made of it.
        """
        for entry in self.document.entries:
            if problem := length_problem(entry.value):
                raise dotenv.Refused(problem, entry.line)
        return {entry.key: entry.value for entry in self.document.entries}


def guess_format(text: str) -> str:
    """Return the format of a pasted text. No valid .env file starts with a brace."""
    return "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "env"


def scope_of(text: str, branches: Iterable[Branch]) -> Branch | None:
    """Return the branch with this id, or None for All branches. Raises Http404."""
    if text in {ALL, ONLY_ALL_BRANCHES}:
        return None
    found = {str(branch.pk): branch for branch in branches}.get(text)
    if found is None or not _NUMBER.match(text):
        raise Http404("Branch not found.")
    return found


def scopes_of(texts: Iterable[str], branches: Sequence[Branch]) -> list[Branch | None]:
    """Return the scopes with these ids. Raises Http404."""
    return [scope_of(text, branches) for text in texts]


def dump_baseline(form: BulkForm, baseline: Baseline) -> str:
    """Serialize the versions that a preview was based on, for a hidden field. Holds no values."""
    versions: dict[str, dict[str, list[int]]] = {}
    for (branch_id, key), known in baseline.items():
        versions.setdefault(key, {})[str(branch_id or ALL)] = [known.pk, known.version]
    about = {"scopes": form.scopes, "mode": form.mode, "versions": versions}
    return json.dumps(about, separators=(",", ":"))


def parse_baseline(text: str, form: BulkForm) -> Baseline | None:
    """Return the versions that the preview of this form was based on.

    None if the preview was of other scopes or another mode: then nobody has seen these changes.
    """
    try:
        about = json.loads(text)
        if (tuple(about["scopes"]), about["mode"]) != (form.scopes, form.mode):
            return None
        return {
            (int(scope) if scope else None, key): KnownVariable(*_versions(pair))
            for key, scopes in about["versions"].items()
            for scope, pair in scopes.items()
        }
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None


def _versions(pair: Any) -> tuple[int, int]:
    pk, version = pair
    if not all(type(number) is int and 0 < number < _MAX_INTEGER for number in (pk, version)):
        raise ValueError("no id and version")
    return pk, version
