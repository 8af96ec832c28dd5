"""Present audit events in words."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any
from uuid import UUID

from django.db.models import Q

from console.audit.change_sets import CHANGES
from console.audit.events import COMPLETED, Action, Outcome
from console.audit.queries import (
    ATTEMPTED,
    OPEN,
    with_outcomes,
)
from console.lib.naming.natural import natural_key
from console.models import AuditEvent

ACTION_LABELS = {
    Action.OPERATOR_CREATED: "set up Branchkeep",
    Action.SIGN_IN: "signed in",
    Action.SIGN_OUT: "signed out",
    Action.PASSWORD_CHANGED: "changed their password",
    Action.SIGN_IN_LIMITED: "was blocked after too many sign-in attempts",
    Action.SESSION_ENDED: "ended sessions",
    Action.IDENTITY_CONFIRMED: "confirmed their identity",
    Action.FACTOR_ADDED: "added the sign-in factor",
    Action.FACTOR_REMOVED: "removed the sign-in factor",
    Action.APP_CREATED: "created the app",
    Action.APP_CHANGED: "changed the app's settings",
    Action.APP_IMPORTED: "imported the Amplify app",
    Action.APP_CONNECTED: "connected Amplify with the app",
    Action.APP_DISCONNECTED: "disconnected the app from Amplify",
    Action.STEPS_HIDDEN: "hid the first steps of the app",
    Action.BRANCH_ADDED: "added the branch",
    Action.BRANCH_CHANGED: "changed the branch",
    Action.BRANCH_DELETED: "deleted the branch",
    Action.PREVIEWS_CHANGED: "changed the preview rules:",
    Action.MEMBER_SET: "set the role of a member",
    Action.MEMBER_SET_BY_OPERATOR: "set, as an operator, the role of a member",
    Action.MEMBER_REMOVED: "removed a member",
    Action.MEMBER_INVITED: "invited",
    Action.MEMBER_UNINVITED: "withdrew the invitation for",
    Action.MEMBER_JOINED: "accepted the invitation as",
    Action.GROUP_CHANGED: "changed the group",
    Action.GROUP_DELETED: "deleted the group",
    Action.USER_CHANGED: "changed a user",
    Action.ACCOUNT_LINK_MADE: "made a one-time link for",
    Action.ACCOUNT_RESET: "used the one-time link for",
    Action.ACCOUNT_CHANGED: "changed the account",
    Action.ACCOUNT_CONFIRMED: "confirmed the access of",
    Action.SECRET_CREATED: "added the secret",
    Action.SECRET_CHANGED: "changed the secret",
    Action.SECRET_REMOVED: "removed the secret",
    Action.SECRET_REVEALED: "revealed the secret",
    Action.SECRET_COMPARED: "compared the secret",
    Action.SECRET_CHECKED: "checked the type of the secret",
    Action.VERSION_RESTORED: "restored an earlier version of the secret",
    Action.SECRET_ROTATED: "recorded a rotation of the secret",
    Action.EXPOSURE_EXPORTED: "exported the secrets known to",
    Action.MIRROR_REPAIRED: "repaired the mirror of the secret",
    Action.SECRET_ENCRYPTED: "encrypted the secret",
    Action.PARAMETER_REMOVED: "removed the parameter",
    Action.PARAMETER_RESTORED: "restored the parameter",
    Action.BIN_FILLED: "copied to the recycle bin",
    Action.BIN_RESTORED: "restored from the recycle bin",
    Action.BIN_DELETED: "deleted for good",
    Action.BIN_PURGED: "deleted for good, when its time in the recycle bin was over,",
    Action.VARIABLE_CREATED: "added the variable",
    Action.VARIABLE_CHANGED: "changed the variable",
    Action.VARIABLE_RENAMED: "renamed the variable",
    Action.VARIABLE_REMOVED: "removed the variable",
    Action.VARIABLE_MOVED: "made a secret of the variable",
    Action.NOTE_CHANGED: "changed the note of the key",
    Action.NOTE_ERASED: "erased earlier notes of the key",
    Action.TYPE_CHANGED: "changed the type of the key",
    Action.WARNING_DISMISSED: "dismissed the warning on",
    Action.WARNING_SHOWN: "restored the warning on",
    Action.CHANGES_UNDONE: "undid the change set",
    Action.ENVIRONMENT_RUN: "ran a command with",
    Action.BUILD_CHANGED: "changed",
    Action.BUILD_REMOVED: "removed",
    Action.DEPLOYMENT_STARTED: "redeployed",
    Action.DEPLOYMENT_STOPPED: "stopped the deployment of",
    Action.FOUND_ADDED: "added the secret",
    Action.FOUND_CHANGED: "changed the secret",
    Action.FOUND_REMOVED: "removed the secret",
    Action.FOUND_ALL: "had already stored",
    Action.DRIFT_TAKEN: "accepted the outside change to the secret",
    Action.DRIFT_IGNORED: "ignored the outside change to the secret",
    Action.FOUND_BRANCH_ADDED: "added the Amplify branch",
    Action.FOUND_BRANCH_CHANGED: "changed the Amplify branch",
    Action.FOUND_BRANCH_DELETED: "deleted the Amplify branch",
    Action.FOUND_VARIABLE: "changed Amplify's value of the variable",
    Action.FOUND_VARIABLES: "had already set in Amplify",
    Action.FOUND_BUILD: "changed Amplify's",
    Action.VARIABLE_PUSHED: "pushed the variable",
    Action.VARIABLE_KEPT: "chose Branchkeep's value of the variable",
    Action.BUILD_PUSHED: "pushed",
    Action.BUILD_KEPT: "chose Branchkeep's",
    Action.AUDIT_EXPORTED: "exported the activity as",
    Action.NOTICES_CHOSEN: "chose email notifications for",
    Action.REQUEST_REFUSED: "sent requests:",
    Action.STORE_PROBED: "probed the parameter store with",
    Action.BACKUP_MADE: "made the backup",
    Action.BACKUP_RESTORED: "restored the backup",
    Action.KEYS_ROTATED: "re-encrypted the embedded store with the key",
}
GROUP_LABELS = {
    "amplify": "Amplify",
    "account": "Accounts",
    "session": "Sign-in",
    "factor": "Second factors",
    "user": "People",
    "operator": "Set-up",
    "member": "Members",
    "group": "Groups",
    "app": "Apps",
    "branch": "Branches",
    "secret": "Secrets",
    "parameter": "Parameters without a branch",
    "bin": "Recycle bin",
    "found": "Changes made outside Branchkeep",
    "drift": "Decisions about changes made outside",
    "variable": "Variables",
    "changes": "Change sets",
    "environment": "Environments",
    "build": "Build settings",
    "deployment": "Deployments",
    "audit": "This activity",
    "note": "Notes and types",
    "notice": "Notifications",
    "warning": "Warnings",
    "request": "Refused requests",
    "store": "Parameter store",
    "backup": "Backups",
    "keys": "Keys",
}
OUTCOME_LABELS = {
    Outcome.SUCCEEDED.value: "Succeeded",
    Outcome.FAILED.value: "Failed",
    Outcome.DENIED.value: "Denied",
    Outcome.UNKNOWN.value: "Unknown",
    Outcome.SETTLED.value: "Settled",
    ATTEMPTED: "Attempted",
}
OUTCOME_CHOICES = [
    ("", "Any outcome"),
    *OUTCOME_LABELS.items(),
    (OPEN, "Open: attempted or unknown"),
]
_ICONS = {  # by the last word of an action, and otherwise by its first
    "reveal": "eye",
    "compare": "differs",
    "check": "check",
    "exposure": "download",
    "remove": "bin",
    "delete": "bin",
    "undo": "undo",
    "restore": "undo",
    "secret": "edit",
    "variable": "edit",
    "bin": "bin",
    "build": "wrench",
    "deployment": "rocket",
    "branch": "branch",
    "member": "users",
    "group": "users",
    "environment": "variable",
    "found": "warn",
    "drift": "check",
    "request": "denied",
    "note": "note",
    "notice": "bell",
    "warning": "warn",
    "audit": "download",
    "backup": "download",
    "amplify": "cloud",
    "app": "cog",
    "parameter": "key",
    "store": "key",
    "keys": "key",
    "session": "lock",
    "factor": "lock",
}
NOTE_ACTIONS = (Action.NOTE_CHANGED, Action.NOTE_ERASED, Action.TYPE_CHANGED)
MADE = {*COMPLETED, Outcome.UNKNOWN}
RECENT = 1_000  # entries whose users and branches are suggested in filters


@dataclass(frozen=True, slots=True)
class Entry:
    """An act and its outcome, in words."""

    at: datetime
    actor: str
    actor_kind: str
    sentence: str
    subject: str
    app_id: str
    branch: str
    outcome: str
    outcome_label: str
    detail: str
    versions: str
    address: str
    agent: str
    change_set: UUID | None  # of a change that may have been made, which has a page
    icon: str = "user"
    several: Any = None  # the events of a change set that it stands for (paging.Several)

    @property
    def is_about_branch(self) -> bool:
        """Return True if its sentence goes on with the branch, and the subject says more."""
        return bool(self.branch) and self.sentence.endswith(" branch")

    @property
    def can_undo(self) -> bool:
        """Return True if its change set may have written something."""
        return bool(self.change_set) and (self.several is None or self.several.is_made)


def events_of_secret(
    app_id: str, scopes: Collection[str], key: str, limit: int = 10
) -> list[Entry]:
    """Return the newest entries of one secret, under any of the names of its scope.

    Those of its note are among them, which every scope of the key shares.
    """
    about = Q(branch__in=scopes) | Q(branch="", action__in=NOTE_ACTIONS)
    events = AuditEvent.objects.filter(about, app_id=app_id, subject=key)
    return [to_entry(event) for event in with_outcomes(events)[:limit]]


def suggestions(app_id: str = "") -> tuple[list[str], list[str]]:
    """Return users and branches of recent entries, to suggest in the filters."""
    events = AuditEvent.objects.filter(**({"app_id": app_id} if app_id else {})).order_by("-id")
    # DISTINCT over all events would scan the table.
    rows = set(events.values_list("actor", "branch")[:RECENT])
    return sorted({actor for actor, _ in rows}), sorted(
        {branch for _, branch in rows} - {""}, key=natural_key
    )


def action_choices() -> list[tuple[str, Any]]:
    """Return all actions in words, grouped by subject.

    Each group has a choice for all of its actions.
    """
    kinds = groupby(sorted(ACTION_LABELS, key=lambda action: action.partition(".")[0]), _kind)
    groups = [
        (GROUP_LABELS.get(kind, kind.capitalize()), kind, list(actions)) for kind, actions in kinds
    ]
    return [("", "Any action"), *(_choices(*group) for group in sorted(groups))]


def _kind(action: str) -> str:
    return action.partition(".")[0]


def _choices(name: str, kind: str, actions: list[Action]) -> tuple[str, list[tuple[str, str]]]:
    every = [(f"{kind}.", f"{name}: any action")] if len(actions) > 1 else []
    return name, every + [(action.value, _capitalize(ACTION_LABELS[action])) for action in actions]


def _capitalize(words: str) -> str:
    return words[:1].upper() + words[1:]


def to_entry(event: Any) -> Entry:
    """Return an event, annotated by `queries.with_outcomes`, in words."""
    outcome = event.last_outcome or ATTEMPTED
    words = ACTION_LABELS.get(event.action, event.action)
    return Entry(
        at=event.at,
        actor=event.actor,
        actor_kind=event.actor_kind,
        sentence=words if outcome == Outcome.SUCCEEDED else f"attempted: {words}",
        subject=event.subject,
        app_id=event.app_id,
        branch=event.branch,
        outcome=outcome,
        outcome_label=OUTCOME_LABELS.get(outcome, outcome),
        detail=event.last_detail or "",
        versions=_versions(event),
        address=event.address,
        agent=event.agent,
        change_set=event.change_set if event.action in CHANGES and outcome in MADE else None,
        icon=_icon(event.action, outcome),
    )


def _icon(action: str, outcome: str) -> str:
    if outcome == Outcome.DENIED:
        return "denied"
    kind, _, verb = action.partition(".")
    return _ICONS["found"] if kind == "found" else _ICONS.get(verb) or _ICONS.get(kind, "user")


def _versions(event: Any) -> str:
    before, after = event.version_before, event.version_after
    if _kind(event.action) == "deployment":  # `before` is the one that was there
        return f"deployment {after}" if after else ""
    if before and after and before != after:
        return f"version {before} to {after}"
    known = after or before
    return f"version {known}" if known else ""
