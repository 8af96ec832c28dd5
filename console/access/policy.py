"""Decide what each role may do, and look up apps and branches.

The lookups are the permission check. An outsider doesn't learn that an app exists (Http404), and a
member without the permission gets PermissionDenied. Being an operator gives no access to an app.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from functools import cached_property
from itertools import groupby
from typing import TypeVar

import structlog
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Q, QuerySet
from django.http import Http404

from console.access.actors import Actor
from console.access.branches import branches_of, partners_of
from console.lib.naming.branch_patterns import matches, parse_patterns
from console.lib.naming.names import ALL_BRANCHES, is_app_id
from console.models import App, Branch, Member, Suspension, User

Role = Member.Role
_Member = TypeVar("_Member", bound=Member)  # annotated querysets return subclasses


class Permission(Enum):
    """A permission within an app."""

    VIEW = auto()  # keys, metadata and activity, but no secret value
    WRITE = auto()  # set and remove values on unprotected branches
    REVEAL = auto()  # read values on unprotected branches
    # On protected branches, and on All branches if any branch is protected
    WRITE_PROTECTED = auto()
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
    """A role in an app, held directly or through a group."""

    role: str
    patterns: tuple[str, ...] = ()
    group: str = ""

    def covers(self, branch: Branch | None) -> bool:
        """Return True if the grant covers `branch`.

        A branch-scoped grant never covers All branches. A value for All branches reaches every
        branch, so even the pattern `*` is not enough.
        """
        if not self.patterns:
            return True
        return branch is not None and matches(self.patterns, branch.name)


class Obstacle(Enum):
    """Why a grant does not allow an act."""

    ROLE = auto()  # the role doesn't include the permission
    PROTECTED = auto()  # the role includes it, but not on protected branches
    BRANCHES = auto()  # the role includes it, but is limited to other branches


@dataclass(frozen=True)
class Decision:
    """The result of a check: the first grant that allows the act, or what prevented each grant."""

    permission: Permission
    branch: Branch | None
    is_protected: bool
    granted_by: Grant | None
    obstacles: tuple[tuple[Grant, Obstacle], ...] = ()
    shared_with: Branch | None = None  # what decided, if one that shares the parameters is stricter

    @property
    def allowed(self) -> bool:
        return self.granted_by is not None


@dataclass(frozen=True)
class Access:
    """An actor's access to one app, with the strongest grant first."""

    actor: Actor
    app: App
    grants: tuple[Grant, ...]

    @cached_property
    def branches(self) -> list[Branch]:
        """Return the app's branches in order, deleted ones too. Queried once, on first use."""
        return branches_of(self.app)

    @cached_property
    def partners(self) -> dict[Branch | None, list[Branch]]:
        """Return, for each branch that shares its parameters, the others. Usually none does."""
        return partners_of(self.app, self.branches)

    @cached_property
    def owners(self) -> list[str]:
        """Return the emails of the app's owners who are members by themselves. Queried once."""
        owners = self.app.members.filter(role=Role.OWNER, user__is_active=True)
        return list(owners.order_by("user__email").values_list("user__email", flat=True))

    @property
    def has_protected_branch(self) -> bool:
        """Return True if any branch is protected. Deleted ones count: their secrets stay."""
        return any(branch.protected for branch in self.branches)

    @property
    def role(self) -> str:
        """Return the strongest role."""
        return self.grants[0].role

    def decide(self, permission: Permission, branch: Branch | None = None) -> Decision:
        """Decide whether the actor has a permission, and why.

        `branch` None stands for All branches. VIEW and MANAGE apply to the whole app. Every
        permission check ends here, so that explanations can't differ from decisions. Of branches
        that share their parameters, the strictest decides.
        """
        decisions = [self._decide(permission, branch)]
        for partner in self.partners.get(branch, ()) if permission in _ON_PROTECTED else ():
            theirs = self._decide(permission, partner)
            decisions.append(replace(theirs, branch=branch, shared_with=partner))
        return max(decisions, key=lambda it: (not it.allowed, it.is_protected))  # its own if equal

    def _decide(self, permission: Permission, branch: Branch | None) -> Decision:
        is_scoped = permission in _ON_PROTECTED
        is_protected = is_scoped and (
            self.has_protected_branch if branch is None else branch.protected
        )
        obstacles = []
        for grant in self.grants:
            obstacle = _obstacle(grant, permission, is_protected)
            if obstacle is None and is_scoped and not grant.covers(branch):
                obstacle = Obstacle.BRANCHES
            if obstacle is None:
                return Decision(permission, branch, is_protected, grant)
            obstacles.append((grant, obstacle))
        return Decision(permission, branch, is_protected, None, tuple(obstacles))

    def may(self, permission: Permission) -> bool:
        """Return True if the actor has VIEW or MANAGE, which apply to the whole app."""
        return self.decide(permission).allowed

    def may_on(self, permission: Permission, branch: Branch | None) -> bool:
        """Return True if the actor may WRITE or REVEAL on `branch`; None is All branches."""
        return self.decide(permission, branch).allowed

    def refusal_on(self, permission: Permission, branch: Branch | None) -> str:
        """Return what `require_on` would say, "" if the actor may."""
        try:
            self.require_on(permission, branch)
        except PermissionDenied as denial:
            return str(denial)
        return ""

    @property
    def is_read_only(self) -> bool:
        """Return True if none of the actor's roles allows changes, on any branch."""
        return not any(Permission.WRITE in ROLE_PERMISSIONS[grant.role] for grant in self.grants)

    def require_writer(self) -> None:
        """Raise PermissionDenied if `is_read_only`."""
        if self.is_read_only:
            raise self._denial("changes")

    def require(self, permission: Permission) -> None:
        """Raise PermissionDenied unless `may` allows it."""
        if not self.may(permission):
            raise self._denial("this")

    def require_on(self, permission: Permission, branch: Branch | None) -> None:
        """Raise PermissionDenied unless `may_on` allows it."""
        if not (decision := self.decide(permission, branch)).allowed:
            where = ALL_BRANCHES if branch is None else f"the branch {branch.name}"
            if decision.shared_with:
                where += f", which shares its parameters with {decision.shared_with.name}"
            act = "revealing values" if permission is Permission.REVEAL else "changes"
            raise self._denial(f"{act} on {where}")

    def _denial(self, what: str) -> PermissionDenied:
        roles = " and ".join(map(describe_grant, self.grants))
        return PermissionDenied(
            f"Your role in this app ({roles}) does not allow {what}. Ask an owner of the app for "
            "a role that does."
        )


