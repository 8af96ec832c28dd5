"""Groups of single sign-on: memberships follow the claims of the provider."""

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from console.access.actors import Actor
from console.audit.events import Action
from console.members.services import recording_in_every_app
from console.models import User

PROVIDER = Actor(kind="console", label="Single sign-on")
ALL = "*"  # in OIDC_GROUPS: groups of the same name


def groups_of(claim_set: dict[str, Any]) -> set[Group]:
    """Return the groups that the provider's claim maps to, according to OIDC_GROUPS."""
    theirs, mapping = set(claim_set.get(settings.OIDC_GROUPS_CLAIM, [])), settings.OIDC_GROUPS
    branchkeep_names = (
        theirs if ALL in mapping else {mapping[name] for name in theirs & mapping.keys()}
    )
    return {group for group in Group.objects.all() if group.name in branchkeep_names}


def sync_groups(user: User, claim_set: dict[str, Any]) -> None:
    """Update the user's membership in the groups that the provider manages.

    With `*` these are all groups, with a mapping the mapped ones, otherwise none.
    """
    if not settings.OIDC_GROUPS:
        return
    speaks_for = Group.objects.all()
    if ALL not in settings.OIDC_GROUPS:
        speaks_for = speaks_for.filter(name__in=settings.OIDC_GROUPS.values())
    wanted, linked = groups_of(claim_set), set(user.groups.all())
    for group in sorted(wanted - linked, key=str):
        _change_membership(user, group, joins=True)
    for group in sorted((linked & set(speaks_for)) - wanted, key=str):
        _change_membership(user, group, joins=False)


def _change_membership(user: User, group: Group, *, joins: bool) -> None:
    """Record the change, for the deployment and for each app of the group, and apply it."""
    subjects = [f"{group.name}: {'added' if joins else 'removed'} {user.email}"]
    with recording_in_every_app(PROVIDER, Action.GROUP_CHANGED, group, subjects):
        (user.groups.add if joins else user.groups.remove)(group)
