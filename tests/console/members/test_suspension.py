"""Nobody can act as a member whose sign-in an operator changed, until another owner confirms."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.http import Http404
from django.test import Client

from console.access.policy import find_app
from console.auth import account_links
from console.auth.oidc.groups import sync_groups
from console.members import services
from console.models import AccountLink, Member, Suspension, User
from secrets_app.models import Secret
from tests.console.auth.conftest import post
from tests.factories import audit_entries, messages_of, set_role, set_secret
from tests.fixtures.people import PASSWORD, World

Browser = Callable[[str], Client]
MEMBERS = "/apps/d1shop/settings/members/"
CONFIRM = "/accounts/suspension/end/"
NEW = {"password1": "another one 1", "password2": "another one 1"}
ACCOUNT = ("account.link", "account.reset", "account.change", "account.confirm")


@pytest.fixture
def secret(world: World) -> Secret:
    """Return a secret on the protected branch."""
    return set_secret(world, "API_KEY", "the value", world.main)


def make_link(world: World, name: str = "alice", kind: str = "password", **more: Any) -> str:
    """Let the operator make a link, and return its path."""
    return account_links.make_link(
        actor=world.actor("olga"),
        user=world.person(name),
        kind=AccountLink.Kind(kind),
        link_to=lambda token: f"/accounts/link/{token}/",
        **more,
    )


def confirm(browser: Client, user: User) -> Any:
    """Press Confirm on the members page."""
    return browser.post(f"{MEMBERS}people/{user.pk}/confirm/", follow=True)


def edit(olga: Client, user: User, **fields: str) -> Any:
    """Save the user's page of the admin."""
    form = {"email": user.email, "is_active": "on" if user.is_active else ""} | fields
    return olga.post(f"/admin/console/user/{user.pk}/change/", form, follow=True)


def reveals(browser: Client, secret: Secret) -> int:
    """Return the status of a reveal."""
    return browser.post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/").status_code


@pytest.mark.both_databases
def test_it_works(client_for: Browser, client: Client, world: World, secret: Secret) -> None:
    alice, mia = world.person("alice"), client_for("mia")
    set_role(world, "mia", "owner")
    page = client_for("olga").post(f"/admin/console/user/{alice.pk}/password/")
    assert "suspended until another owner" in page.text
    [link] = set(re.findall(r"/accounts/link/\S+?/", page.text))
    client.post(link, NEW)
    post(client, "alice@example.org", "another one 1")
    assert client.get("/apps/d1shop/").status_code == 404
    assert reveals(client, secret) == 404
    assert "Your access to apps is suspended" in client.get("/").text
    shown = mia.get(MEMBERS).text
    assert "The access of alice@example.org is suspended" in shown
    assert messages_of(confirm(mia, alice)) == [
        "Confirmed alice@example.org. They have access to this app again."
    ]
    assert reveals(client, secret) == 200
    assert "suspended" not in client.get("/").text
    assert audit_entries(*ACCOUNT)[-1] == (
        *("mia", "account.confirm", "alice@example.org", "succeeded"),
    )


def test_sessions_that_are_open_lose_access_at_once(
    client_for: Browser, world: World, secret: Secret
) -> None:
    alice = client_for("alice")
    assert reveals(alice, secret) == 200
    make_link(world)
    assert reveals(alice, secret) == 404
    assert alice.get("/apps/d1shop/hosting/secrets/").status_code == 404


def test_recorded_in_each_app(world: World) -> None:
    Member.objects.create(app=world.other_app, user=world.person("alice"), role="viewer")
    make_link(world)
    words = (
        "alice@example.org: a new password, shown to the operator; access is suspended until "
        "another owner confirms it"
    )
    assert audit_entries("account.link") == [("olga", "account.link", words, "succeeded")] * 3


