"""`next=` never leaves the site (guarantee 23)."""

from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

import pytest
from django.test import Client

from tests.fixtures.people import PASSWORD, World

ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example/",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    "https://testserver@evil.example/",
    "https://testserver.evil.example/",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "//testserver:pw@evil.example",
    "ftp://testserver/",
]
every_page = pytest.mark.parametrize("there", ELSEWHERE)


def stays(address: str) -> bool:
    """Return True if the URL stays on the site. Browsers read \\ as / and drop tabs."""
    plain = address.strip().replace("\\", "/").translate(dict.fromkeys(map(ord, "\t\r\n")))
    return plain.startswith("/") and not plain.startswith("//") and not urlsplit(plain).netloc


def sign_in(client: Client, url: str, **fields: str) -> str:
    """Sign in and return where the response redirects to."""
    post = {"login": "bob@example.org", "password": PASSWORD} | fields
    response = client.post(url, post)
    assert response.status_code == 302
    return str(response["Location"])


def test_it_works(world: World, client: Client) -> None:
    world.person("bob")
    asked = client.get("/apps/d1shop/activity/?q=key")
    assert asked["Location"] == "/accounts/login/?next=/apps/d1shop/activity/%3Fq%3Dkey"
    page = client.get(asked["Location"])
    then = page.context["redirect_field_value"]
    assert sign_in(client, "/accounts/login/", next=then) == "/apps/d1shop/activity/?q=key"


@every_page
def test_sign_in(world: World, there: str) -> None:
    world.person("bob")
    assert sign_in(Client(), "/accounts/login/", next=there) == "/"
    query = urlencode({"next": there})
    assert sign_in(Client(), f"/accounts/login/?{query}") == "/"


@every_page
def test_already_signed_in(client_for: Callable[[str], Client], there: str) -> None:
    response = client_for("bob").get("/accounts/login/", query_params={"next": there})
    assert stays(response["Location"])


@every_page
def test_sign_out(client_for: Callable[[str], Client], there: str) -> None:
    response = client_for("bob").post("/accounts/logout/", {"next": there})
    assert stays(response["Location"])


@every_page
def test_sign_out_of_the_admin(client_for: Callable[[str], Client], there: str) -> None:
    response = client_for("olga").post("/admin/logout/", {"next": there})
    assert response.status_code == 200 or stays(response["Location"])


@every_page
def test_sign_in_of_the_admin(client_for: Callable[[str], Client], there: str) -> None:
    for client in (Client(), client_for("olga")):
        response = client.get("/admin/login/", query_params={"next": there})
        assert stays(response["Location"])


@every_page
def test_password_change(client_for: Callable[[str], Client], there: str) -> None:
    new = {"password1": "another long one", "password2": "another long one"}
    post = new | {"oldpassword": PASSWORD, "next": there}
    response = client_for("bob").post("/accounts/password/change/", post)
    assert response.status_code == 302
    assert stays(response["Location"])


@pytest.mark.parametrize("url", ["//evil.example/", "//evil.example", "/%2F/evil.example/.."])
def test_appended_slash(world: World, url: str) -> None:
    response = Client().get(url)
    assert response.status_code == 404 or stays(response["Location"])
