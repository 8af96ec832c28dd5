"""Find out which secrets differ from the store: from stamps, from a listing, or by name.

SSM's listings are eventually consistent, so anything that is new in one or may be older than what
we know, and every write with a lost response, is asked for by name. Only that answer counts.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Set
from contextlib import suppress
from dataclasses import replace
from enum import Enum, auto

from console.db import text_times
from console.models import App
from secrets_app.locations import locate_secret, scope_folders
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath, Location
from secrets_app.projection import RemoteState, may_be_stale
from secrets_app.store.base import Parameter, ParameterStore, Stamp
from secrets_app.sync.folders import GEN1_KEY

ScopedKey = tuple[int | None, str]  # branch id, key
Folders = Mapping[tuple[int | None, bool], str]  # by branch id and whether it is the mirror's
Remote = dict[ScopedKey, RemoteState]
NAMES = 100  # asked for between two signs of progress
FEW = 500  # keys that one query can name


class Kind(Enum):
    """How a pass treats differences. Only a repeated one reports each as drift."""

    FIRST = auto()  # the app's first: existing parameters are no drift, but one summary
    REPEATED = auto()
    PATHS_CHANGED = auto()  # the path profile changed, so the projection is about other paths


def group_by_key(parameters: Iterable[Parameter], folders: Folders) -> Remote:
    """Group parameters by scope and key. Ignores those outside the app's folders."""
    scopes = _scopes_by_folder(folders)
    remote: Remote = {}
    for parameter in parameters:
        folder, _, key = parameter.path.rpartition("/")
        for branch_id, is_mirror in scopes.get(folder, ()):
            other = remote.get((branch_id, key), RemoteState())
            remote[branch_id, key] = (
                RemoteState(other.primary, parameter)
                if is_mirror
                else RemoteState(parameter, other.mirror)
            )
    return remote


def take_gen1(remote: Remote, rows: Iterable[Secret], kind: Kind) -> list[Parameter]:
    """Remove what Amplify Gen 1 wrote, and return it.

    The folder of its environment `dev` is the documented one of a branch `dev`. A parameter there
    without a secret is a mirror only if the secret is known. In the profile `documented`, all of
    them were secrets, so after a change of the profile, only those that Branchkeep wrote are known.
    """
    is_known = kind is not Kind.PATHS_CHANGED
    known = {(it.branch_id, it.key) for it in rows if is_known or it.changed_by or it.mirror_of}
    found = {
        scoped_key: state.mirror
        for scoped_key, state in remote.items()
        if scoped_key[1].startswith(GEN1_KEY)
        and scoped_key not in known
        and state.mirror
        and not state.primary
    }
    for scoped_key in found:
        del remote[scoped_key]
    return [*found.values()]


def outside(parameters: Iterable[Parameter], folders: Folders) -> list[Parameter]:
    """Return the parameters outside the app's folders."""
    inside = {*folders.values()}
    return [it for it in parameters if it.path.rpartition("/")[0] not in inside]


def _scopes_by_folder(folders: Folders) -> Mapping[str, list[tuple[int | None, bool]]]:
    """Map each folder to its scopes: two branches may share one (console/access/branches.py)."""
    found: defaultdict[str, list[tuple[int | None, bool]]] = defaultdict(list)
    for scope, path in folders.items():
        found[path].append(scope)
    return found


