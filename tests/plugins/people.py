"""An app with branches, and the people around it.

alice owns it, mia maintains, bob develops, vera views; charlie is an outsider, oscar owns another
app, ivan was bob's like and is disabled, olga is an operator and no member. gina is bob's like by a
group alone.
"""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.access.actors import Actor
from console.audit.chain import seal_written
from console.models import App, Branch, Member, User

PASSWORD = "correct horse battery staple"
ROLES = {"alice": "owner", "mia": "maintainer", "bob": "developer", "vera": "viewer"}
PEOPLE = (*ROLES, "charlie", "oscar", "ivan", "olga")


class World:
    """What the tests meet. `person` makes people when they are first asked for."""

    def __init__(self) -> None:
        self.app = App.objects.create(app_id="d1shop", name="Shop", region="us-east-1")
        self.other_app = App.objects.create(app_id="d2other", name="Other", region="us-east-1")
        self.main = self._branch("main", production=True, protected=True, stage="PRODUCTION")
        self.dev = self._branch("dev", stage="DEVELOPMENT")
        self.other_branch = Branch.objects.create(app=self.other_app, name="main")

    def _branch(self, name: str, **fields: object) -> Branch:
        return Branch.objects.create(app=self.app, name=name, **fields)

    def person(self, name: str) -> User:
        """Return a user by first name, with the role that the name stands for."""
        user = User.objects.filter(email=f"{name}@example.org").first()
        return user or self._new_person(name)

    def _new_person(self, name: str) -> User:
        if name == "olga":
            return User.objects.create_superuser(f"{name}@example.org", PASSWORD)
        user = User.objects.create_user(f"{name}@example.org", PASSWORD)
        if name == "ivan":
            user.is_active = False
            user.save()
        if role := {**ROLES, "ivan": "developer"}.get(name):
            Member.objects.create(app=self.app, user=user, role=role)
        if name == "gina":
            self._by_group(user, "developer")
        if name == "oscar":
            Member.objects.create(app=self.other_app, user=user, role="owner")
        return user

    def _by_group(self, user: User, role: str) -> None:
        group = Group.objects.create(name=f"{role}s")
        group.user_set.add(user)
        Member.objects.create(app=self.app, group=group, role=role)

    def actor(self, name: str) -> Actor:
        """Return the person as the services know him."""
        user = self.person(name)
        return Actor(kind="web", label=user.email, user_id=user.pk, is_operator=user.is_superuser)


@pytest.fixture
def world(db: None) -> World:
    """Return the app, its branches and its people."""
    return World()


@pytest.fixture
def as_(world: World) -> Callable[[str], Client]:
    """Return a function that gives a client signed in as somebody, or as nobody ("")."""

    def client(name: str) -> Client:
        client = Client()
        if name:
            client.force_login(world.person(name))
            seal_written()  # as the request that signed in would have
        return client

    return client
