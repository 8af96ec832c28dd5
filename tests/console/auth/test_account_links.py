"""Operators set no passwords and remove no second factors: people do, with one-time links."""

import re
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPServerDisconnected
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.core.mail.backends.locmem import EmailBackend
from django.test import Client

from console.auth import account_links
from console.auth.mfa import recovery_codes
from console.models import AccountLink, Session, Suspension, User
from tests.console.auth.conftest import post, recorded
from tests.factories import audit_events, last_event_id, messages_of, summarize
from tests.fixtures.people import PASSWORD, World

Browser = Callable[..., Client]
NEW = {"password1": "another one 1", "password2": "another one 1"}
USERS = "/admin/console/user/"


@pytest.fixture
def olga(client_for: Callable[[str], Client]) -> Client:
    """Return the operator's browser."""
    return client_for("olga")


@pytest.fixture
def with_mail(settings: Any) -> None:
    """Let the console send mail."""
    settings.MAIL = True
    settings.DEFAULT_FROM_EMAIL = "console@example.org"
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


def path_in(text: str) -> str:
    """Return the path of the only link in a page or mail."""
    [path] = set(re.findall(r"http://testserver(/accounts/link/\S+?/)(?=[\s<]|$)", text))
    return str(path)


def make(olga: Client, user: User) -> Any:
    """Make a link for a new password as an operator."""
    return olga.post(f"{USERS}{user.pk}/password/")


def reset(olga: Client, *users: User) -> Any:
    """Make links that remove second factors as an operator."""
    chosen = [user.pk for user in users]
    form = {"action": "reset_factors", "_selected_action": chosen, "confirmed": "yes"}
    return olga.post(USERS, form, follow=True)


def make_link(world: World, kind: str = "password", name: str = "bob") -> str:
    """Return a link's path without a browser."""
    return account_links.make_link(
        actor=world.actor("olga"),
        user=world.person(name),
        kind=AccountLink.Kind(kind),
        link_to=lambda token: f"/accounts/link/{token}/",
    )


def test_it_works(olga: Client, client: Client, world: World, sign_in_bob: Browser) -> None:
    browser, page = sign_in_bob(), make(olga, world.person("bob"))
    assert (page.status_code, "no-store" in page["Cache-Control"]) == (200, True)
    link = path_in(page.text)
    shown = client.get(link)
    assert "bob@example.org" in shown.text
    assert (shown.status_code, shown["Referrer-Policy"]) == (200, "strict-origin")
    answer = client.post(link, NEW)
    assert answer["Location"] == "/accounts/login/"
    assert post(Client(), "bob@example.org").status_code == 200
    assert post(client, "bob@example.org", "another one 1")["Location"] == "/"
    assert browser.get("/").status_code == 302  # signed out
    assert recorded("account.reset")[0][1:] == ("bob@example.org: a new password", ["succeeded"])


def test_the_operator_sees_what_follows(olga: Client, world: World) -> None:
    page = olga.get(f"{USERS}{world.person('bob').pk}/password/")
    assert "so you pass the link on" in page.text
    assert "password1" not in page.text
    assert not AccountLink.objects.exists()


def test_a_password_that_is_posted_is_ignored(olga: Client, world: World) -> None:
    bob = world.person("bob")
    olga.post(f"{USERS}{bob.pk}/password/", NEW | {"usable_password": "true"})
    olga.post(f"{USERS}{bob.pk}/change/", {"email": bob.email, "is_active": "on", "password": "x"})
    assert User.objects.get(pk=bob.pk).check_password(PASSWORD)


@pytest.mark.usefixtures("with_mail")
def test_with_mail_the_operator_never_sees_it(
    olga: Client, client: Client, world: World, mailoutbox: Any
) -> None:
    page = olga.post(f"{USERS}{world.person('bob').pk}/password/", follow=True)
    [mail] = mailoutbox
    link = path_in(mail.body)
    assert mail.to == ["bob@example.org"]
    assert link.split("/")[-2] not in page.text
    assert messages_of(page) == ["A link to choose a password was mailed to bob@example.org."]
    assert not Suspension.objects.exists()
    assert client.post(link, NEW).status_code == 302
    assert post(client, "bob@example.org", "another one 1").status_code == 302