def _obstacle(grant: Grant, permission: Permission, is_protected: bool) -> Obstacle | None:
    """Return what prevents a role from an act on branches that it covers."""
    permissions = ROLE_PERMISSIONS[grant.role]
    if permission not in permissions:
        return Obstacle.ROLE
    if is_protected and _ON_PROTECTED[permission] not in permissions:
        return Obstacle.PROTECTED
    return None


def describe_grant(grant: Grant) -> str:
    """Return a grant in words, such as "developer on dev, feature/*, through the group web"."""
    narrowed = f" on {', '.join(grant.patterns)}" if grant.patterns else ""
    source = f", through the group {grant.group}" if grant.group else ""
    return f"{grant.role}{narrowed}{source}"


def find_app(actor: Actor, app_id: str, *related: str) -> Access:
    """Return the actor's access to an app. `related` names relations to load in the same query.

    Raises Http404 unless the actor is a member.
    """
    members: list[Member] = []
    if is_app_id(app_id):  # PostgreSQL rejects NUL even in a query's parameters
        rows = ("app", "app__connection", "group", *(f"app__{name}" for name in related))
        members = list(_memberships(actor).filter(app__app_id=app_id).select_related(*rows))
    if not members:
        # The same for a missing app and one that the actor may not see, so that ids can't be
        # probed.
        raise Http404("App not found.")
    structlog.contextvars.bind_contextvars(app=app_id)  # for each log line of this request
    return access_of(actor, members)


def access_of(actor: Actor, members: Sequence[Member]) -> Access:
    """Return the access that these memberships of one app grant together."""
    grants = sorted(map(_grant, members), key=_strength, reverse=True)
    return Access(actor, members[0].app, tuple(grants))


def _grant(member: Member) -> Grant:
    return Grant(
        role=member.role,
        patterns=tuple(parse_patterns(member.patterns)),
        group=member.group.name if member.group else "",
    )


def _strength(grant: Grant) -> tuple[int, bool, bool]:
    """Return the sort key of grants: the role, then unlimited, then held directly."""
    return Role.values.index(grant.role), not grant.patterns, not grant.group


def find_branch(access: Access, pk: int) -> Branch:
    """Return one of the app's branches, including deleted ones, or raise Http404."""
    for branch in (it for it in access.branches if it.pk == pk):
        return branch
    raise Http404("Branch not found.")


def memberships(actor: Actor) -> QuerySet[Member]:
    """Return the actor's memberships, direct and through groups, ordered by app name.

    Empty for anonymous actors and disabled users; without the apps in which the user is suspended.
    An app can occur several times (see group_by_app).
    """
    found = _memberships(actor).select_related("app", "group")
    return found.order_by("app__name", "app__app_id", "pk")


def group_by_app(actor: Actor, members: Iterable[_Member]) -> list[tuple[_Member, Access]]:
    """Return one membership of each app, with the access that all of them grant together.

    `members` must be ordered by app.
    """
    apps = groupby(members, key=lambda member: member.app_id)
    grouped = (list(rows) for _, rows in apps)
    return [(rows[0], access_of(actor, rows)) for rows in grouped]


def _memberships(actor: Actor) -> QuerySet[Member]:
    if actor.user_id is None:
        return Member.objects.none()
    user = {"user_id": actor.user_id, "user__is_active": True}
    # A subquery: the number of queries must not depend on the number of groups.
    groups = User.groups.through.objects.filter(**user).values("group_id")
    suspension = Suspension.objects.filter(user_id=actor.user_id)
    return Member.objects.filter(
        Q(**user) | Q(group_id__in=groups),
        ~Exists(suspension) | Q(app__in=suspension.values("confirmed")),
    )


def require_operator(actor: Actor) -> None:
    """Raise PermissionDenied unless the actor is an operator.

    Only operators create apps: an app's id decides which parameters of the store its owner can
    read.
    """
    if not actor.is_operator:
        raise PermissionDenied("Only operators can do this. Ask an operator for help.")
