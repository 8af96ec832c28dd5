"""First sign-ins in one instant, as of two tabs of a browser that starts."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client

from console.lib.oidc_config import groups_mapping
from console.models import User
from tests.console.auth.forger import START, Forger
from tests.console.auth.test_at_once import at_once
from tests.console.auth.test_single_sign_on_answers import DOCUMENT
from tests.fixtures.people import World

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def come_at_once(forger: Forger, *subjects: str) -> list[Any]:
    """Return what two browsers get that come back in one instant, of one or of two subjects."""
    browsers, there = [Client(), Client()], []
    for number, browser in enumerate(browsers):
        start = browser.get(START)
        if subjects:
            forger.person["sub"] = subjects[number]
        there.append(forger.leads_back(start))
    ways = zip(browsers, there, strict=True)
    return at_once(*[lambda way=way: way[0].get(way[1]).status_code for way in ways])


def test_it_works(forger: Forger, world: World) -> None:
    world.person("bob")
    forger.says("bob")
    assert come_at_once(forger) == [302, 302]
    assert SocialAccount.objects.get().user.email == "bob@example.org"


def test_two_that_are_new_here(forger: Forger, settings: Any, world: World) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    web = Group.objects.create(name="web")
    forger.says("zoe", groups=["web"])
    assert come_at_once(forger) == [302, 302]
    zoe = User.objects.get(email="zoe@example.org")
    assert list(zoe.groups.all()) == [web]
    assert not zoe.has_usable_password()
    assert SocialAccount.objects.get().user == zoe


def test_two_subjects_of_one_email(forger: Forger, world: World) -> None:
    """One of them is bob from then on, and the other one nobody."""
    bob = world.person("bob")
    forger.says("bob")
    forger.token = {"email": "bob@example.org", "email_verified": True}
    _, document = forger.said_at(DOCUMENT)  # its user information is of one subject alone
    forger.answers[DOCUMENT] = 200, {**document, "userinfo_endpoint": None}
    assert sorted(come_at_once(forger, "one", "other")) == [302, 403]
    assert SocialAccount.objects.get().user == bob
