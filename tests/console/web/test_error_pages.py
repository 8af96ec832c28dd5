"""Error pages say what happened and what to do, and nothing internal (guarantee 47)."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from console.models import Branch, Session
from secrets_app.models import Secret
from tests.console.web.test_headers import ERRORS
from tests.fixtures.people import World

INSIDE = re.compile(
    r"Traceback|site-packages|\.py\b|Exception|RuntimeError|django|gunicorn|sqlite|postgres",
    re.IGNORECASE,
)
REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the owner's browser, which gets error pages instead of exceptions."""
    client = client_for("alice")
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("status", sorted(ERRORS))
@pytest.mark.usefixtures("broken_store")
def test_it_works(alice: Client, secret: Secret, status: int) -> None:
    response = ERRORS[status](alice, secret)
    page = response.text
    assert response.status_code == status
    assert str(status) in page
    assert 'href="/"' in page  # a link to continue
    assert not INSIDE.search(page)
    assert str(settings.BASE_DIR) not in page
    assert "the value of a secret" not in page


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.usefixtures("broken_store")
def test_request_id_is_the_one_in_the_log(
    alice: Client, secret: Secret, caplog: Any, status: int
) -> None:
    page = ERRORS[status](alice, secret).text
    [shown] = set(REQUEST_ID.findall(page))
    ends = ("request_finished", "request_failed")
    lines = [str(record.msg) for record in caplog.records]
    logged = [line for line in lines if any(end in line for end in ends)]
    assert shown in logged[-1]


def test_request_id_of_the_client_is_ignored(alice: Client) -> None:
    page = alice.get("/nowhere/", headers={"X-Request-ID": "<script>x"}).text
    assert "script>x" not in page
    assert REQUEST_ID.search(page)


def test_denied_page_names_the_role(client_for: Callable[[str], Client]) -> None:
    response = client_for("vera").get("/apps/d1shop/settings/general/")
    assert response.status_code == 403
    assert "Your role in this app (viewer" in response.text
    assert "Ask an owner of the app for a role that does." in response.text


def test_denied_operators_page(client_for: Callable[[str], Client]) -> None:
    page = client_for("alice").get("/apps/new/").text
    assert "Only operators can do this. Ask an operator for help." in page
    assert "Ask an owner" not in page


@pytest.mark.parametrize("status", [403, 404])
def test_htmx_request_gets_one_sentence(alice: Client, secret: Secret, status: int) -> None:
    url = {403: "/apps/new/", 404: "/apps/d2other/"}[status]
    response = alice.get(url, headers={"HX-Request": "true"})
    assert response.status_code == status
    assert "<html" not in response.text
    assert response.text.strip()


def test_wrong_method_has_a_page(alice: Client, secret: Secret) -> None:
    response = alice.get(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.status_code == 405
    assert 'href="/"' in response.text


def test_missing_and_hidden_look_the_same(alice: Client, world: World) -> None:
    hidden, missing = alice.get("/apps/d2other/"), alice.get("/apps/d2othre/")
    assert REQUEST_ID.sub("", hidden.text) == REQUEST_ID.sub("", missing.text)


@pytest.mark.parametrize("path", ["/apps/%00/", "/apps/d1shop%00/", "/setup/%00/", "/%00/"])
def test_nul_in_the_url(alice: Client, path: str) -> None:
    assert alice.get(path).status_code == 404


def test_session_ends_during_a_save(alice: Client) -> None:
    """Their session was ended elsewhere while the request ran: it took effect, the page is lost."""

    def ending(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith('INSERT INTO "console_branch"'):
            Session.objects.all().delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(ending):
        response = alice.post(
            "/apps/d1shop/settings/branches/add/", {"name": "new", "stage": "BETA"}
        )
    assert response.status_code == 400
    assert "You have been signed out" in response.text
    assert "check before you send it again" in response.text
    assert Branch.objects.filter(name="new").exists()
    assert alice.get("/").status_code == 302
