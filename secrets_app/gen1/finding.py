"""Find an app's Amplify Gen 1 environments in the projection, without a store call.

An environment is a folder /amplify/<app id>/<environment> with a parameter whose name starts with
AMPLIFY_. Other names in the folder belong to Amplify Hosting, which accepts any name. If a branch
has the environment's name, the folder is also the branch's documented path.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from console.access.policy import Access
from secrets_app import revisions
from secrets_app.locations import scope_folders
from secrets_app.paths import documented_path_problem, listing_prefixes
from secrets_app.sync.folders import GEN1_KEY, HAS_GEN1_KEY

_NAME = re.compile(r"[A-Za-z0-9_.-]+\Z", re.ASCII)


@dataclass(frozen=True)
class Source:
    """A parameter of an environment, as of the last reconcile. `modified` is None if unknown."""

    environment: str
    name: str
    path: str
    version: int
    modified: datetime | None
    is_encrypted: bool

    @property
    def base(self) -> str:
        """Return version and revision as text, for a form."""
        return revisions.base(self.version, self.modified, None)


def find(access: Access) -> Mapping[str, Sequence[Source]]:
    """Return the app's environments with their parameters, in order. Takes three queries."""
    if access.app.is_standalone:  # Gen 1 has no standalone backends
        return {}
    found: dict[str, dict[str, Source]] = {}
    for source in (*_unknown(access), *_of_branches(access)):
        if _is_environment(access, source.environment):
            found.setdefault(source.environment, {})[source.name] = source
    return {
        environment: [sources[name] for name in sorted(sources)]
        for environment, sources in sorted(found.items())
        if any(name.startswith(GEN1_KEY) for name in sources)
    }


def _is_environment(access: Access, name: str) -> bool:
    return bool(_NAME.match(name)) and not documented_path_problem(access.app.app_id, name)


def _unknown(access: Access) -> Iterator[Source]:
    """Yield what belongs to no known branch, and Gen 1's keys in the folder of a known one."""
    root = f"{listing_prefixes(access.app.app_id)[0]}/"
    used = {*scope_folders(access.app, access.branches).values()}
    for row in access.app.unknown_parameters.filter(folder__startswith=root):
        if row.folder not in used or row.key.startswith(GEN1_KEY):
            name = row.folder.removeprefix(root)
            yield Source(name, row.key, row.path, row.version, row.modified, row.encrypted)


def _of_branches(access: Access) -> Iterator[Source]:
    """Yield what is in the folder of a branch that has the environment's name.

    Mirrors without a secret, or in the profile `documented` secrets with a name of Gen 1.
    """
    root = listing_prefixes(access.app.app_id)[0]
    folders = scope_folders(access.app, access.branches)
    names = {branch.pk: branch.name for branch in access.branches}
    rows = access.app.secrets.filter(
        Q(version=0, mirror_version__gt=0) | Q(HAS_GEN1_KEY, version__gt=0),
        branch__isnull=False,
    )
    for row in rows:
        is_mirror = not row.version
        name = names[row.branch_id or 0]
        folder = folders.get((row.branch_id, is_mirror))
        if folder == f"{root}/{name}":
            yield Source(
                name,
                row.key,
                f"{folder}/{row.key}",
                row.mirror_version if is_mirror else row.version,
                row.mirror_modified if is_mirror else row.modified,
                not row.unencrypted,
            )
