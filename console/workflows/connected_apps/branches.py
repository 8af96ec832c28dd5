"""Bring an app's branches in step with what Amplify holds.

A branch that Amplify has is here too, with its stage. One that Amplify no longer has becomes
deleted; its values stay until someone removes them. Branches that Amplify never had were added by
hand, and stay.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from console.access.actors import OUTSIDE
from console.access.branches import shared_folders
from console.amplify.base import AmplifyBranch
from console.amplify.snapshots import Snapshot
from console.audit.events import Action, Outcome, Target, attempt_all, conclude_all, differences
from console.catalog.checks import shared_folder_problem
from console.lib.naming.names import branch_name_problem
from console.lib.text.unprintable import escape_unprintable
from console.models import App, Branch, BranchConnection, Connection, Stage

LONGEST_READ = timedelta(minutes=2)  # of an app and all of its branches


@dataclass(frozen=True, slots=True)
class Change:
    """A branch that a snapshot adds, changes or deletes, and how, in words."""

    action: Action
    branch: Branch
    words: str = ""


@dataclass(frozen=True)
class Plan:
    """What a snapshot changes about an app's branches, which already hold the new state.

    `left_out` are branches that Branchkeep doesn't take, each with the reason.
    """

    changes: Sequence[Change]
    taken: Mapping[str, AmplifyBranch]
    left_out: Mapping[str, str]

    def number(self, action: Action) -> int:
        """Return how many branches are added, changed or deleted."""
        return sum(change.action is action for change in self.changes)

    def in_words(self) -> str:
        """Return the numbers, such as "2 branches added, 1 deleted", or ""."""
        numbers = [
            (self.number(Action.FOUND_BRANCH_ADDED), "added"),
            (self.number(Action.FOUND_BRANCH_CHANGED), "changed"),
            (self.number(Action.FOUND_BRANCH_DELETED), "deleted"),
            (len(self.left_out), "left out"),
        ]
        words = [f"{number:,} {done}" for number, done in numbers if number]
        return f"Branches: {', '.join(words)}" if words else ""


def plan(app: App, snapshot: Snapshot) -> Plan:
    """Return what the snapshot changes. Saves nothing; `app` may be unsaved."""
    known = _known_branches(app)
    offered = {branch.name: branch for branch in _production_first(snapshot)}
    left_out = _left_out(app, known, offered)
    taken = {name: branch for name, branch in offered.items() if name not in left_out}
    production = _production_name(snapshot, taken)
    is_guarded = any(branch.production and branch.protected for branch in known.values())
    is_protected = _guards_stages(app, known.values())
    new = [Branch(app=app, name=it, protected=is_protected) for it in taken if it not in known]
    changes = []
    for branch in (*known.values(), *new):
        fields = _fields(branch, taken.get(branch.name), branch.name in offered)
        fields |= _production_fields(branch, fields, production, is_guarded)
        if change := _change(branch, fields):
            changes.append(change)
    return Plan(changes, taken, left_out)


def _guards_stages(app: App, known: Iterable[Branch]) -> bool:
    """Return True if a new branch is protected because a stage may have its name.

    A stage of self-managed hosting without a branch counts as protected if any branch is (ADR
    0069). A push to Git must not lift that protection.
    """
    return bool(app.hosting_project) and any(branch.protected for branch in known)


def _known_branches(app: App) -> dict[str, Branch]:
    if not app.pk:
        return {}
    return {branch.name: branch for branch in app.branches.select_related("connection")}


def _production_first(snapshot: Snapshot) -> list[AmplifyBranch]:
    """Return the branches; of two that can't both be taken, the production branch is."""
    name = snapshot.app.production_branch
    return sorted(snapshot.branches, key=lambda branch: branch.name != name)


def _production_name(snapshot: Snapshot, taken: Mapping[str, AmplifyBranch]) -> str:
    """Return the production branch's name, or "" if Amplify doesn't tell which it is.

    Amplify names it after its first deployment. Before, a single branch may have the stage.
    """
    if snapshot.app.production_branch in taken:
        return snapshot.app.production_branch
    staged = [name for name, branch in taken.items() if branch.stage == Stage.PRODUCTION]
    return staged[0] if len(staged) == 1 else ""


def _left_out(
    app: App, known: Mapping[str, Branch], offered: Mapping[str, AmplifyBranch]
) -> dict[str, str]:
    """Return the names that can't be taken, with the reason.

    A branch that is here stays, even if it shares its folder with another one (ADR 0036).
    """
    newcomers = [it for it in offered if it not in known or known[it].deleted_at is not None]
    reasons = {it: problem for it in newcomers if (problem := branch_name_problem(it))}
    fresh = [it for it in newcomers if it not in reasons]
    present = [*known.values(), *(Branch(app=app, name=it) for it in fresh if it not in known)]
    for folder, sharing in shared_folders(app, present).items():
        names = [branch.name for branch in sharing]
        keeper = next((name for name in names if name not in fresh), names[0])
        for name in names:
            if name in fresh and name != keeper:
                reasons[name] = shared_folder_problem([keeper], folder)
    return reasons


def _fields(branch: Branch, theirs: AmplifyBranch | None, is_offered: bool) -> dict[str, Any]:
    """Return the branch's stage and whether it is deleted, as Amplify has it."""
    if theirs is not None:
        stage = theirs.stage if theirs.stage in Stage.values else Stage.NONE.value
        return {"stage": stage, "deleted_at": None}
    if branch.deleted_at is None and hasattr(branch, "connection") and not is_offered:
        return {"deleted_at": timezone.now(), "production": False}
    return {}


