"""Invitations: a link, once, for one address and one app."""

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

from console.members import invitations
from console.models import AuditEvent, Invitation, Member, User
from tests.console.members.conftest import MEMBERS, Team, messages, trail
from tests.console.pages.conftest import errors
from tests.fixtures.people import PASSWORD, World
from tests.fixtures.waiting import LONGEST

NEW = "new@example.org"
GOOD = {"password1": "long enough 1", "password2": "long enough 1"}


@pytest.fixture
def invite(alice: Client) -> Callable[..., str]:
    """Return a function that lets alice invite an address, and gives the link's path."""

    def invite(email: str = NEW, role: str = "developer", patterns: str = "") -> str:
        post = {"email": email, "role": role, "patterns": patterns}
        answer = alice.post(f"{MEMBERS}invite/", post)
        assert answer.status_code == 200
        return str(answer.context["link"]).removeprefix("http://testserver")

    return invite


@pytest.fixture(autouse=True)
def _this_host(settings: Any) -> None:
    settings.ALLOWED_HOSTS = [*settings.ALLOWED_HOSTS, "testserver"]


def test_it_works(invite: Callable[..., str], team: Team, client: Client) -> None:
    link = invite(patterns="dev\r\nfeature/*")
    page = client.get(link)
    assert page.status_code == 200
    assert "alice@example.org invited" in page.text
    assert "developer on dev, feature/*" in page.text
    answer = client.post(link, GOOD, follow=True)
    assert answer.redirect_chain == [("/apps/d1shop/", 302)]
    assert messages(answer) == ["You are now a member of Shop."]
    assert team.access("new").grants[0].patterns == ("dev", "feature/*")
    assert User.objects.get(email=NEW).check_password("long enough 1")
    assert trail("member.invite", "member.join") == [
        ("alice", "member.invite", "new@example.org: developer on dev, feature/*", "succeeded"),
        ("new", "member.join", "developer on dev, feature/*", "succeeded"),
    ]


def test_with_an_account(invite: Callable[..., str], team: Team, as_: Any, client: Client) -> None:
    team.world.person("charlie")
    link = invite("Charlie@Example.org ", "viewer")
    page = client.get(link)
    post = {"login": "charlie@example.org", "password": PASSWORD, "next": link}
    assert f"?next={link.replace('/', '%2F')}" in page.text
    joining = client.post("/accounts/login/", post, follow=True)
    assert joining.redirect_chain == [(link, 302)]
    assert "You are signed in as" in joining.text
    assert client.post(link)["Location"] == "/apps/d1shop/"
    assert team.role_of("charlie") == "viewer"
    assert trail("member.join") == [("charlie", "member.join", "viewer", "succeeded")]


def test_it_is_shown_once_and_kept_by_nobody(invite: Callable[..., str], alice: Client) -> None:
    post = {"email": NEW, "role": "viewer"}
    answer = alice.post(f"{MEMBERS}invite/", post)
    token = answer.context["link"].split("/")[-2]
    assert answer["Cache-Control"] == "no-store"
    assert len(token) == 43  # 256 bits
    assert token not in alice.get(MEMBERS).text
    for row in [*Invitation.objects.values(), *AuditEvent.objects.values()]:
        assert token not in str(row)


def test_no_log_line_has_the_token(
    invite: Callable[..., str], client: Client, capfd: Any, caplog: Any
) -> None:
    link = invite()
    token = link.split("/")[-2]
    client.get(link)
    client.get(f"/accounts/login/?next={link.replace('/', '%2F')}")
    assert token not in capfd.readouterr().err
    assert "invitations/[redacted]" in caplog.text
    assert token not in caplog.text


def test_it_works_once(invite: Callable[..., str], client: Client, as_: Any) -> None:
    link = invite()
    assert client.post(link, GOOD).status_code == 302
    for somebody in (Client(), client, as_("charlie")):
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
def test_it_has_an_end(
    invite: Callable[..., str], client: Client, as_: Any, end: Callable[[], object]
) -> None:
    link, other = invite(), invite("charlie@example.org")
    charlie = as_("charlie")
    end()
    assert client.get(link).status_code == 404
    assert client.post(link, GOOD).status_code == 404
    assert charlie.post(other).status_code == 404
    assert not User.objects.filter(email=NEW).exists()


