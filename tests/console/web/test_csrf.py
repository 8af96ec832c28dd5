"""Every unsafe request without a CSRF token gets a 403 (guarantee 19)."""

from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client

from console.models import App, Branch
from secrets_app.models import Secret
from tests.console.access.routes import UNSAFE, routes, url_of
from tests.factories import audit_events, last_event_id
from tests.fixtures.people import World

pytestmark = pytest.mark.usefixtures("no_logging")
ROUTES = sorted(set(routes()))


def strict(client: Client) -> Client:
    """Return a client with the same session, that enforces CSRF checks."""
    fresh = Client(enforce_csrf_checks=True)
    fresh.cookies = client.cookies
    return fresh


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the owner's browser, which has the CSRF cookie."""
    client = strict(client_for("alice"))
    client.get("/apps/d1shop/settings/general/")
    return client


@pytest.mark.parametrize("group", range(4))
def test_it_works(
    world: World, secret: Secret, client_for: Callable[[str], Client], group: int
) -> None:
    alice, olga = (strict(client_for(name)) for name in ("alice", "olga"))
    tables = (App, Branch, Secret)
    urls = [url_of(route, world, secret) for route in ROUTES[group::4]]
    before, start = [list(table.objects.values()) for table in tables], last_event_id()
    for url in urls:
        for method in UNSAFE:
            response = (olga if url.startswith("/admin/") else alice).generic(method, url)
            assert response.status_code == 403, (method, url)
            assert "Your browser sent no cookie" in response.text or "incomplete" in response.text
    assert [list(table.objects.values()) for table in tables] == before
    assert {event.action for event in audit_events(start)} == {"request.refuse"}


GENERAL = "/apps/d1shop/settings/general/"
FORM = {"name": "Renamed", "path_profile": "both"}


def test_token_in_the_form(alice: Client) -> None:
    token = alice.get(GENERAL).context["csrf_token"]
    post = FORM | {"csrfmiddlewaretoken": str(token)}
    assert alice.post(GENERAL, post).status_code == 302


def test_token_in_the_header(alice: Client) -> None:
    token = str(alice.get(GENERAL).context["csrf_token"])
    assert alice.post(GENERAL, FORM, headers={"X-CSRFToken": token}).status_code == 302


@pytest.mark.parametrize("token", ["", "x" * 32, "x" * 64, "null"])
def test_wrong_token(alice: Client, token: str) -> None:
    post = FORM | {"csrfmiddlewaretoken": token}
    assert alice.post(GENERAL, post).status_code == 403


def test_token_of_another_user(alice: Client, client_for: Callable[[str], Client]) -> None:
    oscar = strict(client_for("oscar"))
    token = str(oscar.get("/apps/d2other/settings/general/").context["csrf_token"])
    assert alice.post(GENERAL, FORM | {"csrfmiddlewaretoken": token}).status_code == 403


def test_request_from_another_site(alice: Client) -> None:
    token = str(alice.get(GENERAL).context["csrf_token"])
    post = FORM | {"csrfmiddlewaretoken": token}
    response = alice.post(GENERAL, post, headers={"Origin": "https://evil.example"})
    assert response.status_code == 403


def test_htmx_request_gets_only_the_sentence(alice: Client) -> None:
    response = alice.post(GENERAL, FORM, headers={"HX-Request": "true"})
    assert response.status_code == 403
    assert "Nothing was changed. Go back, reload the page, and try again." in response.text
    assert "<html" not in response.text


def test_cookie_is_http_only(alice: Client) -> None:
    cookie = alice.cookies[settings.CSRF_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
