"""Why a branch gets its value of a variable: what is here, and what Amplify gives to builds.

From the database alone. In a connected app, builds get what Amplify holds, which differs from what
is here until it was pushed, or decided.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django.db.models import F
from django.urls import reverse

from console.access.actors import OUTSIDE
from console.access.policy import Access
from console.environment.explaining import Explanation, Holds, Place, Reader
from console.environment.faults import Check
from console.lib.clock import oldest
from console.models import Branch, scope_name
from envvars_app.amplify_sync.queries import connection_of
from envvars_app.models import (
    SyncedScope,
    SyncedVariable,
    SyncState,
    Variable,
    VariableVersion,
)

COMMANDS = "The next `run` or `pull` reads a new value."
BUILD = "The next build reads a new value, once it was pushed to Amplify."
NOT_CONNECTED = (
    "The app isn't connected to Amplify, so builds get nothing from here. `run` and `pull` deliver "
    "its variables."
)
NOT_IN_AMPLIFY = "Amplify doesn't have this branch, so nothing is pushed to it."
NEVER_READ = "Amplify has not been read yet."
AUTO_BRANCH = (
    "Amplify gives this variable to each branch that it creates, as a value of the branch's own. "
    "Branches that exist keep what they have."
)
FROM_AUTO_BRANCH = "It is the value that Amplify gives to branches that it creates."
_STATES: Mapping[str, str] = {
    SyncState.PENDING: (
        "{what}, saved by {by}, waits to be pushed. Until then, builds get what Amplify holds."
    ),
    SyncState.CONFLICT: (
        "{what}, saved by {by}, was not pushed, because the variable was changed in Amplify, too. "
        "Choose one of the two."
    ),
    SyncState.DRIFT: "It was changed in Amplify and differs from what is here. Choose one of them.",
}


def explain(access: Access, key: str, branch: Branch | None) -> Explanation | None:
    """Return why a branch gets its value of a variable. None if the app knows none of this key.

    `branch` None explains what a branch without a value of its own gets. Takes two queries, and two
    more in a connected app.
    """
    rows = [*Variable.objects.filter(app=access.app, key=key).defer("value")]
    live = {row.branch_id: row for row in rows if row.removed_at is None}
    here = _Here(live, _last_removed(rows))
    connection = connection_of(access.app)
    synced = _Synced(access, key) if connection else None
    if not rows and not (synced and synced.is_known):
        return None
    scopes: list[Branch | None] = [branch, None] if branch else [None]
    commands = Reader(
        title=f"What `run` and `pull` give on {_where(branch)}",
        places=[here.place(scope) for scope in scopes],
        takes_effect=COMMANDS,
        notes=[] if connection else [NOT_CONNECTED],
    )
    own = {pk: row.pk for pk, row in live.items()}
    if synced is None:
        return Explanation(readers=[commands], scopes=own)
    build = Reader(
        title=f"What a build gets from Amplify on {_where(branch)}",
        places=[synced.place(scope, here) for scope in scopes],
        takes_effect=BUILD,
    )
    readers = [build, commands]
    if branch and not hasattr(branch, "connection"):
        readers = [commands, Reader(title=build.title, notes=[NOT_IN_AMPLIFY])]
    if key in synced.auto_branch:
        title = "What a branch gets that Amplify creates"
        readers.append(Reader(title=title, notes=[AUTO_BRANCH]))
    return Explanation(readers=readers, scopes=own, check=synced.check(access, scopes))


def _where(branch: Branch | None) -> str:
    return f"{branch.name}, in this order" if branch else "a branch without its own value"


def _last_removed(rows: Iterable[Variable]) -> dict[int | None, Variable]:
    """Return the variable that was removed last, by the id of its branch."""
    removed = [row for row in rows if row.removed_at is not None]
    return {row.branch_id: row for row in sorted(removed, key=lambda row: row.changed_at)}


class _Here:
    """The variables of one key here. Takes one query."""

    def __init__(
        self, live: Mapping[int | None, Variable], removed: Mapping[int | None, Variable]
    ) -> None:
        self.live, self._removed = live, removed
        shown = [*live.values(), *removed.values()]
        latest = VariableVersion.objects.filter(variable__in=shown, version=F("variable__version"))
        columns = latest.values_list("variable_id", "change_set")
        self._change_sets = dict(columns)

    def place(self, branch: Branch | None) -> Place:
        """Return what a scope has here."""
        branch_id, scope = branch.pk if branch else None, scope_name(branch)
        if row := self.live.get(branch_id):
            return Place(
                scope=scope, holds=Holds.VALUE, version=row.version, pk=row.pk, **self._author(row)
            )
        removed = self._removed.get(branch_id)
        return Place(scope=scope, holds=Holds.NOTHING, **(self._author(removed) if removed else {}))

    def _author(self, row: Variable) -> dict[str, Any]:
        is_outside = row.changed_by == OUTSIDE.label
        return {
            "since": row.changed_at,
            "by": "" if is_outside else row.changed_by,
            "is_outside": is_outside,
            "change_set": self._change_sets.get(row.pk),
        }


class _Synced:
    """What Amplify held of one key when it was last read. Takes two queries."""

    def __init__(self, access: Access, key: str) -> None:
        self._key = key
        scopes = SyncedScope.objects.filter(app=access.app)
        self._scopes = {scope.branch_id: scope for scope in scopes}
        rows = SyncedVariable.objects.filter(scope__in=self._scopes.values(), key=key)
        branches = {scope.pk: branch_id for branch_id, scope in self._scopes.items()}
        self.rows = {branches[row.scope_id]: row for row in rows}
        self.auto_branch = dict(self._scopes[None].auto_branch) if None in self._scopes else {}

    @property
    def is_known(self) -> bool:
        """Return True if Amplify holds it in any scope, or gives it to branches that it creates."""
        return bool(self.auto_branch.get(self._key)) or any(map(_is_held, self.rows.values()))

    def check(self, access: Access, scopes: Iterable[Branch | None]) -> Check:
        """Return how current this is: as of the read that is the longest ago."""
        problem = access.app.connection.problem
        found = [self._scopes.get(scope.pk if scope else None) for scope in scopes]
        read_at = oldest(scope.read_at if scope else None for scope in found)
        url = reverse("variables_amplify", args=[access.app.app_id])
        return Check("Amplify", url, read_at, False, not problem, "")

    def place(self, branch: Branch | None, here: _Here) -> Place:
        """Return what a scope has in Amplify."""
        branch_id, ours = branch.pk if branch else None, here.place(branch)
        row, scope = self.rows.get(branch_id), self._scopes.get(branch_id)
        if scope is None or scope.read_at is None:
            return replace(ours, holds=Holds.UNCERTAIN, notes=[NEVER_READ])
        if row is None:
            return Place(scope=ours.scope, holds=Holds.NOTHING)
        if row.state != SyncState.SAME:
            return self._different(row, scope, ours)
        is_given = branch is not None and row.held == self.auto_branch.get(self._key, ())
        return replace(ours, notes=[FROM_AUTO_BRANCH] if is_given else [])

    def _different(self, row: SyncedVariable, scope: SyncedScope, ours: Place) -> Place:
        """Return what Amplify holds instead of what is here."""
        what = f"Version {ours.version}" if ours.version else "The removal"
        notes = [_STATES[row.state].format(what=what, by=row.pending_by)]
        notes += filter(None, [row.problem, scope.problem])
        holds = Holds.VALUE if _is_held(row) else Holds.NOTHING
        if row.event_id is not None:
            notes.append("Amplify may have it already: the outcome of a push isn't known yet.")
            holds = holds if _is_held(row) == (row.sent is not None) else Holds.UNCERTAIN
        is_outside = row.state != SyncState.PENDING
        return Place(
            scope=ours.scope,
            holds=holds,
            since=row.seen_at if is_outside else None,
            is_outside=is_outside,
            pk=ours.pk,
            notes=notes,
        )


def _is_held(row: SyncedVariable) -> bool:
    """Return True if Amplify has the variable. Of one that was moved, only digests are kept."""
    return row.held is not None or bool(row.digests)