@pytest.mark.usefixtures("clock")
def test_it_lasts_a_week(invite: Callable[..., str]) -> None:
    before = timezone.now()
    invite()
    within = Invitation.objects.get().expires_at - before
    assert timedelta(days=7) <= within < timedelta(days=7, seconds=1)


def test_taken_back(invite: Callable[..., str], alice: Client, client: Client) -> None:
    link = invite()
    assert "Withdraw" in alice.get(MEMBERS).text
    answer = alice.post(
        f"{MEMBERS}invitations/{Invitation.objects.get().pk}/withdraw/", follow=True
    )
    assert messages(answer) == [f"Withdrew the invitation for {NEW}."]
    assert client.get(link).status_code == 404
    assert trail("member.uninvite") == [("alice", "member.uninvite", NEW, "succeeded")]


def test_who_is_removed_has_no_invitation_left(
    invite: Callable[..., str], alice: Client, team: Team, as_: Any
) -> None:
    link = invite("charlie@example.org")
    row = team.give("charlie", "viewer")
    alice.post(f"{MEMBERS}{row.pk}/remove/")
    assert as_("charlie").post(link).status_code == 404
    assert team.role_of("charlie") == ""


def test_anew_is_as_before(invite: Callable[..., str], alice: Client) -> None:
    invite(role="maintainer", patterns="main\ndev")
    form = alice.get(f"{MEMBERS}invite/", {"email": NEW}).context["form"]
    assert [form[name].value() for name in ("email", "role", "patterns")] == [
        NEW, "maintainer", "main\ndev",
    ]  # fmt: skip


def test_another_apps_invitation(invite: Callable[..., str], as_: Any) -> None:
    invite()
    pk = Invitation.objects.get().pk
    oscar = as_("oscar")
    for app in ("d1shop", "d2other"):
        url = f"/apps/{app}/settings/members/invitations/{pk}/withdraw/"
        assert oscar.post(url).status_code == 404
    assert Invitation.objects.exists()


def test_invited_anew_the_older_link_is_dead(invite: Callable[..., str], client: Client) -> None:
    first, second = invite(), invite(role="maintainer")
    assert client.get(first).status_code == 404
    assert client.post(second, GOOD).status_code == 302
    assert Member.objects.get(user__email=NEW).role == "maintainer"


@pytest.mark.parametrize("name", ["bob", "charlie", "olga"])
def test_somebody_else_with_the_link(
    invite: Callable[..., str], as_: Any, team: Team, name: str
) -> None:
    link = invite()
    before = team.role_of(name)
    page = as_(name).get(link)
    assert "this invitation is for another address" in page.text
    assert as_(name).post(link, GOOD).status_code == 403
    assert team.role_of(name) == before
    assert Invitation.objects.exists()
    assert trail("member.join")[-1][3] == "denied"


def test_signing_out_comes_back_to_the_link(invite: Callable[..., str], as_: Any) -> None:
    link = invite()
    assert as_("charlie").post("/accounts/logout/", {"next": link})["Location"] == link


def test_a_member_is_not_invited(alice: Client, team: Team) -> None:
    team.give("bob", "viewer")
    answer = alice.post(f"{MEMBERS}invite/", {"email": "BOB@example.org", "role": "owner"})
    assert errors(answer)["email"] == [
        "This person is already a member. Change their role in the list of members."
    ]
    assert not Invitation.objects.exists()


def test_who_became_a_member_meanwhile_keeps_his_role(
    invite: Callable[..., str], as_: Any, team: Team
) -> None:
    link = invite("charlie@example.org", "viewer")
    team.give("charlie", "owner")
    assert as_("charlie").post(link).status_code == 302
    assert team.role_of("charlie") == "owner"
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
def test_what_can_be_invited(alice: Client, post: dict[str, str], field: str) -> None:
    assert errors(alice.post(f"{MEMBERS}invite/", post))[field]
    assert not Invitation.objects.exists()


# The password


