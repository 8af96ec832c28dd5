"""Claim a self-managed hosting project for an app, and release it.

A claim lets the app's members use the project's values. Like creating an app, it takes an operator,
who must also own the app, and recent re-authentication. Raises the errors of
console/catalog/services.py.
"""

from collections.abc import Set

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
HAS_ONE = "This app already has another project. Release that one first, then set this one."


def claim_project(*, actor: Actor, app_id: str, name: str) -> str:
    """Give the app the project with this package name, and return the project.

    An app that has another project must release it first, so that the release is audited.
    """
    access = find_app(actor, app_id)
    project = project_id(name)
    with audited_transaction(actor, Action.HOSTING_CLAIMED, Target(app_id, subject=project)):
        _require_owner(access)
        if len(project) > PROJECT_LIMIT:
            raise ValidationError(f"A package's name has at most {PROJECT_LIMIT} characters.")
        if not _replace(access.app, {"", project}, project):
            raise ValidationError(HAS_ONE)
    return project


def release_project(*, actor: Actor, app_id: str) -> None:
    """Take the project from the app, if it has one. Its values stay in AWS."""
    access = find_app(actor, app_id)
    project = access.app.hosting_project
    with audited_transaction(actor, Action.HOSTING_RELEASED, Target(app_id, subject=project)):
        _require_owner(access)
        _replace(access.app, {project}, "")


def _require_owner(access: Access) -> None:
    """Raise PermissionDenied unless the actor is an operator who owns the app."""
    access.require(Permission.MANAGE)
    require_operator(access.actor)


def _replace(app: App, present: Set[str], project: str) -> bool:
    """Set the app's project if its stored one is in `present`. Return True if it was."""
    rows = App.objects.filter(pk=app.pk, hosting_project__in=present)
    try:
        with transaction.atomic():
            return bool(rows.update(hosting_project=project))
    except IntegrityError:
        raise ValidationError(TAKEN) from None
