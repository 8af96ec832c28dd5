"""Validate the names that Amplify gives to apps, branches and parameter paths."""

import re
import unicodedata
from enum import StrEnum

APP_ID_LIMIT = 128  # characters, of a standalone backend's identifier
SAMPLE_APP_IDS = "dsample"  # their start; Amplify's own IDs are random
BRANCH_NAME_LIMIT = 255  # characters; Amplify's CreateBranch takes 1 to 255
ALL_BRANCHES = "All branches"  # the scope of secrets and variables that apply to every branch
BACKEND = "backend"  # the name of what `ampx deploy --identifier` deploys
PIPELINE = "pipeline"  # the identifier of what `ampx deploy --pipeline` deploys, by stage
NOT_AN_APP_ID = (
    "Enter the app ID as the Amplify console shows it: a d, then 1 to 19 lowercase letters and "
    "digits."
)

_AMPLIFY_ID = re.compile(r"d[a-z0-9]{1,19}\Z")
_IDENTIFIER = re.compile(rf"[A-Za-z][A-Za-z0-9-]{{0,{APP_ID_LIMIT - 1}}}\Z")
_BACKEND_NAME = re.compile(r"(?=.{1,50}\Z)[A-Za-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*\Z")
# Folders below /amplify that don't belong to one backend: every app's secrets for All branches, and
# the configuration of self-managed hosting
_RESERVED_FOLDERS = ("shared", "hosting")
_PAGE_NAMES = ("new", "import")  # /apps/new/ and /apps/import/ are pages of their own
# Bidirectional controls and zero-width characters
_DISGUISING = re.compile("[\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


class PathProfile(StrEnum):
    """Which of Amplify's parameter paths an app's branches use (docs/parameter-paths.md).

    An app that is a standalone backend has STANDALONE, no other app has it, and it never changes.
    """

    BOTH = "both"
    DOCUMENTED = "documented"
    BACKEND = "backend"
    STANDALONE = "standalone"


AMPLIFY_PROFILES = (PathProfile.BOTH, PathProfile.DOCUMENTED, PathProfile.BACKEND)


def is_amplify_id(text: str) -> bool:
    """Return True if `text` is the ID of an Amplify app.

    The path segments `shared` and `resource_reference` never are, so paths stay unambiguous.
    """
    return _AMPLIFY_ID.match(text) is not None


def is_app_id(text: str) -> bool:
    """Return True if `text` can be an app's ID here: an Amplify app's, or an identifier."""
    return _IDENTIFIER.match(text) is not None


def app_id_problem(app_id: str, *, is_standalone: bool) -> str:
    """Return why no app of this kind can have this ID, or "" if one can.

    The rule for identifiers is that of `ampx deploy --identifier`.
    """
    if not is_standalone:
        return "" if is_amplify_id(app_id) else NOT_AN_APP_ID
    if len(app_id) > APP_ID_LIMIT:
        return (
            f"An identifier can have at most {APP_ID_LIMIT} characters. This one has {len(app_id)}."
        )
    if not is_app_id(app_id):
        return (
            "Enter the identifier as in `ampx deploy --identifier`: a letter, then only letters, "
            "digits and hyphens."
        )
    folder = app_id.replace("-", "")
    if folder in _RESERVED_FOLDERS:
        return (
            "Amplify keeps the values of other apps in the folder of this identifier "
            f"(/amplify/{folder}). Deploy with another identifier, and enter that one."
        )
    if app_id in _PAGE_NAMES:
        return (
            f"Branchkeep has another page at /apps/{app_id}/. Deploy with another identifier, and "
            "enter that one."
        )
    return ""


def backend_name_problem(name: str) -> str:
    """Return why no backend of an identifier can have this name, or "" if one can.

    Amplify hashes identifier and name without a separator, and drops special characters from the
    folder. With few of them, nobody can find a name that has the folder of another identifier's
    `backend` (ADR 0067). CDK allows more of them in the name of a stage.
    """
    if _BACKEND_NAME.match(name):
        return ""
    return (
        "Enter the name of a stage, or `backend`: a letter, then letters and digits, with a single "
        "`.`, `_` or `-` between them, at most 50 characters in all."
    )


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
