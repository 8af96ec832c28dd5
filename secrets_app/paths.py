"""Scope and key to parameter path: pure, no Django.

The rules are Amplify's own: the documented path is what the Hosting build container reads, the
backend path what a deployed backend's `secret()` and `npx ampx` read. docs/parameter-paths.md
has the table.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache

from console.lib.names import PathProfile, is_app_id

KEY_PATTERN = "^[a-zA-Z0-9_.-]+$"
LEVEL_LIMIT = 15  # SSM: a hierarchy has at most fifteen levels
ARN_LIMIT = 1011  # SSM: characters of a parameter's name, its ARN prefix included
ARN_PREFIX = "arn:aws-us-gov:ssm:ap-southeast-1:123456789012:parameter"  # the longest there is
PATH_LIMIT = ARN_LIMIT - len(ARN_PREFIX)
NAME_LIMIT = 50  # letters and digits of a branch's or a user's name in a backend path

_KEY = re.compile(r"[a-zA-Z0-9_.-]+\Z")
_PATH = re.compile(r"(/[a-zA-Z0-9_.-]+)+\Z")
_NOT_CLEAN = re.compile(r"[^A-Za-z0-9]")
_BACKEND_SEGMENT = re.compile(r"-(branch|sandbox|standalone)-[0-9a-f]{10}\Z")


class InvalidPath(ValueError):
    """A key or a scope that no parameter path can hold; the message says why and what to do."""


@dataclass(frozen=True)
class AllBranches:
    """Every branch of an app that has no override."""

    app_id: str


@dataclass(frozen=True)
class OneBranch:
    """One branch of an app."""

    app_id: str
    branch: str


@dataclass(frozen=True)
class Sandbox:
    """A developer's own cloud sandbox: the package.json name of the project, and the user."""

    project: str
    user: str


Scope = AllBranches | OneBranch | Sandbox


@dataclass(frozen=True)
class Location:
    """Where a scope's parameters stand.

    `primary` is written first and read from; `mirror` is its copy, or None. `note` says why a
    mirror that the profile asks for is not there.
    """

    primary: str
    mirror: str | None = None
    note: str = ""


def check_key(key: str) -> None:
    """Raise PathRefused unless `key` is one that Amplify takes."""
    if not key:
        raise InvalidPath("Enter a name.")
    if _KEY.match(key) is None:
        raise InvalidPath("Use only letters, digits, `_`, `.` and `-`.")
    if key in {".", ".."}:
        raise InvalidPath("A name can't be just one or two dots.")


def check_path(path: str) -> None:
    """Raise PathRefused unless SSM can hold a parameter named `path`."""
    if _PATH.match(path) is None:
        raise InvalidPath(
            "Parameter paths can contain only letters, digits and _ . - /, without empty parts."
        )
    if path.count("/") > LEVEL_LIMIT:
        raise InvalidPath(
            f"Parameter paths can have at most {LEVEL_LIMIT} levels. Use a shorter name."
        )
    if len(path) > PATH_LIMIT:
        raise InvalidPath(
            f"Parameter paths can have at most {PATH_LIMIT} characters. This one has {len(path)}. "
            "Use a shorter name."
        )


def scope_location(scope: Scope, profile: PathProfile) -> Location:
    """Return where the parameters of `scope` stand under `profile`.

    Raises PathRefused for an app id that isn't one, for a sandbox whose names leave nothing or
    fit another one's path, and in profile `documented` for a branch without a documented path.
    """
    match scope:
        case AllBranches(app_id):
            _check_app_id(app_id)
            return Location(f"/amplify/shared/{app_id}")
        case Sandbox(project, user):
            _check_sandbox(project, user)
            return Location(_backend_folder(project, user, "sandbox"))
        case OneBranch(app_id, branch):
            _check_app_id(app_id)
            return _branch_folder(app_id, branch, profile)


def locate(scope: Scope, key: str, profile: PathProfile) -> Location:
    """Return the parameter path or paths of `key` in `scope`: a Folder with the key appended.

    Raises PathRefused as `folder` and `check_key` do, and for a path over SSM's limits. A mirror
    that alone is over them is left out, with the note.
    """
    check_key(key)
    location = scope_location(scope, profile)
    primary = f"{location.primary}/{key}"
    check_path(primary)
    if location.mirror is None:
        return Location(primary, None, location.note)
    mirror = f"{location.mirror}/{key}"
    try:
        check_path(mirror)
    except InvalidPath as refusal:
        return Location(primary, None, f"No documented path: {refusal}")
    return Location(primary, mirror)


def listing_prefixes(app_id: str) -> tuple[str, str]:
    """Return the two path prefixes under which all parameters of an app stand."""
    _check_app_id(app_id)
    return f"/amplify/{app_id}", f"/amplify/shared/{app_id}"


def documented_path_problem(app_id: str, branch: str) -> str:
    """Return why `branch` has no documented path, or "" where it has one."""
    if _BACKEND_SEGMENT.search(branch):
        return "its name looks like a backend path segment"
    path = f"/amplify/{app_id}/{branch}/k"
    try:
        check_path(path)
    except InvalidPath:
        return (
            "Parameter Store does not support its name (a character, an empty part, or its length)"
        )
    return ""


def _check_app_id(app_id: str) -> None:
    if not is_app_id(app_id):
        raise InvalidPath("An app ID is a d followed by 1 to 19 lowercase letters and digits.")


def _check_sandbox(project: str, user: str) -> None:
    """Refuse what Amplify's rule can't tell apart.

    It hashes both names with nothing between them, so shop and _www meet shop_ and www.
    """
    if _NOT_CLEAN.match(project[-1:]):
        raise InvalidPath(
            "The project's name ends with a special character, so Amplify would give its "
            "sandboxes another project's paths. Rename it in package.json."
        )
    if len(_clean(user)) > NAME_LIMIT:
        raise InvalidPath(
            f"Amplify keeps only {NAME_LIMIT} letters and digits of a sandbox identifier, and this "
            "one has more. Use a shorter one."
        )


@lru_cache(maxsize=1000)  # every page asks for those of all its app's branches
def _branch_folder(app_id: str, branch: str, profile: PathProfile) -> Location:
    backend = _backend_folder(app_id, branch, "branch")
    if profile is PathProfile.BACKEND:
        return Location(backend)
    documented = f"/amplify/{app_id}/{branch}"
    problem = documented_path_problem(app_id, branch)
    if profile is PathProfile.BOTH:
        if problem:
            return Location(backend, None, f"No documented path for this branch: {problem}.")
        return Location(backend, documented)
    if problem:
        raise InvalidPath(
            f"This branch has no documented path: {problem}. Change the app's path profile to "
            "“both” or “backend”."
        )
    return Location(documented)


def _backend_folder(namespace: str, name: str, kind: str) -> str:
    """Amplify's own rule (@aws-amplify/platform-core, BackendIdentifierConversions)."""
    digest = hashlib.sha512((namespace + name).encode()).hexdigest()[:10]
    short_name = _clean(name)[:NAME_LIMIT]
    room = 128 - 7 - len(kind) - len(short_name) - 4 - 10 - 1
    short_namespace = _clean(namespace)[:room]
    if not short_namespace:
        raise InvalidPath("The project's name has no letters or digits. Rename it in package.json.")
    return f"/amplify/{short_namespace}/{short_name}-{kind}-{digest}"


def _clean(text: str) -> str:
    return _NOT_CLEAN.sub("", text)