def _production_fields(
    branch: Branch, fields: Mapping[str, Any], production: str, is_guarded: bool
) -> dict[str, Any]:
    """Return whether the branch serves users, and its protection if it does so from now on.

    A production branch that is new is protected, and so is one that follows a protected one.
    """
    if not production or fields.get("deleted_at", branch.deleted_at) is not None:
        return {}
    if branch.name != production:
        return {"production": False}
    if branch.production:
        return {}
    return {"production": True, "protected": branch.protected or branch.pk is None or is_guarded}


def _change(branch: Branch, fields: Mapping[str, Any]) -> Change | None:
    """Give the branch its new state. Return what that changes, or None."""
    was_deleted, is_new = branch.deleted_at is not None, branch.pk is None
    told = {name: value for name, value in fields.items() if name != "deleted_at"}
    words = differences(branch, told)
    for name, value in fields.items():
        setattr(branch, name, value)
    if "deleted_at" in fields and (is_new or was_deleted):
        again = "added again" + (", still protected" if branch.protected else "")
        return Change(Action.FOUND_BRANCH_ADDED, branch, "" if is_new else again)
    if fields.get("deleted_at"):
        return Change(Action.FOUND_BRANCH_DELETED, branch)
    return Change(Action.FOUND_BRANCH_CHANGED, branch, words) if words else None


@transaction.atomic
def store(app: App, snapshot: Snapshot, *, is_new: bool = False) -> Plan | None:
    """Save what the snapshot changes, and record it. None if a newer one was stored before.

    Of a new app, whose import is recorded, only branches that are left out are recorded.
    """
    App.objects.select_for_update().get(pk=app.pk)  # nobody else adds a branch until the end
    connection = Connection.objects.select_for_update().filter(app=app).first()
    if connection is None or _is_outdated(snapshot, connection):
        return None
    decided = plan(app, snapshot)
    _save(app, decided.changes)
    _save_connections(app, decided.taken)
    _record(app, [] if is_new else decided.changes, _new_names(decided.left_out, connection))
    connection.default_domain = _printable(snapshot.app.default_domain)
    connection.refreshed_at = snapshot.read_at
    connection.left_out = _displayed(decided.left_out)
    connection.save(update_fields=["default_domain", "refreshed_at", "left_out"])
    return decided


def _is_outdated(snapshot: Snapshot, connection: Connection) -> bool:
    """Return True if a newer snapshot was stored while this one was read.

    One that is far ahead was stored before the clock was set back.
    """
    last = connection.refreshed_at
    return last is not None and snapshot.read_at < last < snapshot.read_at + LONGEST_READ


def _save(app: App, changes: Iterable[Change]) -> None:
    branches = [change.branch for change in changes]
    known = [branch for branch in branches if branch.pk]
    # First, because an app has a single production branch
    losing = [branch.pk for branch in known if not branch.production]
    app.branches.filter(pk__in=losing, production=True).update(production=False)
    Branch.objects.bulk_update(known, ["stage", "production", "deleted_at"])
    # Only ever set: an owner may have protected another one since the rows were read.
    protected = [branch.pk for branch in known if branch.protected]
    app.branches.filter(pk__in=protected, protected=False).update(protected=True)
    Branch.objects.bulk_create(branch for branch in branches if not branch.pk)


def _save_connections(app: App, taken: Mapping[str, AmplifyBranch]) -> None:
    """Keep which branches Amplify has, and which pull request each is a preview of."""
    now = timezone.now()
    rows = []
    for branch in app.branches.filter(name__in=taken).select_related("connection"):
        theirs = taken[branch.name]
        row = getattr(branch, "connection", None) or BranchConnection(branch=branch, seen_at=now)
        request = tuple(map(_printable, (theirs.source_branch, theirs.destination_branch)))
        if row.pk is None or (row.source_branch, row.destination_branch) != request:
            row.source_branch, row.destination_branch = request
            rows.append(row)
    BranchConnection.objects.bulk_create(
        rows,
        update_conflicts=True,
        update_fields=["source_branch", "destination_branch"],
        unique_fields=["branch"],
    )
    BranchConnection.objects.filter(branch__app=app).exclude(branch__name__in=taken).delete()


def _printable(text: str) -> str:
    """Return what is only shown as every database can hold it."""
    return str(escape_unprintable(text, keep=""))[:255]


def _displayed(left_out: Mapping[str, str]) -> dict[str, str]:
    return {_printable(name): reason for name, reason in left_out.items()}


def _new_names(left_out: Mapping[str, str], connection: Connection) -> dict[str, str]:
    displayed = _displayed(left_out)
    return {name: displayed[name] for name in displayed if name not in connection.left_out}


def _record(app: App, changes: Sequence[Change], left_out: Mapping[str, str]) -> None:
    """Write what happened in Amplify to the audit trail. Takes two queries, or none."""
    attempts = [
        (change.action, Target(app.app_id, change.branch.name, change.words)) for change in changes
    ]
    attempts += [(Action.FOUND_BRANCH_ADDED, Target(app.app_id, subject=it)) for it in left_out]
    if not attempts:
        return
    events = attempt_all(OUTSIDE, ((*it, None) for it in attempts), change_set=None)
    endings = [(Outcome.SUCCEEDED, "")] * len(changes)
    endings += [(Outcome.FAILED, reason) for reason in left_out.values()]
    conclude_all(
        (event.pk, outcome, None, detail)
        for event, (outcome, detail) in zip(events, endings, strict=True)
    )