def differences(
    app: App, stamps: Set[Stamp], folders: Folders
) -> tuple[Remote, list[Secret], list[Parameter]]:
    """Return what the store holds of the secrets that differ from the stamps, and their rows.

    Rows with a lease count as different, because their writes may have to be settled. The third
    result are the parameters outside the app's folders.
    """
    known: set[Stamp] = set()
    differing: set[ScopedKey] = set()
    unknown: list[Parameter] = []
    columns = ("branch_id", "key", "version", "mirror_version", "claim_id")
    times = (text_times.as_text("modified"), text_times.as_text("mirror_modified"))
    rows = Secret.objects.filter(app=app).values_list(*columns, *times)
    for branch_id, key, version, mirror_version, claim_id, modified, mirror_modified in rows:
        primary, mirror = folders.get((branch_id, False)), folders.get((branch_id, True))
        if version:
            known.add(f"{primary}/{key} {version} {modified}")
        if mirror_version:
            known.add(f"{mirror}/{key} {mirror_version} {mirror_modified}")
        if claim_id or (version and not primary) or (mirror_version and not mirror):
            differing.add((branch_id, key))
    if known != stamps:  # usually they are the same
        scopes = _scopes_by_folder(folders)
        for stamp in known ^ stamps:
            folder, _, key = stamp.partition(" ")[0].rpartition("/")
            differing.update((branch_id, key) for branch_id, _ in scopes.get(folder, ()))
            if folder not in scopes and stamp in stamps:
                unknown.append(_parameter(stamp))
    if not differing:
        return {}, [], unknown
    return _remote_of(differing, stamps, folders), _rows_of(app, differing), unknown


def _remote_of(keys: Collection[ScopedKey], stamps: Iterable[Stamp], folders: Folders) -> Remote:
    wanted = {
        f"{folder}/{key}"
        for branch_id, key in keys
        for is_mirror in (False, True)
        if (folder := folders.get((branch_id, is_mirror)))
    }
    found = (_parameter(stamp) for stamp in stamps if stamp.partition(" ")[0] in wanted)
    return group_by_key(found, folders)


def _parameter(stamp: Stamp) -> Parameter:
    path, version, modified = stamp.split(" ", 2)
    return Parameter(path, int(version), text_times.parse(modified))


def _rows_of(app: App, keys: Collection[ScopedKey]) -> list[Secret]:
    rows = Secret.objects.filter(app=app).select_related("branch", "claim")
    if len(keys) <= FEW:
        rows = rows.filter(key__in={key for _, key in keys})
    return [row for row in rows if (row.branch_id, row.key) in keys]


def folders_of(app: App) -> Folders:
    """Return the folders of the app's parameters."""
    return scope_folders(app, app.branches.all())


def keys_to_verify(
    rows: Iterable[Secret], remote: Remote, unknown: Iterable[ScopedKey], kind: Kind
) -> list[ScopedKey]:
    """Return the keys to ask for by name, because the listing may be stale about them."""
    if kind is Kind.PATHS_CHANGED:  # the known versions are of other paths and prove nothing
        return [(row.branch_id, row.key) for row in rows if row.claim_id]
    keys = [
        (row.branch_id, row.key)
        for row in rows
        if row.claim_id or may_be_stale(row, remote.get((row.branch_id, row.key), RemoteState()))
    ]
    return keys if kind is Kind.FIRST else [*keys, *unknown]


def verify_by_name(
    app: App,
    store: ParameterStore,
    remote: Remote,
    keys: Iterable[ScopedKey],
    advance: Callable[[], None],
) -> None:
    """Replace what was listed for these keys by what the store says when asked by name."""
    branches = {branch.pk: branch for branch in app.branches.all()}
    paths: dict[ScopedKey, Location] = {}
    for branch_id, key in keys:
        with suppress(InvalidPath):  # the current path profile has no path for it
            branch = branches[branch_id] if branch_id else None
            paths[branch_id, key] = locate_secret(app, branch, key)
    names = [path for it in paths.values() for path in (it.primary, it.mirror) if path]
    current: dict[str, Parameter] = {}
    for start in range(0, len(names), NAMES):
        current |= store.current(names[start : start + NAMES])
        advance()
    for scoped_key, location in paths.items():
        listed = remote.pop(scoped_key, RemoteState())
        found = RemoteState(
            _with_details(current.get(location.primary), listed.primary),
            _with_details(current.get(location.mirror or ""), listed.mirror),
        )
        if found != RemoteState():
            remote[scoped_key] = found


def _with_details(found: Parameter | None, listed: Parameter | None) -> Parameter | None:
    """Add to what the store said by name what only its listing says of the same version."""
    if found is None or found != listed:
        return found
    return replace(
        found,
        modified_by=listed.modified_by,
        key_id=listed.key_id,
        advanced=listed.advanced,
    )
