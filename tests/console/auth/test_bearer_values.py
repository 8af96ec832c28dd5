"""A copy of the database holds nothing that signs anyone in or opens a link (guarantees 28 and 29).

One of each value that a browser or person presents is made; then every table is searched for it,
and every word in a table is presented in its place.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.db import connection
from django.http import Http404
from django.test import Client

from console.auth import account_links
from console.auth.mfa import recovery_codes
from console.auth.session_backend import SessionStore
from console.members import invitations
from console.models import AccountLink
from tests.console.auth.conftest import SIGN_IN, post
from tests.console.auth.test_second_factor import APP, set_up
from tests.fixtures.people import PASSWORD, World
from tests.leaks.detector import rows

pytestmark = [pytest.mark.exhaustive_on_postgres, pytest.mark.usefixtures("clock")]
WORD = re.compile(r"[\w.+/=~:-]{8,}")


@pytest.fixture
def values(
    world: World, sign_in_bob: Callable[..., Client], client_for: Callable[[str], Client]
) -> dict[str, str]:
    """Make one of each value that gives access, and return them by name."""
    browser, alice, mia = sign_in_bob(), client_for("alice"), client_for("mia")
    made = {"password": PASSWORD, "authenticator app": set_up(browser)}
    made["recovery code"] = recovery_codes.generate(world.person("bob"))[0].replace("-", "")
    mia.get(APP)
    made["authenticator app, not confirmed yet"] = mia.session["mfa.totp.secret"]
    made["session"] = browser.cookies["sessionid"].value
    made["session before the second factor"] = pending_session()
    made["known browser"] = browser.cookies["known"].value
    made["CSRF token"] = csrf_token()
    form = {"email": "new@example.org", "role": "viewer"}
    page = alice.post("/apps/d1shop/settings/members/invite/", form).text
    made["invitation"] = re.findall(r"/invitations/(\S+?)/", page)[0]
    for kind in AccountLink.Kind:
        made[f"link for {kind.label}"] = account_links.make_link(
            actor=world.actor("olga"), user=world.person("bob"), kind=kind, link_to=str
        )
    return made


def pending_session() -> str:
    """Return the session of someone who has given their password and not yet the code."""
    client = Client()
    post(client, "bob@example.org")
    return client.cookies["sessionid"].value


def csrf_token() -> str:
    """Return a browser's CSRF cookie, after a form that was refused."""
    client = Client()
    client.get(SIGN_IN)
    post(client, "bob@example.org", "wrong")
    return client.cookies["csrftoken"].value


def cells() -> list[tuple[str, str]]:
    """Return (table, row) of every row, as text."""
    return [(table, row.decode("utf-8", "replace")) for table, row in rows()]


def test_it_works(values: dict[str, str]) -> None:
    tables = cells()
    assert {
        "console_session",
        "console_accountlink",
        "console_invitation",
        "mfa_authenticator",
    } <= {table for table, _ in tables}
    found = [
        (name, table) for name, value in values.items() for table, row in tables if value in row
    ]
    assert found == []


def test_nothing_stored_opens_anything(values: dict[str, str]) -> None:
    words = {word for _, row in cells() for word in WORD.findall(row)}
    assert len(words) > 100
    assert values["session"] not in words
    for word in words:
        assert SessionStore(word).load() == {}, word
        for find in (account_links.find_link, invitations.find_invitation):
            with pytest.raises(Http404):
                find(word)


def test_what_was_made_works(values: dict[str, str], client: Client) -> None:
    """Otherwise the tests above would show nothing."""
    assert SessionStore(values["session"]).load()["_auth_user_id"]
    assert "account_login" in SessionStore(values["session before the second factor"]).load()
    assert invitations.find_invitation(values["invitation"]).email == "new@example.org"
    for kind in AccountLink.Kind:
        assert account_links.find_link(values[f"link for {kind.label}"]).kind == kind
    user = Authenticator.objects.filter(type="totp").get().user
    assert recovery_codes.consume(user, values["recovery code"])


def test_search_sees_a_plain_value(values: dict[str, str], world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE console_app SET name = %s", [values["session"]])
    plain: Any = [table for table, row in cells() if values["session"] in row]
    assert set(plain) == {"console_app"}