@pytest.mark.usefixtures("with_mail")
@pytest.mark.parametrize("error", [OSError("refused"), SMTPServerDisconnected("gone")])
def test_mail_server_fails(
    olga: Client, world: World, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(EmailBackend, "send_messages", fail)
    page = olga.post(f"{USERS}{world.person('bob').pk}/password/", follow=True)
    assert "The mail server rejected the mail" in messages_of(page)[0]
    assert not AccountLink.objects.exists()
    assert recorded("account.link")[0][2] == ["failed"]


@pytest.mark.both_databases
def test_works_once(client: Client, world: World) -> None:
    link = make_link(world)
    assert client.post(link, NEW).status_code == 302
    assert client.get(link).status_code == 404
    assert client.post(link, NEW).status_code == 404


def test_expires(client: Client, world: World, clock: Any) -> None:
    link = make_link(world)
    clock.shift(timedelta(days=1).total_seconds() - 1)
    assert client.get(link).status_code == 200
    clock.shift(1)
    assert client.get(link).status_code == 404
    assert client.post(link, NEW).status_code == 404


def test_a_new_link_replaces_the_last(client: Client, world: World) -> None:
    first, second = make_link(world), make_link(world)
    assert client.get(first).status_code == 404
    assert client.get(second).status_code == 200


@pytest.mark.parametrize("kind", ["password", "factors"])
def test_ends_when_the_account_changes(client: Client, world: World, kind: str) -> None:
    bob = world.person("bob")

    def change_password() -> None:
        bob.set_password("changed in between")
        bob.save()

    def change_email() -> None:
        User.objects.filter(pk=bob.pk).update(email="other@example.org")

    def disable() -> None:
        User.objects.filter(pk=bob.pk).update(is_active=False)

    for change in (change_password, change_email, disable):
        link = make_link(world, kind)
        assert client.get(link).status_code == 200
        change()
        assert client.get(link).status_code == 404
        User.objects.filter(pk=bob.pk).update(email="bob@example.org", is_active=True)


def test_stored_as_a_hash(client: Client, world: World) -> None:
    token = make_link(world).split("/")[-2]
    row = AccountLink.objects.get()
    assert token not in str(vars(row))
    assert client.get(f"/accounts/link/{row.token_hash}/").status_code == 404


def test_weak_password(client: Client, world: World) -> None:
    link = make_link(world)
    assert client.post(link, dict.fromkeys(NEW, "short")).status_code == 422
    assert client.get(link).status_code == 200


def test_nothing_to_find(client: Client, db: None) -> None:
    for token in ("x", "x" * 43, "%00", "x" * 5000):
        assert client.get(f"/accounts/link/{token}/").status_code == 404


def test_attempts_are_limited(client: Client, world: World) -> None:
    link = make_link(world)
    statuses = [client.post(link, {}).status_code for _ in range(11)]
    assert statuses == [422] * 10 + [429]


def test_token_stays_out_of_the_log(client: Client, world: World, caplog: Any) -> None:
    link = make_link(world)
    client.get(link)
    client.get(f"/accounts/login/?next={link.replace('/', '%2F')}")
    lines = [str(record.msg) for record in caplog.records]
    assert any("/accounts/link/" in line for line in lines)
    assert link.split("/")[-2] not in str(lines)


# Second factors


def add_factors(user: User) -> None:
    """Give a user an authenticator app and recovery codes."""
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    recovery_codes.generate(user)


def test_reset_second_factors(olga: Client, client: Client, world: World) -> None:
    bob = world.person("bob")
    add_factors(bob)
    add_factors(world.person("vera"))
    page = reset(olga, bob)
    link = path_in(page.text)
    assert Authenticator.objects.filter(user=bob).count() == 2  # nothing happened yet
    assert client.post(link, {"password": "wrong"}).status_code == 422
    assert Authenticator.objects.filter(user=bob).count() == 2
    Session.objects.filter(user=bob).delete()
    assert client.post(link, {"password": PASSWORD}).status_code == 302
    assert {row.user.email for row in Authenticator.objects.all()} == {"vera@example.org"}
    assert post(client, "bob@example.org")["Location"] == "/"
    assert client.get(link).status_code == 404


def test_links_for_several_people(olga: Client, world: World) -> None:
    page = reset(olga, world.person("bob"), world.person("vera"), world.person("olga"))
    assert len(set(re.findall(r"/accounts/link/\S+?/", page.text))) == 2
    assert any("your own account" in text for text in messages_of(page))


def test_password_attempts_are_limited(client: Client, world: World) -> None:
    link = make_link(world, "factors")
    statuses = [client.post(link, {"password": "wrong"}).status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_kinds_are_not_mixed_up(client: Client, world: World) -> None:
    add_factors(world.person("bob"))
    link = make_link(world, "factors")
    assert client.post(link, NEW).status_code == 422
    assert User.objects.get(email="bob@example.org").check_password(PASSWORD)
    assert client.post(make_link(world), {"password": PASSWORD}).status_code == 422
    assert Authenticator.objects.count() == 2


def test_without_a_password(client: Client, world: World) -> None:
    """Single sign-on asks at the next sign-in."""
    bob = world.person("bob")
    bob.set_unusable_password()
    bob.save()
    add_factors(bob)
    assert client.post(make_link(world, "factors")).status_code == 302
    assert not Authenticator.objects.exists()


def test_factors_cannot_be_removed_in_the_admin(olga: Client, world: World) -> None:
    add_factors(world.person("bob"))
    row = Authenticator.objects.first()
    page = f"/admin/mfa/authenticator/{row.pk}/delete/"
    assert olga.post(page, {"post": "yes"}).status_code == 403
    assert Authenticator.objects.count() == 2


# New accounts


def test_new_user_chooses_a_password(olga: Client, client: Client, world: World) -> None:
    page = olga.post(f"{USERS}add/", {"email": "New@Example.org"})
    user = User.objects.get(email="new@example.org")
    assert not user.has_usable_password()
    assert client.post(path_in(page.text), NEW).status_code == 302
    assert post(client, "new@example.org", "another one 1")["Location"] == "/"
    assert not Suspension.objects.exists()  # nobody could have been this person


@pytest.mark.usefixtures("with_mail")
def test_new_user_gets_a_mail(olga: Client, world: World, mailoutbox: Any) -> None:
    page = olga.post(f"{USERS}add/", {"email": "new@example.org"}, follow=True)
    assert mailoutbox[0].to == ["new@example.org"]
    assert "/accounts/link/" not in page.text


def test_without_passwords(olga: Client, client: Client, world: World, settings: Any) -> None:
    link = make_link(world)
    settings.PASSWORD_SIGN_IN = False
    page = olga.post(f"{USERS}add/", {"email": "new@example.org"}, follow=True)
    assert "/accounts/link/" not in page.text
    assert client.post(link, NEW).status_code == 403
    answer = olga.post(f"{USERS}{world.person('bob').pk}/password/", follow=True)
    assert messages_of(answer)[-1] == account_links.NO_PASSWORDS


# Who may


def test_own_account(olga: Client, world: World) -> None:
    page = olga.post(f"{USERS}{world.person('olga').pk}/password/", follow=True)
    assert "This is your own account" in messages_of(page)[0]
    assert not AccountLink.objects.exists()


def test_disabled_account(olga: Client, world: World) -> None:
    page = olga.post(f"{USERS}{world.person('ivan').pk}/password/", follow=True)
    assert "This account is disabled" in messages_of(page)[0]


@pytest.mark.parametrize("name", ["alice", ""])
def test_others_cannot(client_for: Callable[[str], Client], world: World, name: str) -> None:
    assert make(client_for(name), world.person("bob")).status_code == 302
    assert not AccountLink.objects.exists()


def test_service_needs_an_operator(world: World) -> None:
    start = last_event_id()
    with pytest.raises(PermissionDenied):
        account_links.make_link(
            actor=world.actor("alice"),
            user=world.person("bob"),
            kind=AccountLink.Kind.PASSWORD,
            link_to=str,
        )
    events = summarize(audit_events(start))
    assert {(actor, action, *ends) for actor, action, _, ends in events} == {
        ("alice@example.org", "account.link", "denied")
    }
    assert not Suspension.objects.exists()
