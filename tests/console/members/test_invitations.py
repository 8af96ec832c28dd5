"""An invitation is a link that works once, for one address and one app."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test import Client
from django.utils import timezone

from console.conf.logging import structured_formatter
from console.members import invitations
from console.models import AuditEvent, Invitation, Member, User
from tests.factories import access_of, audit_entries, form_errors, messages_of, role_of, set_role
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.waiting import LONGEST

MEMBERS = "/apps/d1shop/settings/members/"
NEW = "new@example.org"
GOOD = {"password1": "long enough 1", "password2": "long enough 1"}


@pytest.fixture
def invite(alice: Client) -> Callable[..., str]:
    """Return a function that invites an address as alice and returns the path of the link."""

    def invite(email: str = NEW, role: str = "developer", patterns: str = "") -> str:
        post = {"email": email, "role": role, "patterns": patterns}
        response = alice.post(f"{MEMBERS}invite/", post)
        assert response.status_code == 200
        return str(response.context["link"]).removeprefix("http://testserver")

    return invite


@pytest.fixture(autouse=True)
def _allow_test_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


def test_it_works(invite: Callable[..., str], world: World, client: Client) -> None:
    link = invite(patterns="dev\r\nfeature/*")
    page = client.get(link)
    assert page.status_code == 200
    assert "alice@example.org invited" in page.text
    assert "developer on dev, feature/*" in page.text
    response = client.post(link, GOOD, follow=True)
    assert response.redirect_chain == [("/apps/d1shop/", 302)]
    assert messages_of(response) == ["You are now a member of Shop."]
    assert access_of(world, "new").grants[0].patterns == ("dev", "feature/*")
    assert User.objects.get(email=NEW).check_password("long enough 1")
    assert audit_entries("member.invite", "member.join") == [
        ("alice", "member.invite", "new@example.org: developer on dev, feature/*", "succeeded"),
        ("new", "member.join", "developer on dev, feature/*", "succeeded"),
    ]


def test_with_an_account(
    invite: Callable[..., str], world: World, client_for: Any, client: Client
) -> None:
    world.person("charlie")
    link = invite("Charlie@Example.org ", "viewer")
    page = client.get(link)
    post = {"login": "charlie@example.org", "password": PASSWORD, "next": link}
    assert f"?next={link.replace('/', '%2F')}" in page.text
    joining = client.post("/accounts/login/", post, follow=True)
    assert joining.redirect_chain == [(link, 302)]
    assert "You are signed in as" in joining.text
    assert client.post(link)["Location"] == "/apps/d1shop/"
    assert role_of(world, "charlie") == "viewer"
    assert audit_entries("member.join") == [("charlie", "member.join", "viewer", "succeeded")]


def test_link_is_shown_once_and_stored_hashed(invite: Callable[..., str], alice: Client) -> None:
    post = {"email": NEW, "role": "viewer"}
    response = alice.post(f"{MEMBERS}invite/", post)
    token = response.context["link"].split("/")[-2]
    assert response["Cache-Control"] == "no-store"
    assert len(token) == 43  # 256 bits
    assert token not in alice.get(MEMBERS).text
    for row in [*Invitation.objects.values(), *AuditEvent.objects.values()]:
        assert token not in str(row)


def test_no_log_line_has_the_token(
    invite: Callable[..., str], client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.handler.setFormatter(structured_formatter())  # as it is written
    link = invite()
    token = link.split("/")[-2]
    client.get(link)
    client.get(f"/accounts/login/?next={link.replace('/', '%2F')}")
    for mistyped in ("/Invitations/", "/invitations/%FF"):
        client.get(link.replace("/invitations/", mistyped))
    assert "/invitations/[redacted]" in caplog.text
    assert "/Invitations/[redacted]" in caplog.text
    assert token not in caplog.text


def test_it_works_once(invite: Callable[..., str], client: Client, client_for: Any) -> None:
    link = invite()
    assert client.post(link, GOOD).status_code == 302
    for somebody in (Client(), client, client_for("charlie")):
        assert somebody.get(link).status_code == 404
        assert somebody.post(link, GOOD).status_code == 404
    assert User.objects.filter(email=NEW).count() == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda: Invitation.objects.update(expires_at=timezone.now()),
        lambda: Invitation.objects.all().delete(),
        lambda: Member.objects.filter(role="owner").update(role="maintainer"),
        lambda: Member.objects.filter(role="owner").delete(),
        lambda: User.objects.filter(email="alice@example.org").update(is_active=False),
    ],
    ids=["expired", "gone", "inviter lowered", "inviter removed", "inviter disabled"],
)
def test_it_expires(
    invite: Callable[..., str], client: Client, client_for: Any, end: Callable[[], object]
) -> None:
    link, other = invite(), invite("charlie@example.org")
    charlie = client_for("charlie")
    end()
    assert client.get(link).status_code == 404
    assert client.post(link, GOOD).status_code == 404
    assert charlie.post(other).status_code == 404
    assert not User.objects.filter(email=NEW).exists()


@pytest.mark.usefixtures("clock")
def test_it_is_valid_for_a_week(invite: Callable[..., str]) -> None:
    before = timezone.now()
    invite()
    within = Invitation.objects.get().expires_at - before
    assert timedelta(days=7) <= within < timedelta(days=7, seconds=1)


def test_withdrawn(invite: Callable[..., str], alice: Client, client: Client) -> None:
    link = invite()
    assert "Withdraw" in alice.get(MEMBERS).text
    response = alice.post(
        f"{MEMBERS}invitations/{Invitation.objects.get().pk}/withdraw/", follow=True
    )
    assert messages_of(response) == [f"Withdrew the invitation for {NEW}."]
    assert client.get(link).status_code == 404
    assert audit_entries("member.uninvite") == [("alice", "member.uninvite", NEW, "succeeded")]


def test_removing_a_member_withdraws_invitations(
    invite: Callable[..., str], alice: Client, world: World, client_for: Any
) -> None:
    link = invite("charlie@example.org")
    row = set_role(world, "charlie", "viewer")
    alice.post(f"{MEMBERS}{row.pk}/remove/")
    assert client_for("charlie").post(link).status_code == 404
    assert role_of(world, "charlie") == ""


def test_renewed_keeps_role_and_branches(invite: Callable[..., str], alice: Client) -> None:
    invite(role="maintainer", patterns="main\ndev")
    form = alice.get(f"{MEMBERS}invite/", {"email": NEW}).context["form"]
    assert [form[name].value() for name in ("email", "role", "patterns")] == [
        NEW, "maintainer", "main\ndev",
    ]  # fmt: skip


def test_invitation_of_another_app(invite: Callable[..., str], client_for: Any) -> None:
    invite()
    pk = Invitation.objects.get().pk
    oscar = client_for("oscar")
    for app in ("d1shop", "d2other"):
        url = f"/apps/{app}/settings/members/invitations/{pk}/withdraw/"
        assert oscar.post(url).status_code == 404
    assert Invitation.objects.exists()


def test_second_invitation_replaces_the_first(invite: Callable[..., str], client: Client) -> None:
    first, second = invite(), invite(role="maintainer")
    assert client.get(first).status_code == 404
    assert client.post(second, GOOD).status_code == 302
    assert Member.objects.get(user__email=NEW).role == "maintainer"


@pytest.mark.parametrize("name", ["bob", "charlie", "olga"])
def test_link_used_by_another_user(
    invite: Callable[..., str], client_for: Any, world: World, name: str
) -> None:
    link = invite()
    before = role_of(world, name)
    page = client_for(name).get(link)
    assert "this invitation is for another address" in page.text
    assert client_for(name).post(link, GOOD).status_code == 403
    assert role_of(world, name) == before
    assert Invitation.objects.exists()
    assert audit_entries("member.join")[-1][3] == "denied"


def test_sign_out_returns_to_the_link(invite: Callable[..., str], client_for: Any) -> None:
    link = invite()
    assert client_for("charlie").post("/accounts/logout/", {"next": link})["Location"] == link


def test_member_cannot_be_invited(alice: Client, world: World) -> None:
    set_role(world, "bob", "viewer")
    response = alice.post(f"{MEMBERS}invite/", {"email": "BOB@example.org", "role": "owner"})
    assert form_errors(response)["email"] == [
        "This person is already a member. Change their role in the list of members."
    ]
    assert not Invitation.objects.exists()


def test_existing_member_keeps_their_role(
    invite: Callable[..., str], client_for: Any, world: World
) -> None:
    link = invite("charlie@example.org", "viewer")
    set_role(world, "charlie", "owner")
    assert client_for("charlie").post(link).status_code == 302
    assert role_of(world, "charlie") == "owner"
    assert not Invitation.objects.exists()


@pytest.mark.parametrize(
    ("post", "field"),
    [
        ({"email": "nonsense", "role": "viewer"}, "email"),
        ({"email": "a@example.org\nBcc: b@example.org", "role": "viewer"}, "email"),
        ({"email": NEW, "role": "king"}, "role"),
        ({"email": NEW, "role": "owner", "patterns": "main"}, "patterns"),
        ({"email": NEW, "role": "developer", "patterns": "a\u202eb"}, "patterns"),
    ],
)
def test_invalid_invitations(alice: Client, post: dict[str, str], field: str) -> None:
    assert form_errors(alice.post(f"{MEMBERS}invite/", post))[field]
    assert not Invitation.objects.exists()


# The password


@pytest.mark.parametrize(
    ("password", "error"),
    [
        (("short", "short"), "at least 12 characters"),
        (("long enough 1", "long enough 2"), "The passwords don't match"),
        (("newnewnew@example.org", "newnewnew@example.org"), "too similar"),
        (("123456789012", "123456789012"), "numeric"),
        (("", ""), "required"),
    ],
)
def test_invalid_password(
    invite: Callable[..., str], client: Client, password: tuple[str, str], error: str
) -> None:
    link = invite("newnewnew@example.org")
    response = client.post(link, dict(zip(GOOD, password, strict=True)))
    assert error in str(form_errors(response))
    assert Invitation.objects.exists()
    assert not User.objects.filter(email="newnewnew@example.org").exists()


def test_passwords_turned_off(
    invite: Callable[..., str], client: Client, client_for: Any, world: World, settings: Any
) -> None:
    settings.PASSWORD_SIGN_IN = False
    link = invite("charlie@example.org")
    assert "password1" not in client.get(link).text
    assert client.post(link, GOOD).status_code == 403
    assert client_for("charlie").post(link).status_code == 302


def test_session_is_rotated(invite: Callable[..., str], client: Client) -> None:
    link = invite()
    client.get("/accounts/login/")
    session = client.session
    session["mine"] = "planted"
    session.save()
    before = session.session_key
    client.post(link, GOOD)
    assert client.session.session_key != before
    assert client.get("/").context["user"].email == NEW


def test_extra_fields_are_ignored(invite: Callable[..., str], client: Client) -> None:
    link = invite()
    more = {"email": "x@example.org", "role": "owner", "is_superuser": "on", "patterns": ""}
    client.post(link, GOOD | more)
    user = User.objects.get(email=NEW)
    assert (user.is_superuser, user.is_staff) == (False, False)
    assert Member.objects.get(user=user).role == "developer"


# The page does not reveal whether an account exists


def test_known_and_unknown_addresses_look_alike(
    invite: Callable[..., str], alice: Client, world: World
) -> None:
    world.person("charlie")

    def seen(email: str) -> tuple[str, ...]:
        link = invite(email)
        texts = [alice.get(MEMBERS).text, alice.get(link).text, Client().get(link).text]
        alice.post(f"{MEMBERS}invitations/{Invitation.objects.get().pk}/withdraw/")
        return tuple(_comparable_text(text, email, link) for text in texts)

    assert seen("charlie@example.org") == seen(NEW)


def test_existing_account_sets_no_password(
    invite: Callable[..., str], client: Client, world: World
) -> None:
    charlie = world.person("charlie")
    link = invite(charlie.email)
    response = client.post(link, GOOD)
    assert form_errors(response)["__all__"] == [
        "This email address can't join here. If you have an account, sign in to accept the "
        "invitation."
    ]
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD)
    assert client.get("/").status_code == 302
    assert Invitation.objects.exists()


def test_disabled_person(invite: Callable[..., str], client: Client, world: World) -> None:
    Member.objects.filter(user=world.person("ivan")).delete()
    link = invite("ivan@example.org")
    assert client.post(link, GOOD).status_code == 422
    actor = world.actor("ivan")
    with pytest.raises(Exception, match="another email address"):
        invitations.accept(actor=actor, token=link.split("/")[-2])
    assert role_of(world, "ivan") == ""


def _comparable_text(text: str, email: str, link: str) -> str:
    """Return a page's text without the address and random parts."""
    for word in (email, email.replace("@", "%40"), link, link.replace("/", "%2F")):
        text = text.replace(word, "")
    text = re.sub(r'"csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "", text)
    text = re.sub(r'name="csrf" content="\w+"|invitations/\d+/', "", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d|[0-9a-f]{8}-[0-9a-f-]{27}", "", text)


# Limits


@pytest.mark.usefixtures("clock")
def test_rate_limit_of_links(invite: Callable[..., str], client: Client) -> None:
    link = invite()
    statuses = [
        client.post(link, {"password1": "x", "password2": "x"}).status_code for _ in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.usefixtures("clock")
def test_rate_limit_of_invitations(alice: Client) -> None:
    post = {"role": "viewer"}
    statuses = [
        alice.post(f"{MEMBERS}invite/", post | {"email": f"{n}@example.org"}).status_code
        for n in range(31)
    ]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "../", "%00", "t" * 5000])
def test_unknown_token(client: Client, token: str) -> None:
    assert client.get(f"/invitations/{token}/").status_code == 404
    with pytest.raises(Http404):
        invitations.find_invitation(token)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_concurrent_uses(invite: Callable[..., str], world: World) -> None:
    link, together = invite(), Barrier(4)

    def race(number: int) -> int:
        client = Client(raise_request_exception=False)
        try:
            together.wait(timeout=LONGEST)
            return client.post(link, GOOD).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(pool.map(race, range(4)))
    assert statuses[0] == 302
    assert set(statuses[1:]) <= {404, 422}
    assert User.objects.filter(email=NEW).count() == 1
    assert Member.objects.filter(user__email=NEW).count() == 1
