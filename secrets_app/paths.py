"""Parameter paths: from a scope and a key to the paths that Amplify reads. No Django.

Hosting builds read the documented path. A deployed backend's `secret()` and `npx ampx` read the
backend path. docs/parameter-paths.md has the table.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from console.lib.naming.names import BACKEND, PathProfile, is_amplify_id, is_app_id

KEY_PATTERN = "^[a-zA-Z0-9_.-]+$"
LEVEL_LIMIT = 15  # levels of a hierarchy, by SSM
ARN_LIMIT = 1011  # characters of a parameter's name with its ARN prefix, by SSM
ARN_PREFIX = "arn:aws-us-gov:ssm:ap-southeast-1:123456789012:parameter"  # the longest possible
PATH_LIMIT = ARN_LIMIT - len(ARN_PREFIX)
NAME_LIMIT = 50  # letters and digits of a branch's or a user's name in a backend path

_KEY = re.compile(r"[a-zA-Z0-9_.-]+\Z")
_PATH = re.compile(r"(/[a-zA-Z0-9_.-]+)+\Z")
_NOT_CLEAN = re.compile(r"[^A-Za-z0-9]")
_BACKEND_SEGMENT = re.compile(r"-(branch|sandbox|standalone)-[0-9a-f]{10}\Z")


class InvalidPath(ValueError):
    """Raised for a key or scope that has no parameter path. The message says what to do."""


@dataclass(frozen=True)
class AllBranches:
    """All branches of an app, except where a branch has an override."""

    app_id: str


@dataclass(frozen=True)
class OneBranch:
    """One branch of an app."""

    app_id: str
    branch: str


@dataclass(frozen=True)
class Standalone:
    """One backend of an identifier, deployed without Amplify Hosting (`ampx deploy`)."""

    identifier: str
    name: str


@dataclass(frozen=True)
class Sandbox:
    """A developer's cloud sandbox. `project` is the name in package.json."""

    project: str
    identifier: str


Scope = AllBranches | OneBranch | Standalone | Sandbox


@dataclass(frozen=True)
class Location:
    """The folders of a scope, or the paths of one secret.

    `primary` decides: it is written first and read. `mirror` is its copy, or None. `note` says why
    there is no mirror, if the profile asks for one.
    """

    primary: str
    mirror: str | None = None
    note: str = ""


def check_key(key: str) -> None:
    """Raise InvalidPath unless Amplify accepts this key."""
    if not key:
        raise InvalidPath("Enter a name.")
    if _KEY.match(key) is None:
        raise InvalidPath("Use only letters, digits, `_`, `.` and `-`.")
    if key in {".", ".."}:
        raise InvalidPath("A name can't be just one or two dots.")


def check_path(path: str) -> None:
    """Raise InvalidPath unless SSM accepts a parameter with this name."""
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
    """Return the folders of a scope's parameters under a path profile.

    Raises InvalidPath for an invalid app id, for a sandbox whose path would have an empty part, and
    in profile `documented` for a branch without a documented path.
    """
    match scope:
        case AllBranches(app_id):
            _check_identifier(app_id)
            return Location(f"/amplify/shared/{app_id}")
        case Standalone(identifier, name):
            _check_identifier(identifier)
            return Location(_backend_folder(identifier, name, "standalone"))
        case Sandbox(project, identifier):
            return Location(_backend_folder(project, identifier, "sandbox"))
        case OneBranch(app_id, branch):
            _check_app_id(app_id)
            return _branch_location(app_id, branch, profile)


