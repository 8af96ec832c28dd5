"""Find hosts of another environment, such as staging, in values.

Only a value that is one URL counts, or one host name under a key such as DB_HOST: a list of allowed
origins names several environments on purpose.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from console.lib.naming.lookalikes import spell_out

_URL = re.compile(
    r"^[a-z][a-z0-9+.:-]{0,30}://(?:[^\s/?#@]*@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?"
    r"(?:[/?#]\S*)?$",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(
    r"^([a-z0-9_-]+(?:\.[a-z0-9_-]+){2,})\.?(?::[0-9]{1,5})?$", re.IGNORECASE | re.ASCII
)
_HOST_KEY = re.compile(r"(^|_)(HOST|HOSTNAME|DOMAIN|ENDPOINT|SERVER)$", re.IGNORECASE)
_LOCAL = re.compile(r"^(localhost|.+\.localhost|127(\.[0-9]+){3}|0\.0\.0\.0|\[::1?\])$")
LOCAL = "a developer's machine"
# Words that always name an environment, and words for the same one
_CERTAIN = frozenset({"staging", "stg", "uat", "qa", "preprod", "nonprod", "sandbox"})
_ALIASES = (
    frozenset({"dev", "develop", "development"}),
    frozenset({"staging", "stage", "stg"}),
    frozenset({"test", "testing"}),
)
# Branches that share their name with a part of the product
_SERVICES = re.compile(
    r"admin|api|apps?|assets|auth|blog|cdn|docs|files|gateway|graphql|help|images|img|login|mail"
    r"|media|portal|shop|sso|static|status|store|support|web|www"
)
_PRIVATE = frozenset({"internal", "local", "lan", "corp", "home"})  # networks
_PART = re.compile(r"[-_]")
_NO_LABEL = re.compile(r"[^a-z0-9]+")


def host_of(key: str, value: str) -> str:
    """Return the host that the value of a variable consists of, in lowercase, or ""."""
    if len(value) > 2_000:  # no browser takes a longer URL
        return ""
    text = value.strip()
    found = _URL.match(text) or (_HOST.match(text) if _HOST_KEY.search(key) else None)
    return found[1].lower().rstrip(".") if found else ""


class Environments:
    """The environments of an app: that of its production branch, and the others."""

    def __init__(self, production: str, others: Iterable[str]) -> None:
        self._own = _words_of(production)
        labels: dict[str, str] = {}  # of Amplify's host names, and the branches they name
        words: dict[str, str] = {}  # for environments, and the branches they name
        for name in others:
            label = _label(name)
            if len(label) < 2 or label.isdigit() or _SERVICES.fullmatch(label):
                continue
            labels.setdefault(label, name)
            own = _words_of(name)
            if len(own) > 1 or label in _CERTAIN:
                words |= {word: words.get(word, name) for word in own}
        self._named = {word: word for word in _CERTAIN} | words | labels

    def named_by(self, key: str, host: str) -> str:
        """Return which other environment's host this is: a branch, a word, LOCAL, or "".

        A key that names the environment itself, such as STAGING_URL, is about it on purpose.
        """
        if not host or _LOCAL.match(host):
            return LOCAL if host else ""
        meant = self._own.union(*map(_words_of, _PART.split(key)))
        labels = _labels(host)
        words = [word for label in labels for part in _PART.split(label) for word in (label, part)]
        return next((self._named[it] for it in words if it in self._named and it not in meant), "")

    @cached_property
    def rule(self) -> Mapping[str, Any]:
        """Return what static/js/manage/hosts.js needs to apply the same rule."""
        patterns = {"url": _URL, "host": _HOST, "hostKey": _HOST_KEY, "local": _LOCAL}
        return {
            **{name: pattern.pattern for name, pattern in patterns.items()},
            "localName": LOCAL,
            "privateNames": sorted(_PRIVATE),
            "aliases": [sorted(alike) for alike in _ALIASES],
            "own": sorted(self._own),
            "named": {word: spell_out(name) for word, name in self._named.items()},
        }


def _labels(host: str) -> list[str]:
    """Return the labels before those that name the company or network."""
    labels = host.split(".")
    return labels[: -1 if labels[-1] in _PRIVATE else -2]


def _label(branch: str) -> str:
    """Return a branch's name as Amplify's host names have it: feature/login is feature-login."""
    return _NO_LABEL.sub("-", branch.lower()).strip("-")


def _words_of(branch: str) -> frozenset[str]:
    """Return the words for a branch's environment."""
    label = _label(branch)
    return frozenset({label, *(word for alike in _ALIASES if label in alike for word in alike)})
