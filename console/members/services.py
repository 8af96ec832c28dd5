"""Manage who is a member of an app: with which role, and on which branches.

A member is a user or a group; operators decide who is in a group. Every function checks the
permission, records the act, then writes. Raises Http404 for what the actor can't see,
PermissionDenied for what they may not do, and ValidationError for invalid input.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from textwrap import wrap

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import Http404

from console.access.actors import Actor
from console.access.policy import (
    Access,
    Grant,
    Permission,
    describe_grant,
    find_app,
    require_operator,
)
from console.audit.events import Action, Target, audited_transaction, differences, recording
from console.lib.naming import branch_patterns
from console.models import App, Member, Suspension, User

Role = Member.Role


def set_member(
    *, actor: Actor, app: App, principal: User | Group, role: str, patterns: Sequence[str] = ()
) -> Member:
    """Give a user or group a role in an app, limited to `patterns` if there are any.

    Owners may do this, and operators through the admin site.
    """
    target = Target(
        app.app_id, subject=f"{display_name(principal)}: {describe_role(role, patterns)}"
    )
    is_stranger = actor.is_operator and not _owns(actor, app)
    action = Action.MEMBER_SET_BY_OPERATOR if is_stranger else Action.MEMBER_SET
    with audited_transaction(actor, action, target):
        require_manager(actor, app)
        check_role(role, patterns)
        if isinstance(principal, User) and role != Role.OWNER:
            _require_another_owner(app, principal)
        member, _ = Member.objects.update_or_create(
            app=app,
            user=principal if isinstance(principal, User) else None,
            group=principal if isinstance(principal, Group) else None,
            defaults={"role": role, "patterns": "\n".join(patterns)},
        )
        return member


def remove_member(*, actor: Actor, member: Member) -> None:
    """Remove a member. Access ends with their next request.

    The last owner can't be removed, not even by themselves. A group that owns the app doesn't count
    as an owner, because operators may empty it at any time.
    """
    target = Target(member.app.app_id, subject=member.name)
    with audited_transaction(actor, Action.MEMBER_REMOVED, target):
        require_manager(actor, member.app)
        if member.user:
            _require_another_owner(member.app, member.user)
            # An open invitation would let them back in.
            member.app.invitations.filter(email=member.user.email).delete()
        member.delete()


def find_member(access: Access, pk: int) -> Member:
    """Return one of the app's members, or raise Http404."""
    member = access.app.members.select_related("user", "group").filter(pk=pk).first()
    if member is None:
        raise Http404("Member not found.")
    member.app = access.app
    return member


def people_of(app: App) -> list[User]:
    """Return all members' users, direct and through groups, by email, including disabled ones."""
    by_group = User.groups.through.objects.filter(group__memberships__app=app).values("user_id")
    people = User.objects.filter(memberships__app=app) | User.objects.filter(pk__in=by_group)
    return list(people.distinct().order_by("email"))


def ownerless_without(user: User) -> list[App]:
    """Return the apps of a user that have no other owner who can sign in and isn't suspended."""
    owners = Member.objects.filter(app=OuterRef("pk"), role=Role.OWNER, user__is_active=True)
    others = owners.exclude(user=user).exclude(user__suspension__isnull=False)
    owned = App.objects.filter(members__user=user, members__role=Role.OWNER)
    return list(owned.exclude(Exists(others)))


def require_manager(actor: Actor, app: App) -> None:
    """Raise PermissionDenied or Http404 unless the actor owns the app or is an operator."""
    if not actor.is_operator:
        find_app(actor, app.app_id).require(Permission.MANAGE)


def _owns(actor: Actor, app: App) -> bool:
    try:
        return find_app(actor, app.app_id).may(Permission.MANAGE)
    except Http404:
        return False


