"""Validate the names that Amplify gives to apps, branches and parameter paths."""

import re
import unicodedata
from enum import StrEnum

APP_ID_PATTERN = r"^d[a-z0-9]{1,19}$"
SAMPLE_APP_IDS = "dsample"  # their start; Amplify's own IDs are random
BRANCH_NAME_LIMIT = 255  # characters; Amplify's CreateBranch takes 1 to 255
ALL_BRANCHES = "All branches"  # the scope of secrets and variables that apply to every branch

# HTML's pattern attribute needs `$`, but in Python `$` would also match before a final newline.
_APP_ID = re.compile(APP_ID_PATTERN.removesuffix("$") + r"\Z")
# Bidirectional controls and zero-width characters
_DISGUISING = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class PathProfile(StrEnum):
    """Which of Amplify's two parameter paths an app's branches use (docs/parameter-paths.md)."""

    BOTH = "both"
    DOCUMENTED = "documented"
    BACKEND = "backend"


def is_app_id(text: str) -> bool:
    """Return True if `text` is an Amplify app ID.

    The path segments `shared` and `resource_reference` never are, so paths stay unambiguous.
    """
    return _APP_ID.match(text) is not None


def branch_name_problem(name: str) -> str:
    """Return why no branch can have this name, or "" if one can.

    Git rejects control characters in a ref, and a lone surrogate has no UTF-8 form to hash.
    """
    if not name:
        return "Enter a branch name."
    if len(name) > BRANCH_NAME_LIMIT:
        return (
            f"Branch names can have at most {BRANCH_NAME_LIMIT} characters. This one has "
            f"{len(name)}."
        )
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in name):
        return (
            "Branch names can't contain control characters. Remove line breaks, tabs and similar "
            "characters."
        )
    if name == ALL_BRANCHES:
        return f"“{ALL_BRANCHES}” is reserved. Choose another name."
    return ""


def typed_name_problem(name: str) -> str:
    """Return why `name` can't be typed as a branch name or pattern, or "" if it can.

    Git allows characters that disguise a name, so a branch from Amplify may have them. Nobody types
    them on purpose.
    """
    if problem := branch_name_problem(name):
        return problem
    if _DISGUISING.search(name):
        return "This name contains an invisible character. Remove it."
    return ""
