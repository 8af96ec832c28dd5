"""Folders of parameters that belong to no known branch: what they are, and which branch fits them.

Amplify hashes a branch's name into its backend folder, so a name can be checked against a folder
but not read from it. Sources: docs/parameter-paths.md; Gen 1's names start with AMPLIFY_
(@aws-amplify/amplify-category-function, secretName.ts).
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property

from django.db.models import Q

from console.lib.naming.names import PathProfile, branch_name_problem
from console.models import App
from secrets_app.paths import branch_folders, clean_name, documented_path_problem
from secrets_app.store.base import Parameter

GEN1_KEY = "AMPLIFY_"  # the start of each name that Amplify Gen 1 writes
HAS_GEN1_KEY = Q(key__regex=f"^{GEN1_KEY}")  # SQLite's `startswith` would ignore case
SEPARATORS = "/-_."  # which Amplify drops from a branch's name
SHARED = "/amplify/shared/"  # the folder of all apps' secrets for All branches
_BACKEND = re.compile(r"([A-Za-z0-9]*)-(branch|sandbox|standalone)-[0-9a-f]{10}\Z")


class Kind(StrEnum):
    """What a folder without a known branch holds."""

    BRANCH = "branch"  # parameters of a branch that Branchkeep doesn't know
    OTHER_PATH = "other_path"  # of a known branch, at a path that the app's profile doesn't use
    GEN1 = "gen1"  # written by Amplify Gen 1
    SANDBOX = "sandbox"  # of a sandbox, or another backend that belongs to no branch
    DEEPER = "deeper"  # below the folder of a branch, where Amplify reads nothing
    FOREIGN = "foreign"  # in no folder of a branch


REMOVABLE = (Kind.BRANCH, Kind.OTHER_PATH)


@dataclass(frozen=True, slots=True)
class Fit:
    """What a folder holds, and the name of the branch that it belongs to, "" if unknown."""

    kind: Kind
    branch: str = ""


class Folders:
    """The folders of an app, as far as its known and possible branches tell."""

    def __init__(self, app: App, branches: Iterable[str], possible: Iterable[str] = ()) -> None:
        """Take the names of known branches, and names that other branches may have."""
        self._app = app
        self._profile = PathProfile.STANDALONE if app.is_standalone else PathProfile.BOTH
        self._type = "standalone" if app.is_standalone else "branch"
        self._known = self._by_folder(branches)
        self._possible = self._by_folder(possible)

    def fit(self, folder: str, *, is_gen1: bool = False) -> Fit:
        """Return what a folder holds. `is_gen1` is True for its keys that start with GEN1_KEY."""
        if name := self._known.get(folder):
            is_gen1 = is_gen1 and not _BACKEND.match(folder.rpartition("/")[2])
            return Fit(Kind.GEN1) if is_gen1 else Fit(Kind.OTHER_PATH, name)
        name = _below_root(folder)
        if not name:
            return Fit(Kind.FOREIGN)
        if self._is_below_shared(folder) or self._is_below_a_branch(folder):
            return Fit(Kind.DEEPER)
        segment, _, rest = name.partition("/")
        if backend := _BACKEND.match(segment):
            return self._fit_backend(folder, backend, rest)
        if branch_name_problem(name) or documented_path_problem(self._app.app_id, name):
            return Fit(Kind.FOREIGN)
        return Fit(Kind.GEN1) if is_gen1 else Fit(Kind.BRANCH, name)

    def is_own(self, folder: str) -> bool:
        """Return True if a folder that was listed for the app can't be another app's.

        What is listed for a standalone backend may belong to any identifier that is equal without
        hyphens, to sandboxes, or to an Amplify app with that ID. There, only a folder with the hash
        of the app's own backend counts. An Amplify app has no standalone backends, but shows them
        if no app in Branchkeep has such an identifier.
        """
        if self._is_below_shared(folder):
            return True
        segment, _, rest = _below_root(folder).partition("/")
        backend = _BACKEND.match(segment)
        if not self._app.is_standalone:
            return backend is None or backend[2] != "standalone" or not self._has_namesake
        return backend is not None and not rest and bool(self._guess(folder, backend[1]))

    @cached_property
    def _has_namesake(self) -> bool:
        """Return True if a standalone backend in Branchkeep has the app's ID as its folder."""
        apps = App.objects.filter(path_profile=PathProfile.STANDALONE)
        identifiers = apps.values_list("app_id", flat=True)
        return any(clean_name(it) == self._app.app_id for it in identifiers)

    def belongs_to(self, folder: str, branch: str) -> bool:
        """Return True if a branch of this name has the folder, in any path profile."""
        return folder in self._by_folder([branch])

    def _fit_backend(self, folder: str, backend: re.Match[str], rest: str) -> Fit:
        if rest:
            return Fit(Kind.DEEPER)
        if backend[2] != self._type:
            return Fit(Kind.SANDBOX)
        return Fit(Kind.BRANCH, self._possible.get(folder) or self._guess(folder, backend[1]))

    def _guess(self, folder: str, short_name: str) -> str:
        """Return the name that the folder's hash belongs to, if few characters were dropped."""
        names = _with_one_separator(short_name)
        return next((name for name in names if self.belongs_to(folder, name)), "")

    def _is_below_shared(self, folder: str) -> bool:
        return folder.startswith(f"{SHARED}{self._app.app_id}/")

    def _is_below_a_branch(self, folder: str) -> bool:
        parent = folder.rpartition("/")[0]
        while _below_root(parent):
            if parent in self._known:
                return True
            parent = parent.rpartition("/")[0]
        return False

    def _by_folder(self, names: Iterable[str]) -> Mapping[str, str]:
        # Of an Amplify app's profiles, `both` has the most folders.
        return {
            folder: name
            for name in names
            if not branch_name_problem(name)
            for folder in branch_folders(self._app.app_id, name, self._profile)
        }


def names_in(folders: Iterable[str]) -> Iterator[str]:
    """Yield the names of branches that raw folder names may stand for."""
    for folder in folders:
        if not folder.startswith(SHARED) and (name := _below_root(folder)):
            yield name


def own(app: App, parameters: Iterable[Parameter]) -> list[Parameter]:
    """Return those of the parameters that were listed for an app that can't be another app's."""
    folders = Folders(app, ())
    is_own = cache(folders.is_own)
    return [it for it in parameters if is_own(it.path.rpartition("/")[0])]


def _below_root(folder: str) -> str:
    """Return what follows /amplify/<app ID>/ in a folder, "" if nothing does."""
    return "".join(folder.split("/", 3)[3:])


def _with_one_separator(name: str) -> Iterator[str]:
    """Yield the name, and the names of which Amplify makes it by dropping one separator."""
    yield name
    for place in range(1, len(name)):
        yield from (f"{name[:place]}{it}{name[place:]}" for it in SEPARATORS)
