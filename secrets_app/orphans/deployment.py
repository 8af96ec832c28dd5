"""The orphans of all apps, for operators: folders and numbers, but no names of keys."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Q

from console.access.actors import Actor
from console.access.policy import Access, memberships, require_operator
from console.models import App
from secrets_app.models import Secret, UnknownParameter
from secrets_app.orphans import groups
from secrets_app.orphans.groups import Group

LIMIT = 50  # apps


@dataclass(frozen=True)
class AppOrphans:
    """The orphans of an app. Only a member has a page that lists them."""

    app: App
    groups: Sequence[Group]
    is_member: bool

    @property
    def number(self) -> int:
        """Return how many orphans the app has."""
        return sum(len(group.orphans) for group in self.groups)


def find(actor: Actor) -> list[AppOrphans]:
    """Return the first LIMIT apps that have orphans. Takes some queries for each of them.

    Raises PermissionDenied unless the actor is an operator.
    """
    require_operator(actor)
    own = {member.app_id for member in memberships(actor)}
    secrets = Secret.objects.filter(branch__deleted_at__isnull=False)
    secrets = secrets.exclude(version=0, mirror_version=0)
    unknown = UnknownParameter.objects.order_by()
    has_some = Q(pk__in=secrets.values("app")) | Q(pk__in=unknown.values("app"))
    found = []
    for app in App.objects.filter(has_some).order_by("name", "app_id")[:LIMIT]:
        if listed := groups.find(Access(actor, app, ())):
            found.append(AppOrphans(app, listed, app.pk in own))
    return found
