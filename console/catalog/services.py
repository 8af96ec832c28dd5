"""Create and change apps and branches.

Every function checks the permission, records the act, then writes. Each raises Http404 for what the
actor can't see, PermissionDenied for what they may not do, ConfirmationRequired for what asks for
re-authentication, and ValidationError for invalid input.
"""

from typing import Any, TypeVar

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone

from console.access import acts
from console.access.actors import Actor
from console.access.policy import find_app, find_branch, require_operator
from console.audit.events import Action, Target, audited_transaction, differences
from console.catalog.checks import (
    require_own_folders,
    require_own_folders_as_in,
    require_own_name,
    require_same_kind,
    require_way_between,
)
from console.lib.naming.names import BACKEND, PIPELINE, PathProfile
from console.models import App, Branch, Member, PreviewCopy, User

Row = TypeVar("Row", App, Branch)

DECIDED_BY_AMPLIFY = "Amplify decides this about branches of a connected app. Change it there."
STILL_IN_AMPLIFY = (
    "Amplify still has this branch. Delete it in Amplify: it is then deleted here, too."
)


def create_app(*, actor: Actor, fields: dict[str, Any]) -> App:
    """Create an app from validated fields. Only for operators; the actor becomes its owner."""
    with audited_transaction(
        actor, Action.APP_CREATED, Target(fields["app_id"], subject=fields["name"])
    ):
        require_operator(actor)
        app = insert_app(fields, User.objects.get(pk=actor.user_id or 0))
        if app.is_standalone:
            _add_backend(app)
        return app


def _add_backend(app: App) -> None:
    """Add the backend that `ampx deploy` deploys. A pipeline has stages instead, which owners add.

    It is protected: the store may already hold its secrets, and nobody knows what they open.
    """
    if app.app_id == PIPELINE:
        return
    _lock(app)
    backend = Branch(app=app, name=BACKEND, protected=True)
    try:
        require_own_folders(backend)
    except ValidationError as refusal:
        raise ValidationError({"app_id": refusal.messages}) from None
    backend.save()


def insert_app(fields: dict[str, Any], owner: User | Group) -> App:
    """Save an app and its first owner, in the caller's transaction and after its checks."""
    app = App(**fields)
    app.full_clean()
    try:
        app.save()
    except IntegrityError:  # after full_clean: someone else was faster
        raise ValidationError("An app with this ID was created a moment ago.") from None
    kind = "user" if isinstance(owner, User) else "group"
    Member.objects.create(app=app, role=Member.Role.OWNER, **{kind: owner})
    return app


def change_app(*, actor: Actor, app_id: str, fields: dict[str, Any]) -> App:
    """Change an app's name, repository or path profile."""
    access = find_app(actor, app_id)
    changes = differences(access.app, fields) or "no change"
    if fields.get("path_profile", access.app.path_profile) != access.app.path_profile:
        acts.require_recent(actor, Action.APP_CHANGED)
    with audited_transaction(actor, Action.APP_CHANGED, Target(app_id, subject=changes)):
        acts.require(access, Action.APP_CHANGED)
        app = _lock(access.app)
        before = PathProfile(app.path_profile)
        require_same_kind(before, PathProfile(fields.get("path_profile", before)))
        _update(app, fields)
        require_own_folders_as_in(app, before)
        require_way_between(before, PathProfile(app.path_profile))
        return app


def add_branch(*, actor: Actor, app_id: str, fields: dict[str, Any]) -> Branch:
    """Add a branch. A deleted branch of the same name comes back with its secrets.

    It comes back protected if it was, because lifting the protection must be an act of its own.
    """
    access = find_app(actor, app_id)
    name = fields["name"]
    branch = access.app.branches.filter(name=name).first() or Branch(app=access.app, name=name)
    fields = {**fields, "protected": branch.protected or fields.get("protected", False)}
    target = Target(app_id, branch=name, subject=_describe_changes(branch, fields))
    if not fields["protected"]:  # its path may have values, which developers could then read
        acts.require_recent(actor, Action.BRANCH_ADDED)
    with audited_transaction(actor, Action.BRANCH_ADDED, target):
        acts.require(access, Action.BRANCH_ADDED)
        if branch.pk and branch.deleted_at is None:
            raise ValidationError({"name": "This app already has a branch with this name."})
        if fields.get("production") and hasattr(access.app, "connection"):
            raise ValidationError({"production": DECIDED_BY_AMPLIFY})
        _lock(access.app)  # of two such branches at once, one must see the other
        require_own_name(branch)
        require_own_folders(branch)
        return _update_branch(branch, {**fields, "deleted_at": None})