@pytest.mark.parametrize(
    ("password", "said"),
    [
        (("short", "short"), "at least 12 characters"),
        (("long enough 1", "long enough 2"), "The passwords don't match"),
        (("newnewnew@example.org", "newnewnew@example.org"), "too similar"),
        (("123456789012", "123456789012"), "numeric"),
        (("", ""), "required"),
    ],
)
def test_a_password_that_will_not_do(
    invite: Callable[..., str], client: Client, password: tuple[str, str], said: str
) -> None:
    link = invite("newnewnew@example.org")
    answer = client.post(link, dict(zip(GOOD, password, strict=True)))
    assert said in str(errors(answer))
    assert Invitation.objects.exists()
    assert not User.objects.filter(email="newnewnew@example.org").exists()


def test_where_passwords_are_off(
    invite: Callable[..., str], client: Client, as_: Any, world: World, settings: Any
) -> None:
    settings.PASSWORD_SIGN_IN = False
    link = invite("charlie@example.org")
    assert "password1" not in client.get(link).text
    assert client.post(link, GOOD).status_code == 403
    assert as_("charlie").post(link).status_code == 302


def test_the_session_is_a_new_one(invite: Callable[..., str], client: Client) -> None:
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


# Nobody learns whether there is an account


def test_known_and_unknown_look_alike(
    invite: Callable[..., str], alice: Client, world: World
) -> None:
    world.person("charlie")

    def seen(email: str) -> tuple[str, ...]:
        link = invite(email)
        texts = [alice.get(MEMBERS).text, alice.get(link).text, Client().get(link).text]
        alice.post(f"{MEMBERS}invitations/{Invitation.objects.get().pk}/withdraw/")
        return tuple(_without(text, email, link) for text in texts)

    assert seen("charlie@example.org") == seen(NEW)


def test_no_password_for_who_has_an_account(
    invite: Callable[..., str], client: Client, world: World
) -> None:
    charlie = world.person("charlie")
    link = invite(charlie.email)
    answer = client.post(link, GOOD)
    assert errors(answer)["__all__"] == [
        "This email address can't join here. If you have an account, sign in to accept the "
        "invitation."
    ]
    charlie.refresh_from_db()
    assert charlie.check_password(PASSWORD)
    assert client.get("/").status_code == 302
    assert Invitation.objects.exists()


def test_a_disabled_person_stays_out(
    invite: Callable[..., str], client: Client, world: World, team: Team
) -> None:
    Member.objects.filter(user=world.person("ivan")).delete()
    link = invite("ivan@example.org")
    assert client.post(link, GOOD).status_code == 422
    actor = world.actor("ivan")
    with pytest.raises(Exception, match="another email address"):
        invitations.accept(actor=actor, token=link.split("/")[-2])
    assert team.role_of("ivan") == ""


def _without(text: str, email: str, link: str) -> str:
    """Return a page but for whom it is about, and what is random."""
    for word in (email, email.replace("@", "%40"), link, link.replace("/", "%2F")):
        text = text.replace(word, "")
    text = re.sub(r'"csrfmiddlewaretoken" value="\w+"|"X-CSRFToken": "\w+"', "", text)
    text = re.sub(r'name="csrf" content="\w+"|invitations/\d+/', "", text)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d|[0-9a-f]{8}-[0-9a-f-]{27}", "", text)


# Limits


@pytest.mark.usefixtures("clock")
def test_trying_is_limited(invite: Callable[..., str], client: Client) -> None:
    link = invite()
    statuses = [
        client.post(link, {"password1": "x", "password2": "x"}).status_code for _ in range(12)
    ]
    assert statuses == [422] * 10 + [429] * 2


@pytest.mark.usefixtures("clock")
def test_inviting_is_limited(alice: Client) -> None:
    post = {"role": "viewer"}
    statuses = [
        alice.post(f"{MEMBERS}invite/", post | {"email": f"{n}@example.org"}).status_code
        for n in range(31)
    ]
    assert statuses == [200] * 30 + [429]


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "../", "%00", "t" * 5000])
def test_a_made_up_token(client: Client, token: str) -> None:
    assert client.get(f"/invitations/{token}/").status_code == 404
    with pytest.raises(Http404):
        invitations.find_invitation(token)


@pytest.mark.both_databases
@pytest.mark.django_db(transaction=True)
def test_of_two_who_try_at_once_one_comes_in(invite: Callable[..., str], world: World) -> None:
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
