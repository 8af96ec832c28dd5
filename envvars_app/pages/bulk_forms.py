"""Reading what the pages of bulk edit post: a text, where it goes, and what was seen of it."""

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.http import Http404, QueryDict

from console.lib import dotenv
from console.models import Branch
from console.web.listing import ONLY_ALL_BRANCHES
from envvars_app.formats import parse_json
from envvars_app.variables.bulk import Known, Mode, Seen

ALL = ""  # how All branches stands in a form; a list's filter has another word for it
FORMATS = {"env": ".env", "json": "JSON"}
_NUMBER = re.compile(r"[1-9][0-9]{0,14}\Z", re.ASCII)
_MOST = 10**15  # beyond it no id or version is, and SQLite takes no number


@dataclass(frozen=True)
class Sheet:
    """A posted text and what is to be done with it. `scopes` are branch ids as text."""

    text: str = ""
    format: str = "env"
    mode: Mode = Mode.MERGE
    scopes: tuple[str, ...] = (ALL,)
    several: bool = False  # whether the person chooses among many scopes, or one

    @classmethod
    def of(cls, post: QueryDict) -> "Sheet":
        """Read a post; anything that makes no sense falls back to what changes least."""
        text = str(post.get("text", "")).replace("\r\n", "\n")
        named, guessed = str(post.get("format", "")), guess(text)
        mode = str(post.get("mode", ""))
        asked = (ALL if text == ONLY_ALL_BRANCHES else text for text in post.getlist("scope"))
        scopes = tuple(dict.fromkeys(map(str, asked)))
        return cls(
            text=text,
            format=named if named in FORMATS and guessed != "json" else guessed,
            mode=Mode(mode) if mode in {*Mode} else Mode.MERGE,
            scopes=scopes or (ALL,),
            several=len(scopes) > 1 or bool(post.get("several")),
        )

    def moved_to(self, scopes: Iterable[str]) -> "Sheet":
        """Return the same for other scopes."""
        return replace(self, scopes=tuple(scopes))

    def values(self) -> dict[str, str]:
        """Return the text's variables. Raises dotenv.Refused, which names the line."""
        entries = parse_json(self.text) if self.format == "json" else dotenv.parse(self.text)
        return {entry.key: entry.value for entry in entries}


def guess(text: str) -> str:
    """Return the format of a text that was pasted; no .env begins with a brace."""
    return "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "env"


def scope_of(text: str, branches: Iterable[Branch]) -> Branch | None:
    """Return the branch that a form names; None is All branches. Raises Http404."""
    if text in {ALL, ONLY_ALL_BRANCHES}:
        return None
    found = {str(branch.pk): branch for branch in branches}.get(text)
    if found is None or not _NUMBER.match(text):
        raise Http404("Branch not found.")
    return found


def scopes_of(texts: Iterable[str], branches: Sequence[Branch]) -> list[Branch | None]:
    """Return the scopes that a form names. Raises Http404."""
    return [scope_of(text, branches) for text in texts]


def seen_text(sheet: Sheet, seen: Seen) -> str:
    """Return what a preview was based on, for a form to carry: no value, only versions."""
    versions: dict[str, dict[str, list[int]]] = {}
    for (branch_id, key), known in seen.items():
        versions.setdefault(key, {})[str(branch_id or ALL)] = [known.pk, known.version]
    about = {"scopes": sheet.scopes, "mode": sheet.mode, "versions": versions}
    return json.dumps(about, separators=(",", ":"))


def seen_of(text: str, sheet: Sheet) -> Seen | None:
    """Return what the preview of this very sheet was based on; None if it was of another one."""
    try:
        about = json.loads(text)
        if (tuple(about["scopes"]), about["mode"]) != (sheet.scopes, sheet.mode):
            return None
        return {
            (int(scope) if scope else None, key): Known(*_versions(pair))
            for key, scopes in about["versions"].items()
            for scope, pair in scopes.items()
        }
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        return None


def _versions(pair: Any) -> tuple[int, int]:
    """Return an id and a version. Raises ValueError for anything else."""
    pk, version = pair
    if not all(type(number) is int and 0 < number < _MOST for number in (pk, version)):
        raise ValueError("no id and version")
    return pk, version
