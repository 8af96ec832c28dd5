"""What each role may do, and the lookups that are the check.

An outsider does not learn that an app exists (Http404); a member without the right is told so
(PermissionDenied). An operator has no access to an app by being one.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from itertools import groupby
from typing import TypeVar

import structlog
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404

from console.access.actors import Actor
from console.lib.branch_patterns import matches, parse_patterns
from console.lib.names import ALL_BRANCHES, is_app_id
from console.models import App, Branch, Member, User

Role = Member.Role
_Member = TypeVar("_Member", bound=Member)  # Django's annotations make kinds of it


class Permission(Enum):
    """A right within an app."""

    VIEW = auto()  # keys, metadata and the activity; no value
    WRITE = auto()  # set and remove values on unprotected branches
    REVEAL = auto()  # read values on unprotected branches
    WRITE_PROTECTED = auto()  # the same on protected ones, and on All branches if there are any
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
class Grant:
    """A role that somebody has in an app: his own, or one of his groups'."""

    role: str
    patterns: tuple[str, ...] = ()
    group: str = ""

    def reaches(self, branch: Branch | None) -> bool:
        """Say whether it holds there. What is set for All branches goes everywhere, so a role that
        is narrowed to some does not hold for it.
        """
        if not self.patterns:
            return True
        return branch is not None and matches(self.patterns, branch.name)


class Obstacle(Enum):
    """Why a grant does not allow an act."""

    ROLE = auto()  # the role allows it nowhere
    PROTECTED = auto()  # the role allows it, but not where protection holds
    BRANCHES = auto()  # the role would allow it, but is narrowed to other branches


@dataclass(frozen=True)
class Decision:
    """Whether an act is allowed: by the first grant that allows it, else what stood in the way."""

    permission: Permission
    branch: Branch | None
    guarded: bool
    by: Grant | None
    obstacles: tuple[tuple[Grant, Obstacle], ...] = ()

    @property
    def allowed(self) -> bool:
        """Say so."""
        return self.by is not None


