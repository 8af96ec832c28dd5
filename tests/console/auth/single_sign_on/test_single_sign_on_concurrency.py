"""Concurrent first sign-ins, for example of two tabs of a browser that starts."""

from typing import Any

import pytest
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.models import Group
from django.test import Client

from console.lib.oidc_config import groups_mapping
from console.models import User
from tests.console.auth.single_sign_on.fake_provider import START, FakeProvider
from tests.console.auth.single_sign_on.test_single_sign_on_responses import DOCUMENT
from tests.console.auth.test_concurrency import concurrently
from tests.fixtures.people import World

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def come_at_once(provider: FakeProvider, *subjects: str) -> list[Any]:
    """Return the responses to two concurrent callbacks, of one subject or of two."""
    browsers, there = [Client(), Client()], []
    for number, browser in enumerate(browsers):
        start = browser.get(START)
        if subjects:
            provider.user_info["sub"] = subjects[number]
        there.append(provider.callback_url(start))
    ways = zip(browsers, there, strict=True)
    return concurrently(*[lambda way=way: way[0].get(way[1]).status_code for way in ways])


def test_it_works(provider: FakeProvider, world: World) -> None:
    world.person("bob")
    provider.identify("bob")
    assert come_at_once(provider) == [302, 302]
    assert SocialAccount.objects.get().user.email == "bob@example.org"


def test_new_user_in_two_browsers(provider: FakeProvider, settings: Any, world: World) -> None:
    settings.OIDC_GROUPS = groups_mapping("*")
    web = Group.objects.create(name="web")
    provider.identify("zoe", groups=["web"])
    assert come_at_once(provider) == [302, 302]
    zoe = User.objects.get(email="zoe@example.org")
    assert list(zoe.groups.all()) == [web]
    assert not zoe.has_usable_password()
    assert SocialAccount.objects.get().user == zoe


def test_two_subjects_with_one_email(provider: FakeProvider, world: World) -> None:
    """One of them becomes bob, the other is rejected."""
    bob = world.person("bob")
    provider.identify("bob")
    provider.token = {"email": "bob@example.org", "email_verified": True}
    _, document = provider.response_for(
        DOCUMENT
    )  # the user info endpoint describes only one subject
    provider.responses[DOCUMENT] = 200, {**document, "userinfo_endpoint": None}
    assert sorted(come_at_once(provider, "one", "other")) == [302, 403]
    assert SocialAccount.objects.get().user == bob
