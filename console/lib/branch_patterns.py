"""Branch patterns, which narrow a role: `main`, `release/*`. Pure rules, no Django.

A `*` stands for any characters, the `/` among them, as in `git branch --list 'release/*'`. Every
other sign stands for itself, case counts, and the whole name has to match.
"""

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

from console.lib.names import BRANCH_NAME_LIMIT, branch_name_problem

PATTERN_LIMIT = 20  # patterns a role
_ONLY_IN_FNMATCH = re.compile(r"[?\[]")  # in git a branch's name can hold neither; here it can


def matches(patterns: Iterable[str], name: str) -> bool:
    """Say whether one of the patterns covers the branch of this name."""
    return any(fnmatchcase(name, _ONLY_IN_FNMATCH.sub(r"[\g<0>]", it)) for it in patterns)


def read(text: str) -> list[str]:
    """Return the patterns of a text that has one a line; blank lines and repetitions are dropped.

    Spaces at the ends of a line go, too: no name in git has them.
    """
    return list(dict.fromkeys(filter(None, map(str.strip, text.splitlines()))))


def problem(patterns: Iterable[str]) -> str:
    """Return why these can't be a role's patterns, or "" where they can."""
    patterns = list(patterns)
    if len(patterns) > PATTERN_LIMIT:
        return f"A role can have at most {PATTERN_LIMIT} patterns. You entered {len(patterns)}."
    for pattern in patterns:
        if wrong := branch_name_problem(pattern):
            shown = pattern if pattern.isprintable() else ascii(pattern)
            return f"“{shown[:BRANCH_NAME_LIMIT]}” is not a valid pattern. {wrong}"
    return ""
