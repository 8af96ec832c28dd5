"""Groups of single sign-on: memberships follow the claims of the provider."""

from contextlib import AbstractContextManager
from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from console.access.actors import Actor
from console.audit.events import Action
from console.members.services import apps_of_group, recording_in_apps
from console.models import User

PROVIDER = Actor(kind="console", label="Single sign-on")
ALL = "*"  # in OIDC_GROUPS: map every group to the one of the same name


def groups_of(claim_set: dict[str, Any]) -> set[Group]:
    """Return the groups that the provider's claim maps to, according to OIDC_GROUPS."""
    claimed, mapping = set(claim_set.get(settings.OIDC_GROUPS_CLAIM, [])), settings.OIDC_GROUPS
    names = claimed if ALL in mapping else {mapping[name] for name in claimed & mapping.keys()}
    return {group for group in Group.objects.all() if group.name in names}


def sync_groups(user: User, claim_set: dict[str, Any]) -> None:
    """Update the user's membership in the groups that the provider manages.

    With `*` these are all groups, with a mapping the mapped ones, otherwise none.
    """
    if not settings.OIDC_GROUPS:
        return
    managed = Group.objects.all()
    if ALL not in settings.OIDC_GROUPS:
        managed = managed.filter(name__in=settings.OIDC_GROUPS.values())
    wanted, current = groups_of(claim_set), set(user.groups.all())
    for group in sorted(wanted - current, key=str):
        with _recording_change(group, f"added {user.email}"):
            user.groups.add(group)
    for group in sorted((current & set(managed)) - wanted, key=str):
        with _recording_change(group, f"removed {user.email}"):
            user.groups.remove(group)


def _recording_change(group: Group, change: str) -> AbstractContextManager[None]:
    """Record the change for the deployment and for each app of the group."""
    subjects = [f"{group.name}: {change}"]
    return recording_in_apps(PROVIDER, Action.GROUP_CHANGED, apps_of_group(group), subjects)
