"""Find hosts of another environment, such as staging, in the values of variables.

Only a value that is one URL counts, or one host name under a key such as DB_HOST: a list of allowed
origins names several environments on purpose.
"""

import re
from collections.abc import Iterable

_URL = re.compile(
    r"[a-z][a-z0-9+.:-]{0,30}://(?:[^\s/?#@]*@)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?"
    r"(?:[/?#]\S*)?\Z",
    re.IGNORECASE | re.ASCII,
)
_HOST = re.compile(
    r"([a-z0-9_-]+(?:\.[a-z0-9_-]+){2,})\.?(?::[0-9]{1,5})?\Z", re.IGNORECASE | re.ASCII
)
_HOST_KEY = re.compile(r"(^|_)(HOST|HOSTNAME|DOMAIN|ENDPOINT|SERVER)$", re.IGNORECASE)
_LOCAL = re.compile(r"localhost|.+\.localhost|127(\.[0-9]+){3}|0\.0\.0\.0|\[::1?\]")
LOCAL = "a developer's machine"
# Words that name an environment wherever they stand, and words for the same one
_CERTAIN = frozenset({"staging", "stg", "uat", "qa", "preprod", "nonprod", "sandbox"})
_ALIASES = (
    frozenset({"dev", "develop", "development"}),
    frozenset({"staging", "stage", "stg"}),
    frozenset({"test", "testing"}),
)
# Branches that are called like a part of the product
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


def other_environment(key: str, host: str, own: str, others: Iterable[str]) -> str:
    """Return which environment's host this is, unless it is that of the branch `own`, or "".

    `others` are the names of the app's other branches. A key that names the environment itself,
    such as STAGING_URL, is about it on purpose.
    """
    if not host:
        return ""
    if _LOCAL.fullmatch(host):
        return LOCAL
    labels = _labels(host)
    words = {part for label in labels for part in _PART.split(label)}
    meant = {word for name in (own, *_PART.split(key)) for word in _words_of(name)}
    found = [name for name in others if _names(name, labels, words, meant)]
    certain = sorted(_CERTAIN & words - meant)
    return next(iter([*found, *certain]), "")


def _labels(host: str) -> list[str]:
    """Return the labels before those that name the company or network."""
    labels = host.split(".")
    return labels[: -1 if labels[-1] in _PRIVATE else -2]


def _names(branch: str, labels: Iterable[str], words: set[str], meant: set[str]) -> bool:
    """Return True if a host's labels name a branch: a whole label, or a word in one."""
    label = _label(branch)
    if len(label) < 2 or label.isdigit() or label in meant or _SERVICES.fullmatch(label):
        return False
    own_words = _words_of(branch)
    is_word = len(own_words) > 1 or label in _CERTAIN
    return label in labels or (is_word and bool(words & own_words - meant))


def _label(branch: str) -> str:
    """Return a branch's name as Amplify's host names have it: feature/login is feature-login."""
    return _NO_LABEL.sub("-", branch.lower()).strip("-")


def _words_of(branch: str) -> set[str]:
    """Return the words for a branch's environment."""
    label = _label(branch)
    return {label, *(word for alike in _ALIASES if label in alike for word in alike)}
