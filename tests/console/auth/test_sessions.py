"""Sessions expire, and users can end them here and everywhere (guarantee 28)."""

from collections.abc import Callable
from datetime import timedelta
from http.cookies import SimpleCookie
from typing import Any

import pytest
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.auth.session_backend import SessionStore
from console.auth.sessions import end_all
from console.models import Session
from tests.console.auth.conftest import SESSIONS, SIGN_IN, age_sessions, last_seen, post, recorded
from tests.fixtures.people import PASSWORD, World

pytestmark = pytest.mark.usefixtures("clock")

Browser = Callable[..., Client]


def signed_in(client: Client) -> bool:
    """Return True if the browser is signed in."""
    return client.get("/").status_code == 200


def end(client: Client, which: Any) -> Any:
    """Post a button of the sessions page."""
    return client.post(SESSIONS, {"end": which}, follow=True)


@pytest.mark.both_databases
def test_it_works(sign_in_bob: Browser) -> None:
    lynx, links = sign_in_bob("Lynx", "203.0.113.7"), sign_in_bob("Links", "203.0.113.8")
    page = lynx.get(SESSIONS)
    assert [(row.agent, row.address) for row in page.context["sessions"]] == [
        ("Links", "203.0.113.8"),
        ("Lynx", "203.0.113.7"),
    ]
    assert page.text.count("This session") == 1
    response = end(lynx, "others")
    assert "1 session ended." in response.text
    assert signed_in(lynx)
    assert not signed_in(links)
    assert recorded("session.end") == [("bob@example.org", "1 of bob@example.org", ["succeeded"])]


def test_end_one(sign_in_bob: Browser) -> None:
    lynx, links, mosaic = sign_in_bob("Lynx"), sign_in_bob("Links"), sign_in_bob("Mosaic")
    end(lynx, Session.objects.get(agent="Links").number)
    assert [signed_in(it) for it in (lynx, links, mosaic)] == [True, False, True]


@pytest.mark.parametrize("which", ["all", "this"])
def test_end_the_current_one(sign_in_bob: Browser, which: str) -> None:
    lynx, links = sign_in_bob("Lynx"), sign_in_bob("Links")
    here = Session.objects.get(agent="Lynx").number
    response = end(lynx, here if which == "this" else which)
    assert response.redirect_chain == [(SIGN_IN, 302)]
    assert "ended." in response.text
    assert not signed_in(lynx)
    assert signed_in(links) is (which == "this")


@pytest.mark.parametrize("which", ["", "0", "x", "9" * 30, "-1", "٣"])
def test_invalid_id(sign_in_bob: Browser, which: str) -> None:
    lynx = sign_in_bob()
    assert "That session has already ended." in end(lynx, which).text
    assert signed_in(lynx)


def test_sessions_of_another_user(
    sign_in_bob: Browser, client_for: Callable[[str], Client]
) -> None:
    lynx, mia = sign_in_bob(), client_for("mia")
    theirs = Session.objects.get(user__email="bob@example.org")
    assert len(mia.get(SESSIONS).context["sessions"]) == 1
    end(mia, theirs.number)
    end(mia, "all")
    assert signed_in(lynx)


