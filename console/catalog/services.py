"""What changes apps, branches and the first operator: right > record > database.

Every function takes the actor, and raises Http404 for what he can't see, PermissionDenied for
what he may not, and ValidationError (with a message for people) for input that can't be.
"""

from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Permission, find_app, find_branch, require_operator
from console.audit.events import Action, Target, audited_transaction, differences
from console.models import App, Branch, Member, User

Row = TypeVar("Row", App, Branch)


def create_app(*, actor: Actor, fields: dict[str, Any]) -> App:
    """Create an app from its checked fields; the actor becomes its owner."""
    with audited_transaction(
        actor, Action.APP_CREATED, Target(fields["app_id"], subject=fields["name"])
    ):
        require_operator(actor)
        app = App(**fields)
        app.full_clean()
        app.save()
        Member.objects.create(
            app=app, user=User.objects.get(pk=actor.user_id or 0), role=Member.Role.OWNER
        )
        return app


def change_app(*, actor: Actor, app_id: str, fields: dict[str, Any]) -> App:
    """Change an app's name, repository or path profile."""
    access = find_app(actor, app_id)
    said = differences(access.app, fields) or "no change"
    with audited_transaction(actor, Action.APP_CHANGED, Target(app_id, subject=said)):
        access.require(Permission.MANAGE)
        return _update(access.app, fields)


def add_branch(*, actor: Actor, app_id: str, fields: dict[str, Any]) -> Branch:
    """Connect a branch. One that was deleted comes back, with the secrets that it left behind.

    Protected ones come back protected: who may read them is changed by an act of its own.
    """
    access = find_app(actor, app_id)
    name = fields["name"]
    branch = access.app.branches.filter(name=name).first() or Branch(app=access.app, name=name)
    fields = {**fields, "protected": branch.protected or fields.get("protected", False)}
    target = Target(app_id, branch=name, subject=_said_of(branch, fields))
    with audited_transaction(actor, Action.BRANCH_ADDED, target):
        access.require(Permission.MANAGE)
        if branch.pk and branch.deleted_at is None:
            raise ValidationError({"name": "This app already has a branch with this name."})
        return _update_branch(branch, {**fields, "deleted_at": None})


def change_branch(*, actor: Actor, app_id: str, pk: int, fields: dict[str, Any]) -> Branch:
    """Change a branch's stage, production mark or protection."""
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    target = Target(app_id, branch=branch.name, subject=_said_of(branch, fields) or "no change")
    with audited_transaction(actor, Action.BRANCH_CHANGED, target):
        access.require(Permission.MANAGE)
        if branch.deleted_at is not None:
            raise ValidationError("This branch was deleted. Add it again, then change it.")
        return _update_branch(branch, fields)


def delete_branch(*, actor: Actor, app_id: str, pk: int) -> Branch:
    """Mark a branch deleted. Its secrets are no business of this function."""
    access = find_app(actor, app_id)
    branch = find_branch(access, pk)
    with audited_transaction(actor, Action.BRANCH_DELETED, Target(app_id, branch=branch.name)):
        access.require(Permission.MANAGE)
        return _update_branch(branch, {"deleted_at": timezone.now(), "production": False})


def _said_of(branch: Branch, fields: dict[str, Any]) -> str:
    """Return what the audit trail says of a branch's change; another's lost mark is part of it."""
    said = [differences(branch, fields)]
    if branch.deleted_at:
        said.insert(0, "added again" + (", still protected" if branch.protected else ""))
    if fields.get("production"):
        others = branch.app.branches.filter(production=True).exclude(pk=branch.pk)
        said += [f"no longer production: {other.name}" for other in others]
    return ", ".join(filter(None, said))


def _update_branch(branch: Branch, fields: dict[str, Any]) -> Branch:
    if fields.get("production"):  # it moves: an app has one
        branch.app.branches.exclude(pk=branch.pk).update(production=False)
    return _update(branch, fields)


def _update(row: Row, fields: dict[str, Any]) -> Row:
    for name, value in fields.items():
        setattr(row, name, value)
    row.full_clean()
    row.save()
    return row
