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
from tests.console.auth.conftest import SESSIONS, SIGN_IN, last_seen, later, post, recorded
from tests.fixtures.people import PASSWORD, World

pytestmark = [pytest.mark.both_databases, pytest.mark.usefixtures("clock")]

Browser = Callable[..., Client]


def signed_in(client: Client) -> bool:
    """Say whether a browser is signed in."""
    return client.get("/").status_code == 200


def end(client: Client, which: Any) -> Any:
    """Press a button of the page."""
    return client.post(SESSIONS, {"end": which}, follow=True)


def test_it_works(bobs: Browser) -> None:
    lynx, links = bobs("Lynx", "203.0.113.7"), bobs("Links", "203.0.113.8")
    page = lynx.get(SESSIONS)
    assert [(row.agent, row.address) for row in page.context["sessions"]] == [
        ("Links", "203.0.113.8"),
        ("Lynx", "203.0.113.7"),
    ]
    assert page.text.count("This session") == 1
    answer = end(lynx, "others")
    assert "1 session ended." in answer.text
    assert signed_in(lynx)
    assert not signed_in(links)
    assert recorded("session.end") == [("bob@example.org", "1 of bob@example.org", ["succeeded"])]


def test_ending_one(bobs: Browser) -> None:
    lynx, links, mosaic = bobs("Lynx"), bobs("Links"), bobs("Mosaic")
    end(lynx, Session.objects.get(agent="Links").number)
    assert [signed_in(it) for it in (lynx, links, mosaic)] == [True, False, True]


@pytest.mark.parametrize("which", ["all", "this"])
def test_ending_this_one_leads_to_the_sign_in(bobs: Browser, which: str) -> None:
    lynx, links = bobs("Lynx"), bobs("Links")
    here = Session.objects.get(agent="Lynx").number
    answer = end(lynx, here if which == "this" else which)
    assert answer.redirect_chain == [(SIGN_IN, 302)]
    assert "ended." in answer.text
    assert not signed_in(lynx)
    assert signed_in(links) is (which == "this")


@pytest.mark.parametrize("which", ["", "0", "x", "9" * 30, "-1", "٣"])
def test_what_is_no_session_ends_none(bobs: Browser, which: str) -> None:
    lynx = bobs()
    assert "That session has already ended." in end(lynx, which).text
    assert signed_in(lynx)


def test_nobody_sees_or_ends_anothers(bobs: Browser, as_: Callable[[str], Client]) -> None:
    lynx, mia = bobs(), as_("mia")
    theirs = Session.objects.get(user__email="bob@example.org")
    assert len(mia.get(SESSIONS).context["sessions"]) == 1
    end(mia, theirs.number)
    end(mia, "all")
    assert signed_in(lynx)


def test_an_idle_session_ends(bobs: Browser) -> None:
    lynx = bobs()
    later(minutes=59)
    assert signed_in(lynx)
    later(minutes=61)
    answer = lynx.get("/?q=x", follow=True)
    assert answer.redirect_chain == [(f"{SIGN_IN}?next=/%3Fq%3Dx", 302)]
    assert "signed out after 60 minutes without activity" in answer.text
    assert not Session.objects.exclude(user=None).exists()
    assert post(lynx, "bob@example.org").status_code == 302


def test_a_session_in_use_ends_too(bobs: Browser) -> None:
    lynx = bobs()
    for _ in range(12):
        later(minutes=59)
        assert signed_in(lynx)
    later(minutes=59)
    answer = lynx.get("/", follow=True)
    assert "sessions last at most 12 hours" in answer.text


@pytest.mark.parametrize("time", [{"minutes": 61}, {"hours": 13}])
def test_what_is_over_works_for_no_method(bobs: Browser, time: dict[str, float]) -> None:
    lynx = bobs()
    later(**time)
    form = {"oldpassword": PASSWORD, "password1": "another one 1", "password2": "another one 1"}
    answer = lynx.post("/accounts/password/change/", form)
    assert answer["Location"].startswith(SIGN_IN)
    assert recorded("session.password") == []


