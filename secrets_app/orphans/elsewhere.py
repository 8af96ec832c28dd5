"""Count the parameters below /amplify that belong to no app in Branchkeep, for operators.

No app's listing covers them, so the whole store is listed on request. Operators see folders and
numbers, but no keys. Nothing is decrypted, and nothing can be changed here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache

from console.access.actors import Actor
from console.access.policy import require_operator
from console.lib.naming.names import is_amplify_id, is_app_id
from console.models import App
from secrets_app.hosting_paths import HostingConfig, hosting_folder
from secrets_app.locations import prefixes_of, scope_folders
from secrets_app.paths import bin_folder
from secrets_app.store import parameter_store
from secrets_app.sync.folders import Folders

ROOT = "/amplify"
_BACKEND = re.compile(r"[A-Za-z0-9]*-(sandbox|standalone)-[0-9a-f]{10}\Z")
_Folder = tuple["Place", str, str]  # the place, a folder, and the ID of an app or ""


class Place(StrEnum):
    """What a folder below /amplify is, if it belongs to no app here."""

    APP = "app"  # of an app that Branchkeep doesn't know
    BIN = "bin"  # the recycle bin of such an app
    SANDBOX = "sandbox"
    STANDALONE = "standalone"  # a backend without an app
    HOSTING = "hosting"  # self-managed hosting
    REFERENCES = "references"  # names of resources, which deployed backends write
    OTHER = "other"


# What the second part of the path tells apart
_BELOW = {
    "hosting": Place.HOSTING,
    "resource_reference": Place.REFERENCES,
    "shared": Place.STANDALONE,
}


@dataclass(frozen=True)
class FolderCount:
    """The parameters of one folder. `app_id` is "" unless the folder is an app's."""

    place: Place
    folder: str
    app_id: str
    number: int
    changed: datetime


@dataclass(frozen=True)
class Found:
    """The folders, and how many parameters were listed. `is_complete` if those were all."""

    groups: Sequence[FolderCount]
    listed: int
    is_complete: bool


def find(actor: Actor, may_go_on: Callable[[], bool]) -> Found:
    """List the store page by page while `may_go_on`, at least one page.

    Raises PermissionDenied unless the actor is an operator, or a StoreError.
    """
    require_operator(actor)
    known = _Known()
    listed, is_complete, found = 0, True, defaultdict[_Folder, list[datetime]](list)
    for page in parameter_store().pages([ROOT]):
        if listed and not may_go_on():
            is_complete = False
            break
        listed += len(page)
        for parameter in page:
            if not known.has(parameter.path.rpartition("/")[0]):
                found[_folder(parameter.path)].append(parameter.modified)
    order = list(Place)
    groups = [
        FolderCount(place, folder, app_id, len(times), max(times))
        for (place, folder, app_id), times in found.items()
    ]
    groups.sort(key=lambda group: (order.index(group.place), group.folder))
    return Found(groups, listed, is_complete)


class _Known:
    """The folders of the apps in Branchkeep, whose own pages list what is in them."""

    def __init__(self) -> None:
        self._apps: defaultdict[str, list[tuple[Folders, Collection[str]]]] = defaultdict(list)
        others: list[str] = []
        for app in App.objects.prefetch_related("branches"):
            used = {*scope_folders(app, app.branches.all()).values()}
            for prefix in prefixes_of(app):
                self._apps[prefix].append((Folders(app, ()), used))
            others.append(bin_folder(app.app_id))
            if app.hosting_project:
                others.append(hosting_folder(HostingConfig(app.hosting_project)))
        self._others = tuple(f"{folder}/" for folder in others)
        self.has = cache(self._has)

    def _has(self, folder: str) -> bool:
        """Return True if a folder is one of an app's. Several may have the same prefix."""
        if f"{folder}/".startswith(self._others):
            return True
        parts = folder.split("/")
        prefixes = {"/".join(parts[:number]) for number in (3, 4)}
        return any(
            folder in used or folders.is_own(folder)
            for prefix in prefixes
            for folders, used in self._apps.get(prefix, ())
        )


def _folder(path: str) -> _Folder:
    """Return the folder of a parameter that belongs to no app in Branchkeep."""
    first, second, *_ = [*path.split("/")[2:-1], "", ""]
    if first == "branchkeep-bin" and is_app_id(second):
        return Place.BIN, f"{ROOT}/{first}/{second}", second
    if first == "shared" and is_amplify_id(second):
        return Place.APP, f"{ROOT}/{second}", second
    if second and first in _BELOW:
        return _BELOW[first], f"{ROOT}/{first}/{second}", ""
    if backend := _BACKEND.match(second):  # of a project, whose name may look like an app's ID
        return Place(backend[1]), f"{ROOT}/{first}/{second}", ""
    if is_amplify_id(first):
        return Place.APP, f"{ROOT}/{first}", first
    return Place.OTHER, f"{ROOT}/{first}".rstrip("/"), ""
