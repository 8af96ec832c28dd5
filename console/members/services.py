"""Who is a member of an app, with which role, and on which branches: right > record > database.

A member is a person or a group; operators say who is in a group. The errors raised
are those of console/catalog/services.py.
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
from console.lib import branch_patterns
from console.models import App, Member, User

Role = Member.Role


def set_member(
    *, actor: Actor, app: App, who: User | Group, role: str, patterns: Sequence[str] = ()
) -> Member:
    """Give a person or a group a role in an app, narrowed to `patterns` if there are any.

    Owners do, and operators through the admin site.
    """
    target = Target(app.app_id, subject=f"{name_of(who)}: {role_in_words(role, patterns)}")
    with audited_transaction(actor, Action.MEMBER_SET, target):
        require_manager(actor, app)
        check_role(role, patterns)
        if isinstance(who, User) and role != Role.OWNER:
            _keep_an_owner(app, who)
        member, _ = Member.objects.update_or_create(
            app=app,
            user=who if isinstance(who, User) else None,
            group=who if isinstance(who, Group) else None,
            defaults={"role": role, "patterns": "\n".join(patterns)},
        )
        return member


def remove_member(*, actor: Actor, member: Member) -> None:
    """Take a role in an app away; it works at the next request.

    The last owner can't go, not even by himself; a group that owns the app doesn't count, for it
    may be empty tomorrow.
    """
    target = Target(member.app.app_id, subject=member.name)
    with audited_transaction(actor, Action.MEMBER_REMOVED, target):
        require_manager(actor, member.app)
        if member.user:
            _keep_an_owner(member.app, member.user)
            member.app.invitations.filter(email=member.user.email).delete()  # no way back in
        member.delete()


def find_member(access: Access, pk: int) -> Member:
    """Return one of the app's members. Raises Http404."""
    member = access.app.members.select_related("user", "group").filter(pk=pk).first()
    if member is None:
        raise Http404("Member not found.")
    member.app = access.app
    return member


def people_of(app: App) -> list[User]:
    """Return everybody who is a member, himself or by a group, by email; the disabled too."""
    by_group = User.groups.through.objects.filter(group__memberships__app=app).values("user_id")
    found = User.objects.filter(memberships__app=app) | User.objects.filter(pk__in=by_group)
    return list(found.distinct().order_by("email"))


def ownerless_without(user: User) -> list[App]:
    """Return the apps that a disabled user owned, and nobody else does: operators see to them."""
    owners = Member.objects.filter(app=OuterRef("pk"), role=Role.OWNER, user__is_active=True)
    his = App.objects.filter(members__user=user, members__role=Role.OWNER)
    return list(his.exclude(Exists(owners)))


def require_manager(actor: Actor, app: App) -> None:
    """Raise PermissionDenied or Http404 unless the actor owns the app or runs the deployment."""
    if not actor.is_operator:
        find_app(actor, app.app_id).require(Permission.MANAGE)


def check_role(role: str, patterns: Sequence[str]) -> None:
    """Raise ValidationError where a member can't have this role on these branches."""
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


def role_in_words(role: str, patterns: Iterable[str]) -> str:
    """Return "developer on dev, feature/*"."""
    return describe_grant(Grant(role, tuple(patterns)))


def name_of(who: User | Group) -> str:
    """Return what people call a member."""
    return who.email if isinstance(who, User) else f"group {who.name}"


def actor_of(user: User) -> Actor:
    """Return somebody as the lookups know him, to ask what he may; not as one who acts now."""
    return Actor(kind="web", label=user.email, user_id=user.pk, is_operator=user.is_superuser)


def _keep_an_owner(app: App, leaving: User) -> None:
    owners = app.members.select_for_update(of=("self",)).filter(
        role=Role.OWNER, user__is_active=True
    )
    if [owner.user_id for owner in owners] == [leaving.pk]:
        raise ValidationError("This is the app's last owner. Make someone else an owner first.")


# Groups


def set_group(*, actor: Actor, group: Group, users: Iterable[User]) -> Group:
    """Save a group's name and who is in it; an operator's act.

    Each app that it is a member of has the entry too, for whoever is in it is a member there.
    """
    users = list(users)
    with _acting_everywhere(actor, Action.GROUP_CHANGED, group, _changes_of(group, users)):
        group.full_clean()
        group.save()
        group.user_set.set(users)
        return group


def delete_group(*, actor: Actor, group: Group) -> None:
    """Delete a group, and its roles in apps with it; an operator's act."""
    with _acting_everywhere(actor, Action.GROUP_DELETED, group, _changes_of(group, [])):
        group.delete()


@contextmanager
def _acting_everywhere(
    actor: Actor, action: Action, group: Group, said: Sequence[str]
) -> Iterator[None]:
    """Record an operator's act, and run it in one transaction."""
    with recorded_everywhere(actor, action, group, said):
        require_operator(actor)
        with transaction.atomic():
            yield


@contextmanager
def recorded_everywhere(
    actor: Actor, action: Action, group: Group, said: Sequence[str]
) -> Iterator[None]:
    """Record an act on a group, for the deployment and for each app that it is a member of."""
    apps = App.objects.filter(members__group_id=group.pk or 0).values_list("app_id", flat=True)
    with ExitStack() as entries:
        for app_id in ["", *apps]:
            for subject in said:
                entries.enter_context(recording(actor, action, Target(app_id, subject=subject)))
        yield


def _changes_of(group: Group, users: Iterable[User]) -> list[str]:
    """Return what the audit trail says; of many people in several entries, for each has its end."""
    before = set(group.user_set.all()) if group.pk else set()
    old = Group.objects.filter(pk=group.pk).first()
    said = [differences(old, {"name": group.name})] if old else []
    said += [f"added {user.email}" for user in sorted({*users} - before, key=str)]
    said += [f"removed {user.email}" for user in sorted(before - {*users}, key=str)]
    lines = wrap(", ".join(filter(None, said)) or "no change", 800, break_long_words=False)
    return [f"{group.name}: {line}" for line in lines]