def test_each_app_confirms_for_itself(client_for: Browser, world: World) -> None:
    alice = world.person("alice")
    set_role(world, "mia", "owner")
    Member.objects.create(app=world.other_app, user=alice, role="viewer")
    world.person("oscar")
    make_link(world)
    confirm(client_for("mia"), alice)
    browser = client_for("alice")
    assert browser.get("/apps/d1shop/").status_code == 200
    assert browser.get("/apps/d2other/").status_code == 404
    url = f"/apps/d2other/settings/members/people/{alice.pk}/confirm/"
    assert client_for("oscar").post(url).status_code == 302
    assert browser.get("/apps/d2other/").status_code == 200
    assert not Suspension.objects.exists()


def test_apps_joined_later_are_suspended_too(world: World) -> None:
    """An operator could otherwise put the account into a group."""
    make_link(world)
    group = Group.objects.create(name="web")
    Member.objects.create(app=world.other_app, group=group, role="owner")
    group.user_set.add(world.person("alice"))
    with pytest.raises(Http404):
        find_app(world.actor("alice"), "d2other")


def test_through_a_group(client_for: Browser, world: World) -> None:
    make_link(world, "gina")
    gina = client_for("gina")
    assert gina.get("/apps/d1shop/").status_code == 404
    page = client_for("alice").get(MEMBERS).text
    assert "gina@example.org (suspended)" in " ".join(page.split())
    confirm(client_for("alice"), world.person("gina"))
    assert gina.get("/apps/d1shop/").status_code == 200


# Who can confirm


@pytest.mark.parametrize("name", ["alice", "olga", "oscar", "mia", "bob", "charlie"])
def test_only_another_owner_confirms(client_for: Browser, world: World, name: str) -> None:
    alice = world.person("alice")
    make_link(world)
    status = 403 if name in {"mia", "bob"} else 404
    url = f"{MEMBERS}people/{alice.pk}/confirm/"
    assert client_for(name).post(url).status_code == status
    assert Suspension.objects.get().confirmed.count() == 0


def test_people_of_other_apps(client_for: Browser, world: World) -> None:
    oscar = world.person("oscar")
    make_link(world, "oscar")
    assert confirm(client_for("alice"), oscar).status_code == 404
    assert Suspension.objects.exists()


def test_confirmed_by_another_owner_first(client_for: Browser, world: World) -> None:
    bob = world.person("bob")
    make_link(world, "bob")
    alice = client_for("alice")
    confirm(alice, bob)
    assert messages_of(confirm(alice, bob)) == ["This person's access is not suspended."]


def test_a_suspended_owner_is_no_other_owner(client_for: Browser, world: World) -> None:
    """Otherwise the last owner with access could leave."""
    mia = set_role(world, "mia", "owner")
    make_link(world)
    with pytest.raises(ValidationError, match="last owner"):
        services.remove_member(actor=world.actor("mia"), member=mia)
    assert services.ownerless_without(world.person("mia")) == [world.app]


def test_links_of_a_suspended_inviter(client_for: Browser, client: Client, world: World) -> None:
    invite = {"email": "new@example.org", "role": "viewer"}
    page = client_for("alice").post(f"{MEMBERS}invite/", invite)
    [link] = set(re.findall(r"/invitations/\S+?/", page.text))
    make_link(world)
    assert client.get(link).status_code == 404


def test_check_access_says_why(client_for: Browser, world: World) -> None:
    bob = world.person("bob")
    make_link(world, "bob")
    page = client_for("alice").get(f"{MEMBERS}decision/", {"who": bob.pk, "act": "VIEW"})
    assert "access is suspended until another owner confirms it" in " ".join(page.text.split())


# The only owner of an app


def test_command_confirms_the_only_owner(manage: Callable[..., str], world: World) -> None:
    make_link(world)
    manage("account", "confirm", "alice@example.org", "--app", "d1shop")
    assert find_app(world.actor("alice"), "d1shop").role == "owner"
    [(who, *rest)] = audit_entries("account.confirm")
    assert who.startswith("account ")
    assert rest == ["account.confirm", "alice@example.org", "succeeded"]


# Other ways to let someone in


