"""An app's branches: what their names look like, and which of them share parameters.

Amplify puts 40 bits of a hash into the folder of a branch's parameters, so two branches of an app
can have the same folder. Anyone who may use one of them would reach the values of the other. Only a
feature app knows the folders: it registers a function that returns them.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from functools import lru_cache

from console.lib.naming.lookalikes import lookalike_marks
from console.lib.naming.names import (
    ALL_BRANCHES,
    AMPLIFY_PROFILES,
    BRANCH_NAME_LIMIT,
    PathProfile,
)
from console.models import App, Branch, scope_name

# Returns the folders of a branch's parameters from an app ID, the branch's name and a path profile.
FolderFinder = Callable[[str, str, PathProfile], Collection[str]]

JOINED_BY = " + "  # between the names of branches that share parameters, in the audit trail
_finders: dict[str, FolderFinder] = {}


def branches_of(app: App) -> list[Branch]:
    """Return an app's branches in natural order, including deleted ones, with their marks."""
    branches = list(app.branches.select_related("connection"))
    # The oldest first: of names that look alike, the first one is taken for the genuine one.
    names = (branch.name for branch in sorted(branches, key=lambda branch: branch.pk))
    marks = _marks((ALL_BRANCHES, *names))
    for branch in branches:
        branch.mark = marks.get(branch.name, "")
    return branches


@lru_cache(maxsize=100)  # nearly every page needs them, and names rarely change
def _marks(names: tuple[str, ...]) -> dict[str, str]:
    return lookalike_marks(names)


def mark_of(name: str, branches: Iterable[Branch] = ()) -> str:
    """Return the mark of a branch's name beside those of `branches`, which need not have it."""
    known = {branch.name: branch.mark for branch in branches}
    if name in known:
        return known[name]
    return lookalike_marks((ALL_BRANCHES, *known, name)).get(name, "")


def register_folders(noun: str, finder: FolderFinder) -> None:
    """Add a way to find folders. Registering its noun again replaces it."""
    _finders[noun] = finder
    _shared_names.cache_clear()


def shared_folders(
    app: App, branches: Iterable[Branch], profiles: Iterable[PathProfile] = ()
) -> dict[str, list[Branch]]:
    """Return each folder that several of an app's branches have, with these branches.

    Without `profiles`, folders of every profile that the app can have count: the backend folder of
    one branch may be the documented one of another.
    """
    by_name = {branch.name: branch for branch in branches}
    possible = (PathProfile.STANDALONE,) if app.is_standalone else AMPLIFY_PROFILES
    shared = _shared_names(app.app_id, tuple(by_name), tuple(profiles) or possible)
    return {folder: [by_name[name] for name in names] for folder, names in shared.items()}


@lru_cache(maxsize=100)  # every permission check on a branch needs them
def _shared_names(
    app_id: str, names: tuple[str, ...], profiles: tuple[PathProfile, ...]
) -> dict[str, list[str]]:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        for folder in _folders(app_id, name, profiles):
            found[folder].append(name)
    return {folder: sharing for folder, sharing in found.items() if len(sharing) > 1}


def _folders(app_id: str, name: str, profiles: Iterable[PathProfile]) -> set[str]:
    return {
        folder
        for finder in _finders.values()
        for profile in profiles
        for folder in finder(app_id, name, profile)
    }


def taken_folders(backend: Branch) -> set[str]:
    """Return the folders of a standalone backend that a backend of another identifier also has.

    Amplify drops hyphens, so only the hash tells `my-app` and `myapp` apart.
    """
    profile = [PathProfile.STANDALONE]
    others = Branch.objects.filter(app__path_profile=PathProfile.STANDALONE)
    names = others.exclude(app=backend.app).values_list("app__app_id", "name")
    taken = (_folders(app_id, name, profile) for app_id, name in names)
    return _folders(backend.app.app_id, backend.name, profile).intersection(set().union(*taken))


def partners_of(app: App, branches: Iterable[Branch]) -> dict[Branch | None, list[Branch]]:
    """Map each branch that shares parameters to the branches that it shares them with."""
    found: dict[Branch | None, list[Branch]] = {}
    for sharing in shared_folders(app, branches).values():
        for branch in sharing:
            others = found.setdefault(branch, [])
            others += [one for one in sharing if one != branch and one not in others]
    return found


def audit_name(branch: Branch | None, partners: Iterable[Branch]) -> str:
    """Return how the audit trail names a scope: with the branches that share its parameters.

    Their name is the same whichever of them is used, because it is the same parameter.
    """
    names = sorted(scope_name(one) for one in (branch, *partners))
    longest = (BRANCH_NAME_LIMIT - len(JOINED_BY) * (len(names) - 1)) // len(names)
    whole = JOINED_BY.join(names)
    if len(whole) <= BRANCH_NAME_LIMIT:
        return whole
    return JOINED_BY.join(name[: max(longest, 1)] for name in names)[:BRANCH_NAME_LIMIT]
