"""Match the branch patterns that limit a role, such as `main` or `release/*`.

A `*` matches any characters including `/`, as in `git branch --list 'release/*'`. Every other
character matches itself. Matching is case-sensitive and covers the whole name.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from console.lib.naming.names import BRANCH_NAME_LIMIT, typed_name_problem

PATTERN_LIMIT = 20  # patterns per role
_ONLY_IN_FNMATCH = re.compile(r"[?\[]")  # git forbids these in a ref, but our names may have them


def matches(patterns: Iterable[str], name: str) -> bool:
    """Return True if any pattern covers the branch `name`."""
    # fnmatch gives `?` and `[` a meaning that git's patterns here don't have, so escape them.
    return any(fnmatchcase(name, _ONLY_IN_FNMATCH.sub(r"[\g<0>]", it)) for it in patterns)


def parse_patterns(text: str) -> list[str]:
    """Return the patterns of a text with one pattern per line.

    Surrounding spaces, blank lines and duplicates are dropped. Git allows no space in a branch
    name.
    """
    return list(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))


def problem(patterns: Iterable[str]) -> str:
    """Return why these patterns are not valid for a role, or "" if they are."""
    patterns = list(patterns)
    if len(patterns) > PATTERN_LIMIT:
        return f"A role can have at most {PATTERN_LIMIT} patterns. You entered {len(patterns)}."
    for pattern in patterns:
        if wrong := typed_name_problem(pattern):
            shown = pattern if pattern.isprintable() else ascii(pattern)
            return f"“{shown[:BRANCH_NAME_LIMIT]}” is not a valid pattern. {wrong}"
    return ""