def change_branch(*, actor: Actor, app_id: str, pk: int, fields: dict[str, Any]) -> Branch:
    """Change a branch's stage, production flag or protection."""
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    target = Target(
        app_id, branch=branch.name, subject=_describe_changes(branch, fields) or "no change"
    )
    if branch.protected and not fields.get("protected", True):
        acts.require_recent(actor, Action.BRANCH_CHANGED)
    with audited_transaction(actor, Action.BRANCH_CHANGED, target):
        acts.require(access, Action.BRANCH_CHANGED)
        if branch.deleted_at is not None:
            raise ValidationError("This branch was deleted. Add it again, then change it.")
        if _follows_amplify(access.app, branch, fields):
            raise ValidationError(DECIDED_BY_AMPLIFY)
        return _update_branch(branch, fields)


def delete_branch(*, actor: Actor, app_id: str, pk: int) -> Branch:
    """Mark a branch as deleted. Its secrets stay in the store until someone removes them."""
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    with audited_transaction(actor, Action.BRANCH_DELETED, Target(app_id, branch=branch.name)):
        acts.require(access, Action.BRANCH_DELETED)
        if hasattr(branch, "connection"):
            raise ValidationError(STILL_IN_AMPLIFY)
        PreviewCopy.objects.filter(branch=branch).delete()  # what stays was left on purpose
        return _update_branch(branch, {"deleted_at": timezone.now(), "production": False})


def _follows_amplify(app: App, branch: Branch, fields: dict[str, Any]) -> bool:
    """Return True if Amplify decides one of the fields that change."""
    changed = {name for name, value in fields.items() if getattr(branch, name) != value}
    decided = {"stage", "production"} if hasattr(branch, "connection") else {"production"}
    return hasattr(app, "connection") and not changed.isdisjoint(decided)


def _lock(app: App) -> App:
    """Return the app's row, in which nobody else adds a branch until this transaction ends.

    For a standalone backend, locks the rows of all of them, because two can share a folder.
    """
    rows = App.objects.select_for_update().order_by("pk")
    if not app.is_standalone:
        return rows.get(pk=app.pk)
    return {it.pk: it for it in rows.filter(path_profile=PathProfile.STANDALONE)}[app.pk]


def _describe_changes(branch: Branch, fields: dict[str, Any]) -> str:
    """Return a branch's changes for the audit trail, including another's lost production flag."""
    changes = [differences(branch, fields)]
    if branch.deleted_at:
        changes.insert(0, "added again" + (", still protected" if branch.protected else ""))
    if fields.get("production"):
        others = branch.app.branches.filter(production=True).exclude(pk=branch.pk)
        changes += [f"no longer production: {other.name}" for other in others]
    return ", ".join(filter(None, changes))


def _update_branch(branch: Branch, fields: dict[str, Any]) -> Branch:
    if fields.get("production"):  # an app has a single production branch
        branch.app.branches.exclude(pk=branch.pk).update(production=False)
    return _update(branch, fields)


def _update(row: Row, fields: dict[str, Any]) -> Row:
    is_new = row.pk is None
    for name, value in fields.items():
        setattr(row, name, value)
    # Nothing but these: a refresh from Amplify may have changed the others since the row was read.
    others = () if is_new else {it.name for it in row._meta.get_fields()} - fields.keys()
    row.full_clean(exclude=others)
    row.save(update_fields=None if is_new else list(fields))
    return row
