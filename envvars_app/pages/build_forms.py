"""Forms of the build settings pages."""

import hashlib
from dataclasses import dataclass

from django.http import QueryDict

from console.lib.row_forms import field, version
from envvars_app.build_settings import PipeOptions
from envvars_app.buildspec.recipes import RECIPES


def base_version(post: QueryDict) -> int:
    """Return the version that the page was rendered with."""
    return version(field(post, "base"))


def digest(text: str) -> str:
    """Return a text's SHA-256, to check that what is saved is what the preview showed."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()


@dataclass(frozen=True)
class PipeForm:
    """The form that pipes variables to a file. `shown_digest` is the digest of the preview."""

    options: PipeOptions
    base: int
    shown_digest: str
    is_save: bool

    @classmethod
    def of(cls, post: QueryDict) -> "PipeForm":
        """Read a POST. An unknown recipe becomes the first one."""
        first = next(iter(RECIPES.values()))
        options = PipeOptions(
            recipe=RECIPES.get(post.get("recipe", ""), first),
            names=tuple(post.getlist("names")),
            prefix=post.get("prefix", "").strip(),
            folder=post.get("folder", ""),
            app_root=post.get("app_root", ""),
        )
        return cls(options, base_version(post), post.get("seen", ""), "save" in post)