def test_idle_timeout(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    age_sessions(minutes=59)
    assert signed_in(lynx)
    age_sessions(minutes=61)
    response = lynx.get("/?q=x", follow=True)
    assert response.redirect_chain == [(f"{SIGN_IN}?next=/%3Fq%3Dx", 302)]
    assert "signed out after 60 minutes without activity" in response.text
    assert not Session.objects.exclude(user=None).exists()
    assert post(lynx, "bob@example.org").status_code == 302


def test_absolute_timeout(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    for _ in range(12):
        age_sessions(minutes=59)
        assert signed_in(lynx)
    age_sessions(minutes=59)
    response = lynx.get("/", follow=True)
    assert "sessions last at most 12 hours" in response.text


@pytest.mark.parametrize("time", [{"minutes": 61}, {"hours": 13}])
def test_expired_session_with_every_method(sign_in_bob: Browser, time: dict[str, float]) -> None:
    lynx = sign_in_bob()
    age_sessions(**time)
    form = {"oldpassword": PASSWORD, "password1": "another one 1", "password2": "another one 1"}
    response = lynx.post("/accounts/password/change/", form)
    assert response["Location"].startswith(SIGN_IN)
    assert recorded("session.password") == []


def test_cookie_of_an_expired_session(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    stolen = lynx.cookies["sessionid"].value
    age_sessions(hours=13)
    lynx.get("/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not signed_in(thief)
    assert not Session.objects.filter(session_key=stolen).exists()


def test_sign_in_rotates_the_key(sign_in_bob: Browser, client: Client) -> None:
    client.cookies["sessionid"] = "0123456789abcdefghij0123456789ab"
    client.get(SIGN_IN)
    post(client, "bob@example.org")
    fixed, first = "0123456789abcdefghij0123456789ab", client.cookies["sessionid"].value
    assert first != fixed
    client.post("/accounts/logout/")
    post(client, "bob@example.org")
    assert client.cookies["sessionid"].value not in {first, fixed}


@pytest.mark.parametrize("key", ["abcdefgh\0", "ä" * 32, "x" * 41, "' or ''=''"])
def test_invalid_cookie(client: Client, world: World, key: str) -> None:
    sent = SimpleCookie().value_encode(key)[
        1
    ]  # newer Pythons write no NUL into cookies; clients may
    client.defaults["HTTP_COOKIE"] = f"sessionid={sent}"
    page = client.get(SIGN_IN)
    assert (page.status_code, page.wsgi_request.COOKIES) == (200, {"sessionid": key})
    assert post(client, "bob@example.org").status_code == 200  # no user row yet
    assert not Session.objects.filter(session_key=key.replace("\0", "")).exists()


@pytest.mark.both_databases
def test_late_save_does_not_revive_a_session(sign_in_bob: Browser) -> None:
    """A request saves its session after another request ended that session."""
    late = SessionStore(sign_in_bob().cookies["sessionid"].value)
    assert "_auth_user_id" in late
    Session.objects.all().delete()
    late["more"] = 1
    with pytest.raises(UpdateError):
        late.save()
    assert not Session.objects.exists()


def test_sign_out_ends_it_on_the_server(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    stolen = lynx.cookies["sessionid"].value
    lynx.post("/accounts/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not signed_in(thief)
    assert not Session.objects.exclude(user=None).exists()


def test_password_change_ends_the_others(sign_in_bob: Browser) -> None:
    lynx, links = sign_in_bob("Lynx"), sign_in_bob("Links")
    form = {"oldpassword": PASSWORD, "password1": "another one 1", "password2": "another one 1"}
    assert lynx.post("/accounts/password/change/", form).status_code == 302
    assert signed_in(lynx)
    assert not signed_in(links)
    assert [row.agent for row in lynx.get(SESSIONS).context["sessions"]] == ["Lynx"]


def test_deleted_user(sign_in_bob: Browser, world: World) -> None:
    lynx, links = sign_in_bob("Lynx"), sign_in_bob("Links")
    assert end_all(actor=world.actor("olga"), user=world.person("bob")) == 2
    assert not signed_in(lynx)
    assert not signed_in(links)
    assert recorded("session.end") == [("olga@example.org", "2 of bob@example.org", ["succeeded"])]


def test_written_at_most_once_a_minute(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    seen = last_seen()
    signed_in(lynx)
    assert last_seen() == seen
    age_sessions(seconds=61)
    signed_in(lynx)
    assert last_seen() >= seen


def test_last_address_is_shown(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob(address="203.0.113.7")
    age_sessions(minutes=2)
    lynx.get("/", REMOTE_ADDR="2001:db8::1")
    assert Session.objects.get().address == "2001:db8::1"


def test_request_through_a_unix_socket(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob(address="")
    assert len(lynx.get(SESSIONS).context["sessions"]) == 1


def test_query_count_is_constant(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    lynx.get(SESSIONS)  # which shows the sign-in message
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            lynx.get(SESSIONS)
        counts.append(len(queries))
        for number in range(9):
            sign_in_bob(f"Links {number}")
    assert counts[0] == counts[1]


def test_user_agent_is_escaped(sign_in_bob: Browser) -> None:
    page = sign_in_bob("<b>Lynx</b>").get(SESSIONS)
    assert "&lt;b&gt;Lynx" in page.text


@pytest.mark.both_databases
def test_key_rotation_keeps_the_age(sign_in_bob: Browser) -> None:
    """For example when people change their password."""
    lynx, begun = sign_in_bob(), timezone.now() - timedelta(hours=11)
    Session.objects.update(created_at=begun)
    old = Session.objects.get().session_key
    lynx.get("/accounts/second-factor/app/add/")  # saves the session
    assert Session.objects.get().session_key == old
    lynx.cookies["sessionid"] = rotated(lynx)
    session = Session.objects.get()
    assert session.session_key != old
    assert (session.created_at, session.agent) == (begun, "Lynx")


def rotated(client: Client) -> str:
    """Give the browser's session a new key and return it."""
    store = SessionStore(client.cookies["sessionid"].value)
    store.cycle_key()
    return str(store.session_key)


def test_messages_do_not_outlive_the_session(sign_in_bob: Browser) -> None:
    lynx = sign_in_bob()
    age_sessions(hours=13)
    lynx.get("/")  # ends it; the response carries the message
    assert timezone.now() - Session.objects.get().created_at < timedelta(hours=13)