def test_the_cookie_of_what_is_over_opens_nothing_later(bobs: Browser) -> None:
    lynx = bobs()
    stolen = lynx.cookies["sessionid"].value
    later(hours=13)
    lynx.get("/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not signed_in(thief)
    assert not Session.objects.filter(session_key=stolen).exists()


def test_who_signs_in_gets_a_new_key(bobs: Browser, client: Client) -> None:
    client.cookies["sessionid"] = "0123456789abcdefghij0123456789ab"
    client.get(SIGN_IN)
    post(client, "bob@example.org")
    fixed, first = "0123456789abcdefghij0123456789ab", client.cookies["sessionid"].value
    assert first != fixed
    client.post("/accounts/logout/")
    post(client, "bob@example.org")
    assert client.cookies["sessionid"].value not in {first, fixed}


@pytest.mark.parametrize("key", ["abcdefgh\0", "ä" * 32, "x" * 41, "' or ''=''"])
def test_a_cookie_that_is_no_key_is_nobodys(client: Client, world: World, key: str) -> None:
    sent = SimpleCookie().value_encode(key)[1]  # newer Pythons' own cookies hold no NUL; others' do
    client.defaults["HTTP_COOKIE"] = f"sessionid={sent}"
    page = client.get(SIGN_IN)
    assert (page.status_code, page.wsgi_request.COOKIES) == (200, {"sessionid": key})
    assert post(client, "bob@example.org").status_code == 200  # he is not there yet
    assert not Session.objects.filter(session_key=key.replace("\0", "")).exists()


def test_a_late_save_brings_nothing_back(bobs: Browser) -> None:
    """A request that began before the end, and writes to its session after it."""
    late = SessionStore(bobs().cookies["sessionid"].value)
    assert "_auth_user_id" in late
    Session.objects.all().delete()
    late["more"] = 1
    with pytest.raises(UpdateError):
        late.save()
    assert not Session.objects.exists()


def test_signing_out_kills_it_on_the_server(bobs: Browser) -> None:
    lynx = bobs()
    stolen = lynx.cookies["sessionid"].value
    lynx.post("/accounts/logout/")
    thief = Client()
    thief.cookies["sessionid"] = stolen
    assert not signed_in(thief)
    assert not Session.objects.exclude(user=None).exists()


def test_a_new_password_ends_the_others(bobs: Browser) -> None:
    lynx, links = bobs("Lynx"), bobs("Links")
    form = {"oldpassword": PASSWORD, "password1": "another one 1", "password2": "another one 1"}
    assert lynx.post("/accounts/password/change/", form).status_code == 302
    assert signed_in(lynx)
    assert not signed_in(links)
    assert [row.agent for row in lynx.get(SESSIONS).context["sessions"]] == ["Lynx"]


def test_who_is_removed_is_out_at_once(bobs: Browser, world: World) -> None:
    lynx, links = bobs("Lynx"), bobs("Links")
    assert end_all(actor=world.actor("olga"), user=world.person("bob")) == 2
    assert not signed_in(lynx)
    assert not signed_in(links)
    assert recorded("session.end") == [("olga@example.org", "2 of bob@example.org", ["succeeded"])]


def test_a_session_is_written_once_a_minute(bobs: Browser) -> None:
    lynx = bobs()
    seen = last_seen()
    signed_in(lynx)
    assert last_seen() == seen
    later(seconds=61)
    signed_in(lynx)
    assert last_seen() >= seen


def test_it_shows_where_it_was_last_seen(bobs: Browser) -> None:
    lynx = bobs(address="203.0.113.7")
    later(minutes=2)
    lynx.get("/", REMOTE_ADDR="2001:db8::1")
    assert Session.objects.get().address == "2001:db8::1"


def test_a_request_through_a_socket_file(bobs: Browser) -> None:
    lynx = bobs(address="")
    assert len(lynx.get(SESSIONS).context["sessions"]) == 1


def test_as_many_queries_for_ten_as_for_one(bobs: Browser) -> None:
    lynx = bobs()
    lynx.get(SESSIONS)  # which says that he signed in
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            lynx.get(SESSIONS)
        counts.append(len(queries))
        for number in range(9):
            bobs(f"Links {number}")
    assert counts[0] == counts[1]


def test_an_agent_is_text(bobs: Browser) -> None:
    page = bobs("<b>Lynx</b>").get(SESSIONS)
    assert "&lt;b&gt;Lynx" in page.text


def test_a_password_that_an_operator_sets_ends_them_all(
    bobs: Browser, as_: Callable[[str], Client], world: World
) -> None:
    lynx, olga, bob = bobs("Lynx"), as_("olga"), world.person("bob")
    page, olgas = "/admin/console/user/{}/password/", world.person("olga").pk
    short = {"password1": "short", "password2": "short", "usable_password": "true"}
    assert olga.post(page.format(bob.pk), short).status_code == 200
    assert signed_in(lynx)
    form = {"password1": "another one 1", "password2": "another one 1", "usable_password": "true"}
    assert olga.post(page.format(bob.pk), form).status_code == 302
    assert not Session.objects.filter(user=bob).exists()  # none is listed that is dead
    assert not signed_in(lynx)
    assert recorded("session.end") == [("olga@example.org", "1 of bob@example.org", ["succeeded"])]
    assert olga.post(page.format(olgas), form).status_code == 302
    assert signed_in(olga)  # her own stays


def test_a_new_key_makes_a_session_no_younger(as_: Callable[[str], Client], world: World) -> None:
    """As an operator's own does, who sets his own password and is not asked for the old one."""
    olga, page = as_("olga"), f"/admin/console/user/{world.person('olga').pk}/password/"
    begun, address = timezone.now() - timedelta(hours=11), "203.0.113.7"
    Session.objects.update(created_at=begun, agent="Lynx", address=address)
    form = {"password1": "another one 1", "password2": "another one 1", "usable_password": "true"}
    old = olga.cookies["sessionid"].value
    assert olga.post(page, form).status_code == 302
    session = Session.objects.get()
    assert session.session_key != old
    assert (session.created_at, session.agent, session.address) == (begun, "Lynx", address)


def test_what_a_session_was_does_not_go_to_the_next(bobs: Browser) -> None:
    lynx = bobs()
    later(hours=13)
    lynx.get("/")  # which ends it, and holds the message that says so
    assert timezone.now() - Session.objects.get().created_at < timedelta(hours=13)