def test_new_address(client_for: Browser, client: Client, world: World) -> None:
    """Mail would go to the operator. The person has their password and proves it."""
    alice, browser = world.person("alice"), client_for("alice")
    edit(client_for("olga"), alice, email="olgas@example.org")
    assert browser.get("/apps/d1shop/").status_code == 404
    assert "Don't know about this?" in browser.get("/").text
    assert browser.post(CONFIRM)["Location"] == "/accounts/reauthenticate/?next=%2F"
    browser.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert browser.get("/apps/d1shop/").status_code == 404
    browser.post(CONFIRM)
    assert browser.get("/apps/d1shop/").status_code == 200
    subjects = {subject for _, _, subject, _ in audit_entries("account.change")}
    assert subjects == {
        "alice@example.org: email: alice@example.org to olgas@example.org; access is suspended "
        "until another owner confirms it"
    }


def test_old_address_is_told(
    client_for: Browser, world: World, settings: Any, mailoutbox: Any
) -> None:
    settings.MAIL, settings.DEFAULT_FROM_EMAIL = True, "console@example.org"
    edit(client_for("olga"), world.person("alice"), email="olgas@example.org")
    [mail] = mailoutbox
    assert mail.to == ["alice@example.org"]
    assert "olga@example.org changed the email address" in mail.body


def test_new_address_then_a_mailed_link(
    client_for: Browser, client: Client, world: World, settings: Any, mailoutbox: Any
) -> None:
    settings.MAIL, settings.DEFAULT_FROM_EMAIL = True, "console@example.org"
    alice = world.person("alice")
    edit(client_for("olga"), alice, email="olgas@example.org")
    assert (
        account_links.make_link(
            actor=world.actor("olga"),
            user=User.objects.get(pk=alice.pk),
            kind=AccountLink.Kind.PASSWORD,
            link_to=lambda token: f"http://testserver/accounts/link/{token}/",
        )
        == ""
    )
    [link] = re.findall(r"/accounts/link/\S+/", mailoutbox[-1].body)
    client.post(link, NEW)
    post(client, "olgas@example.org", "another one 1")
    assert client.get("/").status_code == 200
    assert client.get("/apps/d1shop/").status_code == 404


def test_enabled_again(client_for: Browser, client: Client, world: World) -> None:
    """A former member and an operator could reveal together."""
    ivan, olga = world.person("ivan"), client_for("olga")
    edit(olga, ivan, is_active="on")
    post(client, "ivan@example.org")
    assert client.get("/apps/d1shop/").status_code == 404
    confirm(client_for("alice"), ivan)
    assert client.get("/apps/d1shop/").status_code == 200


def test_other_changes_suspend_nobody(client_for: Browser, world: World) -> None:
    alice = world.person("alice")
    edit(client_for("olga"), alice, first_name="Alice", is_superuser="on")
    assert not Suspension.objects.exists()
    assert audit_entries(*ACCOUNT) == []


def test_mailed_links_suspend_nobody(world: World, settings: Any, mailoutbox: Any) -> None:
    settings.MAIL, settings.DEFAULT_FROM_EMAIL = True, "console@example.org"
    assert make_link(world) == ""
    assert not Suspension.objects.exists()
    assert make_link(world, show=True) != ""
    assert Suspension.objects.exists()


def test_suspended_again_after_a_confirmation(client_for: Browser, world: World) -> None:
    bob = world.person("bob")
    Member.objects.create(app=world.other_app, user=bob, role="viewer")
    make_link(world, "bob")
    confirm(client_for("alice"), bob)
    make_link(world, "bob")
    with pytest.raises(Http404):
        find_app(world.actor("bob"), "d1shop")


def test_groups_of_single_sign_on_are_recorded(world: World, settings: Any) -> None:
    """The app's owners gave the group its role, and the person keeps their own account."""
    settings.OIDC_GROUPS = {"web": "web"}
    group = Group.objects.create(name="web")
    Member.objects.create(app=world.app, group=group, role="developer")
    sync_groups(world.person("charlie"), {"groups": ["web"]})
    assert find_app(world.actor("charlie"), "d1shop").role == "developer"
    assert (
        audit_entries("group.change")
        == [("Single sign-on", "group.change", "web: added charlie@example.org", "succeeded")] * 2
    )
