"""Claim a self-managed hosting project for an app, and release it.

A claim lets the app's members use the project's values. Like creating an app, it takes an operator,
who must also own the app, and recent re-authentication. Raises the errors of
console/catalog/services.py.
"""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app, require_operator
from console.audit.events import Action, Target, audited_transaction
from console.models import App
from secrets_app.hosting_paths import PROJECT_LIMIT, project_id

TAKEN = (
    "Another app has claimed this project, and a project belongs to one app only. Release it there "
    "first."
)


def claim_project(*, actor: Actor, app_id: str, name: str) -> str:
    """Give the app the project with this package name, and return the project."""
    access = find_app(actor, app_id)
    project = project_id(name)
    with audited_transaction(actor, Action.HOSTING_CLAIMED, Target(app_id, subject=project)):
        _require_owner(access)
        if len(project) > PROJECT_LIMIT:
            raise ValidationError(f"A package's name has at most {PROJECT_LIMIT} characters.")
        _save(access.app, project)
    return project


def release_project(*, actor: Actor, app_id: str) -> None:
    """Take the project from the app. Its values stay in AWS."""
    access = find_app(actor, app_id)
    target = Target(app_id, subject=access.app.hosting_project)
    with audited_transaction(actor, Action.HOSTING_RELEASED, target):
        _require_owner(access)
        _save(access.app, "")


def _require_owner(access: Access) -> None:
    """Raise PermissionDenied unless the actor is an operator who owns the app."""
    access.require(Permission.MANAGE)
    require_operator(access.actor)


def _save(app: App, project: str) -> None:
    app.hosting_project = project
    try:
        with transaction.atomic():
            app.save(update_fields=["hosting_project"])
    except IntegrityError:
        raise ValidationError(TAKEN) from None
