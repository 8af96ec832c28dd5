"""What the build settings' pages post."""

import hashlib
from dataclasses import dataclass

from django.http import Http404, QueryDict

from console.lib.row_forms import field, version
from envvars_app.build_settings import Piping
from envvars_app.buildspec.recipes import RECIPES


def branch_of(query: QueryDict) -> int | None:
    """Return the branch's id in an address, None for All branches. Raises Http404."""
    text = query.get("branch", "")
    if text and (not text.isdecimal() or len(text) > 18):
        raise Http404("Branch not found.")
    return int(text) if text else None


def base_of(post: QueryDict) -> int:
    """Return the version that a page was rendered with."""
    return version(field(post, "base"))


def digest(text: str) -> str:
    """Return what tells whether a text is the one that somebody saw."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class PipeForm:
    """A choice of variables and of a file. `seen` is the digest of what was shown for it."""

    piping: Piping
    base: int
    seen: str
    saves: bool

    @classmethod
    def of(cls, post: QueryDict) -> "PipeForm":
        """Read a post; what no recipe is called is the first recipe."""
        first = next(iter(RECIPES.values()))
        piping = Piping(
            recipe=RECIPES.get(post.get("recipe", ""), first),
            names=tuple(post.getlist("names")),
            prefix=post.get("prefix", "").strip(),
            folder=post.get("folder", ""),
            app_root=post.get("app_root", ""),
        )
        return cls(piping, base_of(post), post.get("seen", ""), "save" in post)
