"""Every unsafe request without a CSRF token is answered with 403 (guarantee 19)."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from console.models import App, AuditEvent, Branch
from secrets_app.models import Secret
from tests.console.access.routes import UNSAFE, routes, url_of
from tests.fixtures.people import World

pytestmark = pytest.mark.usefixtures("quiet")
ROUTES = sorted(set(routes()))


def strict(client: Client) -> Client:
    """Return a client with the same session, that checks what browsers are to send."""
    fresh = Client(enforce_csrf_checks=True)
    fresh.cookies = client.cookies
    return fresh


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner, with a browser that has the CSRF cookie."""
    client = strict(as_("alice"))
    client.get("/apps/d1shop/settings/general/")
    return client


@pytest.mark.parametrize("group", range(4))
def test_it_works(world: World, secret: Secret, as_: Callable[[str], Client], group: int) -> None:
    alice, olga = (strict(as_(name)) for name in ("alice", "olga"))
    tables = (App, Branch, Secret, AuditEvent)
    urls = [url_of(route, world, secret) for route in ROUTES[group::4]]
    before = [list(table.objects.values()) for table in tables]
    for url in urls:
        for method in UNSAFE:
            answer = (olga if url.startswith("/admin/") else alice).generic(method, url)
            assert answer.status_code == 403, (method, url)
            assert "This page has expired" in answer.text
    assert [list(table.objects.values()) for table in tables] == before


GENERAL = "/apps/d1shop/settings/general/"
FORM = {"name": "Renamed", "path_profile": "both"}


def test_with_the_token_of_the_form(alice: Client) -> None:
    token = alice.get(GENERAL).context["csrf_token"]
    post = FORM | {"csrfmiddlewaretoken": str(token)}
    assert alice.post(GENERAL, post).status_code == 302


def test_with_the_token_in_the_header(alice: Client) -> None:
    token = str(alice.get(GENERAL).context["csrf_token"])
    assert alice.post(GENERAL, FORM, headers={"X-CSRFToken": token}).status_code == 302


@pytest.mark.parametrize("token", ["", "x" * 32, "x" * 64, "null"])
def test_with_another_token(alice: Client, token: str) -> None:
    post = FORM | {"csrfmiddlewaretoken": token}
    assert alice.post(GENERAL, post).status_code == 403


def test_with_somebody_elses_token(alice: Client, as_: Callable[[str], Client]) -> None:
    oscar = strict(as_("oscar"))
    token = str(oscar.get("/apps/d2other/settings/general/").context["csrf_token"])
    assert alice.post(GENERAL, FORM | {"csrfmiddlewaretoken": token}).status_code == 403


def test_from_another_site(alice: Client) -> None:
    token = str(alice.get(GENERAL).context["csrf_token"])
    post = FORM | {"csrfmiddlewaretoken": token}
    answer = alice.post(GENERAL, post, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403


def test_a_fragment_gets_the_sentence_alone(alice: Client) -> None:
    answer = alice.post(GENERAL, FORM, headers={"HX-Request": "true"})
    assert answer.status_code == 403
    assert "Nothing was changed. Try again." in answer.text
    assert "<html" not in answer.text


def test_the_cookie_is_not_for_scripts(alice: Client) -> None:
    cookie = alice.cookies[settings.CSRF_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