@dataclass(frozen=True)
class Access:
    """An actor's way into one app: his grants, strongest first."""

    actor: Actor
    app: App
    grants: tuple[Grant, ...]

    @cached_property
    def branches(self) -> list[Branch]:
        """Return the app's branches by name, deleted ones too; one query, as of its first use."""
        return list(self.app.branches.all())

    @property
    def guards_any(self) -> bool:
        """Say whether a branch is protected. A deleted one counts, for its secrets stay, and who
        may read them is changed by an act of its own.
        """
        return any(branch.protected for branch in self.branches)

    @property
    def role(self) -> str:
        """Return the strongest role."""
        return self.grants[0].role

    def decide(self, permission: Permission, branch: Branch | None = None) -> Decision:
        """Decide, and say why. None is All branches; VIEW and MANAGE hold for the whole app.

        Every check of a right ends here.
        """
        scoped = permission in _ON_PROTECTED
        guarded = scoped and (self.guards_any if branch is None else branch.protected)
        obstacles = []
        for grant in self.grants:
            obstacle = _obstacle(grant, permission, guarded)
            if obstacle is None and scoped and not grant.reaches(branch):
                obstacle = Obstacle.BRANCHES
            if obstacle is None:
                return Decision(permission, branch, guarded, grant)
            obstacles.append((grant, obstacle))
        return Decision(permission, branch, guarded, None, tuple(obstacles))

    def may(self, permission: Permission) -> bool:
        """Say whether the actor has a right that holds for the whole app: VIEW or MANAGE."""
        return self.decide(permission).allowed

    def may_on(self, permission: Permission, branch: Branch | None) -> bool:
        """Say whether the actor may WRITE or REVEAL on a branch; None is All branches."""
        return self.decide(permission, branch).allowed

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied where `may` says no."""
        if not self.may(permission):
            raise self._denial("this")

    def require_on(self, permission: Permission, branch: Branch | None) -> None:
        """Raise PermissionDenied where `may_on` says no."""
        if not self.may_on(permission, branch):
            where = ALL_BRANCHES if branch is None else f"the branch {branch.name}"
            raise self._denial(f"changes on {where}")

    def _denial(self, what: str) -> PermissionDenied:
        roles = " and ".join(map(named, self.grants))
        return PermissionDenied(
            f"Your role in this app ({roles}) does not allow {what}. Ask an owner of the app for "
            "a role that does."
        )


def _obstacle(grant: Grant, permission: Permission, guarded: bool) -> Obstacle | None:
    """Return what keeps a role from an act wherever it reaches."""
    permissions = ROLE_PERMISSIONS[grant.role]
    if permission not in permissions:
        return Obstacle.ROLE
    if guarded and _ON_PROTECTED[permission] not in permissions:
        return Obstacle.PROTECTED
    return None


def named(grant: Grant) -> str:
    """Return a grant in words: "developer on dev, feature/*, by the group web"."""
    narrowed = f" on {', '.join(grant.patterns)}" if grant.patterns else ""
    return f"{grant.role}{narrowed}" + (f", through the group {grant.group}" if grant.group else "")


def find_app(actor: Actor, app_id: str, *related: str) -> Access:
    """Return the actor's access to an app, which comes with its `related` rows in the same query.

    Raises Http404 for everyone who is no member.
    """
    members: list[Member] = []
    if is_app_id(app_id):  # PostgreSQL takes no NUL, not even in a question
        rows = ("app", "group", *(f"app__{name}" for name in related))
        members = list(_memberships(actor).filter(app__app_id=app_id).select_related(*rows))
    if not members:
        raise Http404("App not found.")
    structlog.contextvars.bind_contextvars(app=app_id)  # on each log line of this request
    return access_of(actor, members)


def access_of(actor: Actor, members: Sequence[Member]) -> Access:
    """Return what these memberships of one app, which `memberships` found, come to."""
    grants = sorted(map(_grant, members), key=_strength, reverse=True)
    return Access(actor, members[0].app, tuple(grants))


def _grant(member: Member) -> Grant:
    return Grant(
        role=member.role,
        patterns=tuple(parse_patterns(member.patterns)),
        group=member.group.name if member.group else "",
    )


def _strength(grant: Grant) -> tuple[int, bool, bool]:
    """Return what to compare grants by: the role, then not narrowed, then his own."""
    return Role.values.index(grant.role), not grant.patterns, not grant.group


def find_branch(access: Access, pk: int) -> Branch:
    """Return one of the app's branches, deleted ones too. Raises Http404."""
    branch = access.app.branches.filter(pk=pk).first()
    if branch is None:
        raise Http404("Branch not found.")
    branch.app = access.app
    return branch


def memberships(actor: Actor) -> QuerySet[Member]:
    """Return what the actor is a member of, himself or by a group, by app name.

    Nobody and the disabled are members of nothing. One app may come several times (`by_app`).
    """
    found = _memberships(actor).select_related("app", "group")
    return found.order_by("app__name", "app__app_id", "pk")


def by_app(actor: Actor, members: Iterable[_Member]) -> list[tuple[_Member, Access]]:
    """Return one of the memberships of each app, with the access that they come to together."""
    apps = groupby(members, key=lambda member: member.app_id)
    together = (list(rows) for _, rows in apps)
    return [(rows[0], access_of(actor, rows)) for rows in together]


def _memberships(actor: Actor) -> QuerySet[Member]:
    if actor.user_id is None:
        return Member.objects.none()
    user = {"user_id": actor.user_id, "user__is_active": True}
    groups = User.groups.through.objects.filter(**user).values("group_id")
    return Member.objects.filter(Q(**user) | Q(group_id__in=groups))


def require_operator(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor runs the deployment.

    Only an operator makes an app: whoever names an app id reads what the store holds under it.
    """
    if not actor.is_operator:
        raise PermissionDenied("Only operators can do this. Ask an operator for help.")
