"""Parameter paths of an app's branches and secrets, and the state of mirrors."""

import shlex
from collections.abc import Iterable

from django.conf import settings
from django.http import Http404

from console.access.policy import Access
from console.lib.naming.names import PathProfile
from console.models import App, Branch
from secrets_app.models import Secret
from secrets_app.paths import (
    PATH_LIMIT,
    AllBranches,
    InvalidPath,
    Location,
    OneBranch,
    Scope,
    Standalone,
    listing_prefixes,
    locate,
    scope_location,
    standalone_prefixes,
)
from secrets_app.store.errors import Rejected


def scope_of(app: App, branch: Branch | None) -> Scope:
    """Return the scope of a branch. None is All branches."""
    if branch is None:
        return AllBranches(app.app_id)
    if app.is_standalone:
        return Standalone(app.app_id, branch.name)
    return OneBranch(app.app_id, branch.name)


def prefixes_of(app: App) -> tuple[str, ...]:
    """Return path prefixes that cover all parameters of an app, and perhaps those of others."""
    if app.is_standalone:
        return standalone_prefixes(app.app_id, [branch.name for branch in app.branches.all()])
    return listing_prefixes(app.app_id)


def locate_secret(app: App, branch: Branch | None, key: str) -> Location:
    """Return the parameter paths of a key on a branch. Raises InvalidPath."""
    return locate(scope_of(app, branch), key, PathProfile(app.path_profile))


def location_of(app: App, secret: Secret) -> Location:
    """Return the parameter paths of a secret. Raises InvalidPath. Prefetch its branch."""
    return locate_secret(app, secret.branch, secret.key)


def scope_folders(app: App, branches: Iterable[Branch]) -> dict[tuple[int | None, bool], str]:
    """Map (branch id, whether it is the mirror) to the folder of the branch's parameters.

    Branches without a path in the app's profile are left out.
    """
    profile = PathProfile(app.path_profile)
    folders: dict[tuple[int | None, bool], str] = {}
    for branch in (None, *branches):
        try:
            location = scope_location(scope_of(app, branch), profile)
        except InvalidPath:  # nothing was ever written for such a branch
            continue
        branch_id = branch.pk if branch else None
        folders[branch_id, False] = location.primary
        if location.mirror:
            folders[branch_id, True] = location.mirror
    return folders


def fits_path(scope_location: str, key: str) -> bool:
    """Return True if a key's path in a folder stays within SSM's limit.

    A secret whose mirror's path would exceed it has no mirror.
    """
    return len(scope_location) + 1 + len(key) <= PATH_LIMIT


def read_command(app: App, branch: str, key: str, path: str) -> str:
    """Return the shell command that prints a secret. `branch` is its name, "" is All branches.

    SSM's paths hold nothing that a shell interprets, but names of branches do.
    """
    if settings.PARAMETER_STORE == "ssm":
        return (
            f"aws ssm get-parameter --region {app.region} --name {path} --with-decryption "
            "--query Parameter.Value --output text"
        )
    scope = f" --branch {shlex.quote(branch)}" if branch else ""
    return f"manage.py secret get {key} --app {app.app_id}{scope}"


def mirror_state(version: int, mirror_version: int, mirror_of: int, changed_by: str) -> str:
    """Return the state of a secret's mirror, or "" if it is in step with the primary.

    "missing": there is no mirror. "alone": there is only the mirror. "behind": it may differ,
    because one of the two was written without the other. "unverified": both were found in the
    store, and never compared. A listing has no values, so only our own writes prove a match.
    """
    if not version:
        return "alone" if mirror_version else ""
    if not mirror_version:
        return "missing"
    if mirror_of == version:
        return ""
    return "behind" if mirror_of or changed_by else "unverified"


def find_secret(access: Access, pk: int) -> Secret:
    """Return one of the app's secrets. Raises Http404."""
    secret = access.app.secrets.select_related("branch").filter(pk=pk).first()
    if secret is None:
        raise Http404("Secret not found.")
    return secret


def require_location(access: Access, secret: Secret) -> Location:
    """Return the parameter paths of a secret. Raises Rejected if the profile has none for it."""
    try:
        return location_of(access.app, secret)
    except InvalidPath as refusal:
        raise Rejected(str(refusal)) from None
