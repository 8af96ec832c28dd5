"""What the tests of members share."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.cache import cache
from django.test import Client

from console.access.policy import Access, find_app
from console.models import AuditEvent, Branch, Member
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

MEMBERS = "/apps/d1shop/settings/members/"


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner."""
    return as_("alice")


@pytest.fixture
def olga(as_: Callable[[str], Client]) -> Client:
    """Return the operator, who is a member of nothing."""
    return as_("olga")


@pytest.fixture
def desk(world: World) -> Desk:
    """Return the desk of the app's secrets."""
    return Desk(world)


@pytest.fixture(autouse=True)
def _no_tries_yet(db: None) -> None:
    """Forget what limits counted before: ids begin anew in each test."""
    cache.clear()


class Team:
    """Gives roles behind the services' back, and says what they come to."""

    def __init__(self, world: World) -> None:
        self.world = world

    def give(self, name: str, role: str, *patterns: str) -> Member:
        """Give a person a role on these branches, in the place of the one that he has."""
        fields = {"role": role, "patterns": "\n".join(patterns)}
        user = self.world.person(name)
        return Member.objects.update_or_create(app=self.world.app, user=user, defaults=fields)[0]

    def group(self, name: str, role: str, *patterns: str, people: tuple[str, ...] = ()) -> Group:
        """Make a group a member, with these people in it."""
        group = Group.objects.create(name=name)
        group.user_set.set([self.world.person(person) for person in people])
        Member.objects.create(
            app=self.world.app, group=group, role=role, patterns="\n".join(patterns)
        )
        return group

    def branch(self, name: str, **fields: Any) -> Branch:
        """Add a branch."""
        return Branch.objects.create(app=self.world.app, name=name, **fields)

    def access(self, name: str) -> Access:
        """Return somebody's way into the app."""
        return find_app(self.world.actor(name), "d1shop")

    def role_of(self, name: str) -> str:
        """Return the role that a person has himself, "" where he has none."""
        found = Member.objects.filter(app=self.world.app, user=self.world.person(name)).first()
        return found.role if found else ""


@pytest.fixture
def team(world: World) -> Team:
    """Return the app's team."""
    return Team(world)


def trail(*actions: str) -> list[tuple[str, str, str, str]]:
    """Return who, what, about what and how it ended, oldest first."""
    events = AuditEvent.objects.order_by("pk")
    return [
        (event.actor.partition("@")[0], event.action, event.subject, last.outcome)
        for event in (events.filter(action__in=actions) if actions else events)
        if (last := event.outcomes.last())
    ]


def messages(answer: Any) -> list[str]:
    """Return what the page says on top."""
    return [str(message) for message in answer.context["messages"]]
