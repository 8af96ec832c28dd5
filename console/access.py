"""What each role may do, and the lookups that are the check.

An outsider does not learn that an app exists (Http404); a member without the right is told so
(PermissionDenied). An operator has no access to an app by being one.
"""

from dataclasses import dataclass
from enum import Enum, auto

import structlog
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from console.actors import Actor
from console.models import App, Branch, Member
from console.naming import ALL_BRANCHES, is_app_id

Role = Member.Role


class Permission(Enum):
    """A right within an app."""

    VIEW = auto()  # keys, metadata and the activity; no value
    WRITE = auto()  # set and remove values on unprotected branches
    REVEAL = auto()  # read values on unprotected branches
    WRITE_PROTECTED = auto()  # the same on protected branches and on All branches
    REVEAL_PROTECTED = auto()
    MANAGE = auto()  # the app's settings, branches and members


_DEVELOPER = {Permission.VIEW, Permission.WRITE, Permission.REVEAL}
_MAINTAINER = _DEVELOPER | {Permission.WRITE_PROTECTED, Permission.REVEAL_PROTECTED}
ROLE_PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.DEVELOPER: frozenset(_DEVELOPER),
    Role.MAINTAINER: frozenset(_MAINTAINER),
    Role.OWNER: frozenset(_MAINTAINER | {Permission.MANAGE}),
}
_ON_PROTECTED = {
    Permission.WRITE: Permission.WRITE_PROTECTED,
    Permission.REVEAL: Permission.REVEAL_PROTECTED,
}


@dataclass(frozen=True)
class Access:
    """An actor's way into one app."""

    actor: Actor
    app: App
    role: str

    def may(self, permission: Permission) -> bool:
        """Say whether the role has this very right."""
        return permission in ROLE_PERMISSIONS[self.role]

    def may_on(self, permission: Permission, branch: Branch | None) -> bool:
        """Say whether the role may WRITE or REVEAL on a branch; None is All branches."""
        guarded = branch is None or branch.protected
        return self.may(_ON_PROTECTED[permission] if guarded else permission)

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied where `may` says no."""
        if not self.may(permission):
            raise self._denial("this")

    def require_on(self, permission: Permission, branch: Branch | None) -> None:
        """Raise PermissionDenied where `may_on` says no."""
        if not self.may_on(permission, branch):
            where = ALL_BRANCHES if branch is None else f"the branch {branch.name}"
            raise self._denial(f"this on {where}")

    def _denial(self, what: str) -> PermissionDenied:
        return PermissionDenied(
            f"Your role in this app is {self.role}; it does not allow {what}. "
            "Ask an owner of the app for the role that you need."
        )


def find_app(actor: Actor, app_id: str, *related: str) -> Access:
    """Return the actor's access to an app, which comes with its `related` rows in the same query.

    Raises Http404 for everyone who is no member.
    """
    member = None
    if is_app_id(app_id):  # PostgreSQL takes no NUL, not even in a question
        rows = ("app", *(f"app__{name}" for name in related))
        member = _memberships(actor).filter(app__app_id=app_id).select_related(*rows).first()
    if member is None:
        raise Http404("No such app.")
    structlog.contextvars.bind_contextvars(app=app_id)  # on each log line of this request
    return Access(actor, member.app, member.role)


def find_branch(access: Access, pk: int) -> Branch:
    """Return one of the app's branches, deleted ones too. Raises Http404."""
    branch = access.app.branches.filter(pk=pk).first()
    if branch is None:
        raise Http404("No such branch.")
    branch.app = access.app
    return branch


def memberships(actor: Actor) -> QuerySet[Member]:
    """Return what the actor is a member of, by app name; nobody and the disabled are of nothing."""
    return _memberships(actor).select_related("app").order_by("app__name", "app__app_id")


def _memberships(actor: Actor) -> QuerySet[Member]:
    if actor.user_id is None:
        return Member.objects.none()
    return Member.objects.filter(user_id=actor.user_id, user__is_active=True)


def require_operator(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor runs the deployment.

    Only an operator makes an app: whoever names an app id reads what the store holds under it.
    """
    if not actor.is_operator:
        raise PermissionDenied("Only an operator can do this. Ask one.")
