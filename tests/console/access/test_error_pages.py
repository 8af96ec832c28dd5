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
from tests.console.access.conftest import VALUE
from tests.console.access.test_headers import ERRORS
from tests.fixtures.people import World

INSIDE = re.compile(
    r"Traceback|site-packages|\.py\b|Exception|RuntimeError|django|gunicorn|sqlite|postgres",
    re.IGNORECASE,
)
REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner, whose client lets the console answer for its own faults."""
    client = as_("alice")
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize("status", sorted(ERRORS))
@pytest.mark.usefixtures("broken_store")
def test_it_works(alice: Client, secret: Secret, status: int) -> None:
    answer = ERRORS[status](alice, secret)
    page = answer.text
    assert answer.status_code == status
    assert str(status) in page
    assert 'href="/"' in page  # a way on
    assert not INSIDE.search(page)
    assert str(settings.BASE_DIR) not in page
    assert VALUE not in page


@pytest.mark.parametrize("status", [403, 404, 500])
@pytest.mark.usefixtures("broken_store")
def test_the_request_id_is_the_logs(
    alice: Client, secret: Secret, caplog: Any, status: int
) -> None:
    page = ERRORS[status](alice, secret).text
    [shown] = set(REQUEST_ID.findall(page))
    ends = ("request_finished", "request_failed")
    lines = [str(record.msg) for record in caplog.records]
    logged = [line for line in lines if any(end in line for end in ends)]
    assert shown in logged[-1]


def test_an_id_from_outside_is_not_taken(alice: Client) -> None:
    page = alice.get("/nowhere/", headers={"X-Request-ID": "<script>x"}).text
    assert "script>x" not in page
    assert REQUEST_ID.search(page)


def test_a_refusal_says_which_role_is_in_the_way(as_: Callable[[str], Client]) -> None:
    answer = as_("vera").get("/apps/d1shop/settings/general/")
    assert answer.status_code == 403
    assert "Your role in this app (viewer" in answer.text
    assert "Ask an owner of the app for a role that does." in answer.text


def test_a_refusal_of_an_operators_page(as_: Callable[[str], Client]) -> None:
    page = as_("alice").get("/apps/new/").text
    assert "Only operators can do this. Ask an operator for help." in page
    assert "Ask an owner" not in page


@pytest.mark.parametrize("status", [403, 404])
def test_a_fragment_gets_one_sentence(alice: Client, secret: Secret, status: int) -> None:
    url = {403: "/apps/new/", 404: "/apps/d2other/"}[status]
    answer = alice.get(url, headers={"HX-Request": "true"})
    assert answer.status_code == status
    assert "<html" not in answer.text
    assert answer.text.strip()


def test_a_wrong_method_has_a_page_too(alice: Client, secret: Secret) -> None:
    answer = alice.get(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.status_code == 405
    assert 'href="/"' in answer.text


def test_what_is_missing_is_not_told_from_what_is_hidden(alice: Client, world: World) -> None:
    hidden, missing = alice.get("/apps/d2other/"), alice.get("/apps/d2othre/")
    assert REQUEST_ID.sub("", hidden.text) == REQUEST_ID.sub("", missing.text)


@pytest.mark.parametrize("path", ["/apps/%00/", "/apps/d1shop%00/", "/setup/%00/", "/%00/"])
def test_a_nul_in_the_address(alice: Client, path: str) -> None:
    assert alice.get(path).status_code == 404


def test_who_is_signed_out_while_he_saves_is_told_so(alice: Client) -> None:
    """By an operator, or in another browser; what he sent is done, and the answer is lost."""

    def ending(execute: Any, sql: str, *arguments: Any) -> Any:
        if sql.startswith('INSERT INTO "console_branch"'):
            Session.objects.all().delete()
        return execute(sql, *arguments)

    with connection.execute_wrapper(ending):
        answer = alice.post("/apps/d1shop/settings/branches/add/", {"name": "new", "stage": "BETA"})
    assert answer.status_code == 400
    assert "You have been signed out" in answer.text
    assert "check before you send it again" in answer.text
    assert Branch.objects.filter(name="new").exists()
    assert alice.get("/").status_code == 302
