"""Parameters below /amplify that belong to no app in Branchkeep, for operators.

No app's listing covers them, so the whole store is listed, when somebody asks. Folders and numbers,
but no names of keys. Nothing is decrypted, and nothing can be changed here.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from console.access.actors import Actor
from console.access.policy import require_operator
from console.lib.naming.names import is_app_id
from console.models import App
from secrets_app.hosting_paths import HostingConfig, hosting_folder
from secrets_app.paths import bin_folder, listing_prefixes
from secrets_app.store import parameter_store

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


_APPS_BELOW = {"shared": Place.APP, "branchkeep-bin": Place.BIN}
_BELOW = {"hosting": Place.HOSTING, "resource_reference": Place.REFERENCES}


@dataclass(frozen=True)
class Elsewhere:
    """What one folder holds. `app_id` is the app's, "" unless the place is one of an app."""

    place: Place
    folder: str
    app_id: str
    number: int
    changed: datetime


@dataclass(frozen=True)
class Found:
    """The folders, and how many parameters were listed. It `is_complete` if that was all."""

    groups: Sequence[Elsewhere]
    listed: int
    is_complete: bool


def look(actor: Actor, may_go_on: Callable[[], bool]) -> Found:
    """List the store page by page while `may_go_on`, at least one page.

    Raises PermissionDenied unless the actor is an operator, or a StoreError.
    """
    require_operator(actor)
    known = tuple(f"{folder}/" for app in App.objects.all() for folder in _folders_of(app))
    listed, is_complete, found = 0, True, defaultdict[_Folder, list[datetime]](list)
    for page in parameter_store().pages([ROOT]):
        if listed and not may_go_on():
            is_complete = False
            break
        listed += len(page)
        for parameter in page:
            if not parameter.path.startswith(known):
                found[_folder(parameter.path)].append(parameter.modified)
    order = list(Place)
    groups = [
        Elsewhere(place, folder, app_id, len(times), max(times))
        for (place, folder, app_id), times in found.items()
    ]
    groups.sort(key=lambda group: (order.index(group.place), group.folder))
    return Found(groups, listed, is_complete)


def _folders_of(app: App) -> Iterator[str]:
    """Yield the folders that pages of the app list."""
    yield from listing_prefixes(app.app_id)
    yield bin_folder(app.app_id)
    if app.hosting_project:
        yield hosting_folder(HostingConfig(app.hosting_project))


def _folder(path: str) -> _Folder:
    """Return where a parameter is that belongs to no app in Branchkeep."""
    first, second, *_ = [*path.split("/")[2:-1], "", ""]
    if first in _APPS_BELOW and is_app_id(second):
        folder = second if first == "shared" else f"{first}/{second}"
        return _APPS_BELOW[first], f"{ROOT}/{folder}", second
    if second and first in _BELOW:
        return _BELOW[first], f"{ROOT}/{first}/{second}", ""
    if backend := _BACKEND.match(second):  # of a project, whose name may look like an app's ID
        return Place(backend[1]), f"{ROOT}/{first}/{second}", ""
    if is_app_id(first):
        return Place.APP, f"{ROOT}/{first}", first
    return Place.OTHER, f"{ROOT}/{first}".rstrip("/"), ""