def check_role(role: str, patterns: Sequence[str]) -> None:
    """Raise ValidationError if a member can't have this role on these branches."""
    if role not in Role.values:
        raise ValidationError({"role": "Choose one of the roles."})
    if patterns and role == Role.OWNER:
        raise ValidationError(
            {
                "patterns": (
                    "Owners can't be limited to branches, because they could remove the limit. "
                    "Leave this empty."
                )
            }
        )
    if problem := branch_patterns.problem(patterns):
        raise ValidationError({"patterns": problem})


def describe_role(role: str, patterns: Iterable[str]) -> str:
    """Return a role in words, for example "developer on dev, feature/*"."""
    return describe_grant(Grant(role, tuple(patterns)))


def display_name(principal: User | Group) -> str:
    """Return the display name of a user or group."""
    return principal.email if isinstance(principal, User) else f"group {principal.name}"


def actor_of(user: User) -> Actor:
    """Return a user as an Actor whose permissions can be looked up. It doesn't act."""
    return Actor(kind="web", label=user.email, user_id=user.pk, is_operator=user.is_superuser)


def _require_another_owner(app: App, leaving: User) -> None:
    # Locked: of two owners who remove each other, the second must find the first gone.
    owners = app.members.select_for_update(of=("self",)).filter(
        role=Role.OWNER, user__is_active=True
    )
    left = {owner.user_id for owner in owners} - {leaving.pk}
    suspended = Suspension.objects.filter(user__in=left).exclude(confirmed=app)
    if leaving.pk in {owner.user_id for owner in owners} and not left - set(
        suspended.values_list("user_id", flat=True)
    ):
        raise ValidationError("This is the app's last owner. Make someone else an owner first.")


# Groups


def set_group(*, actor: Actor, group: Group, users: Iterable[User]) -> Group:
    """Save a group's name and its users. Only operators may do this.

    The event is recorded in each app of the group, because its users are members there.
    """
    users = list(users)
    with _audited_in_every_app(actor, Action.GROUP_CHANGED, group, _describe_changes(group, users)):
        group.full_clean()
        group.save()
        group.user_set.set(users)
        return group


def delete_group(*, actor: Actor, group: Group) -> None:
    """Delete a group and its roles in apps. Only operators may do this."""
    with _audited_in_every_app(actor, Action.GROUP_DELETED, group, _describe_changes(group, [])):
        group.delete()


@contextmanager
def _audited_in_every_app(
    actor: Actor, action: Action, group: Group, descriptions: Sequence[str]
) -> Iterator[None]:
    """Record an operator's act in every app of the group and run it in one transaction."""
    with recording_in_apps(actor, action, apps_of_group(group), descriptions):
        require_operator(actor)
        with transaction.atomic():
            yield


@contextmanager
def recording_in_apps(
    actor: Actor, action: Action, app_ids: Iterable[str], descriptions: Sequence[str]
) -> Iterator[None]:
    """Record an act once for the deployment and once for each of these apps."""
    with ExitStack() as entries:
        for app_id in ["", *app_ids]:
            for subject in descriptions:
                entries.enter_context(recording(actor, action, Target(app_id, subject=subject)))
        yield


def apps_of_group(group: Group) -> list[str]:
    """Return the ids of the apps in which a group has a role."""
    apps = App.objects.filter(members__group_id=group.pk or 0)
    return list(apps.values_list("app_id", flat=True))


def _describe_changes(group: Group, users: Iterable[User]) -> list[str]:
    """Return what the audit trail says, split into several subjects if many users change."""
    before = set(group.user_set.all()) if group.pk else set()
    old = Group.objects.filter(pk=group.pk).first()
    descriptions = [differences(old, {"name": group.name})] if old else []
    descriptions += [f"added {user.email}" for user in sorted({*users} - before, key=str)]
    descriptions += [f"removed {user.email}" for user in sorted(before - {*users}, key=str)]
    lines = wrap(", ".join(filter(None, descriptions)) or "no change", 800, break_long_words=False)
    return [f"{group.name}: {line}" for line in lines]