def locate(scope: Scope, key: str, profile: PathProfile) -> Location:
    """Return the parameter paths of a key in a scope.

    Raises InvalidPath like `scope_location` and `check_key`, and for a primary path over SSM's
    limits. If only the mirror's path exceeds them, there is no mirror, and `note` says so.
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
    """Return the two path prefixes that cover all parameters of an app."""
    _check_app_id(app_id)
    return f"/amplify/{app_id}", f"/amplify/shared/{app_id}"


def standalone_prefixes(identifier: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the path prefixes that cover all parameters of an identifier and these backends of it.

    They may cover others' parameters, too: hyphens don't count, so `my-app` and `myapp` have the
    same prefix, and so do sandboxes of a project with that name.
    """
    _check_identifier(identifier)
    folders = (_backend_folder(identifier, name, "standalone") for name in (BACKEND, *names))
    # A long identifier is cut, depending on the name.
    namespaces = (folder.rpartition("/")[0] for folder in folders)
    return (*dict.fromkeys(namespaces), f"/amplify/shared/{identifier}")


def bin_folder(app_id: str) -> str:
    """Return the folder of an app's copies in the recycle bin.

    No client of Amplify lists it, because no cleaned namespace contains a hyphen.
    """
    return f"/amplify/branchkeep-bin/{app_id}"


def bin_path(app_id: str, copy_id: str, key: str) -> str:
    """Return the path of a copy in the recycle bin."""
    return f"{bin_folder(app_id)}/{copy_id}/{key}"


def branch_folders(app_id: str, branch: str, profile: PathProfile) -> set[str]:
    """Return the folders of a branch's parameters; none if the profile has none for it."""
    is_standalone = profile is PathProfile.STANDALONE
    scope = Standalone(app_id, branch) if is_standalone else OneBranch(app_id, branch)
    try:
        location = scope_location(scope, profile)
    except InvalidPath:
        return set()
    return {location.primary, location.mirror} - {None}  # type: ignore[return-value]  # None is taken out


def documented_path_problem(app_id: str, branch: str) -> str:
    """Return why a branch has no documented path, or "" if it has one."""
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


def clean_name(name: str) -> str:
    """Return what a backend path has of the name of a branch or user, besides the hash."""
    return _clean(name)[:NAME_LIMIT]


def _check_app_id(app_id: str) -> None:
    if not is_amplify_id(app_id):
        raise InvalidPath("An app ID is a d followed by 1 to 19 lowercase letters and digits.")


def _check_identifier(identifier: str) -> None:
    if not is_app_id(identifier):
        raise InvalidPath("An identifier is a letter followed by letters, digits and hyphens.")


def sandbox_remark(sandbox: Sandbox) -> str:
    """Return why another sandbox may have this one's paths, or "".

    Amplify hashes both names without a separator, so (shop, _www) and (shop_, www) collide.
    """
    if _NOT_CLEAN.match(sandbox.project[-1:]):  # a slice, because the name may be empty
        return (
            "The project's name ends with a special character, so a sandbox of another project can "
            "have the same secrets. To avoid this, rename it in package.json."
        )
    if len(_clean(sandbox.identifier)) > NAME_LIMIT:
        return (
            f"Amplify keeps only {NAME_LIMIT} letters and digits of a sandbox identifier, and this "
            "one has more, so another sandbox can have the same secrets. To avoid this, use a "
            "shorter --identifier."
        )
    return ""


@lru_cache(maxsize=1000)  # every list computes them for all branches of its app
def _branch_location(app_id: str, branch: str, profile: PathProfile) -> Location:
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
    """Return the backend folder (@aws-amplify/platform-core, BackendIdentifierConversions)."""
    digest = hashlib.sha512((namespace + name).encode()).hexdigest()[:10]
    short_name = clean_name(name)
    # Amplify's arithmetic: 128 characters minus prefix, type, name, separators and hash.
    max_length = 128 - 7 - len(kind) - len(short_name) - 4 - 10 - 1
    short_namespace = _clean(namespace)[:max_length]
    if not short_namespace:
        raise InvalidPath("The project's name has no letters or digits. Rename it in package.json.")
    return f"/amplify/{short_namespace}/{short_name}-{kind}-{digest}"


def _clean(text: str) -> str:
    return _NOT_CLEAN.sub("", text)
