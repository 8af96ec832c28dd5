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
everywhere = pytest.mark.parametrize("there", ELSEWHERE)


def stays(address: str) -> bool:
    """Say whether a browser on the console would stay there: it reads \\ as / and drops tabs."""
    plain = address.strip().replace("\\", "/").translate(dict.fromkeys(map(ord, "\t\r\n")))
    return plain.startswith("/") and not plain.startswith("//") and not urlsplit(plain).netloc


def sign_in(client: Client, url: str, **fields: str) -> str:
    """Return where a sign-in leads."""
    post = {"login": "bob@example.org", "password": PASSWORD} | fields
    answer = client.post(url, post)
    assert answer.status_code == 302
    return str(answer["Location"])


def test_it_works(world: World, client: Client) -> None:
    world.person("bob")
    asked = client.get("/apps/d1shop/activity/?q=key")
    assert asked["Location"] == "/accounts/login/?next=/apps/d1shop/activity/%3Fq%3Dkey"
    page = client.get(asked["Location"])
    then = page.context["redirect_field_value"]
    assert sign_in(client, "/accounts/login/", next=then) == "/apps/d1shop/activity/?q=key"


@everywhere
def test_signing_in(world: World, there: str) -> None:
    world.person("bob")
    assert sign_in(Client(), "/accounts/login/", next=there) == "/"
    query = urlencode({"next": there})
    assert sign_in(Client(), f"/accounts/login/?{query}") == "/"


@everywhere
def test_being_signed_in_already(as_: Callable[[str], Client], there: str) -> None:
    answer = as_("bob").get("/accounts/login/", query_params={"next": there})
    assert stays(answer["Location"])


@everywhere
def test_signing_out(as_: Callable[[str], Client], there: str) -> None:
    answer = as_("bob").post("/accounts/logout/", {"next": there})
    assert stays(answer["Location"])


@everywhere
def test_signing_out_of_the_admin(as_: Callable[[str], Client], there: str) -> None:
    answer = as_("olga").post("/admin/logout/", {"next": there})
    assert answer.status_code == 200 or stays(answer["Location"])


@everywhere
def test_the_admins_sign_in(as_: Callable[[str], Client], there: str) -> None:
    for client in (Client(), as_("olga")):
        answer = client.get("/admin/login/", query_params={"next": there})
        assert stays(answer["Location"])


@everywhere
def test_changing_the_password(as_: Callable[[str], Client], there: str) -> None:
    new = {"password1": "another long one", "password2": "another long one"}
    post = new | {"oldpassword": PASSWORD, "next": there}
    answer = as_("bob").post("/accounts/password/change/", post)
    assert answer.status_code == 302
    assert stays(answer["Location"])


@pytest.mark.parametrize("url", ["//evil.example/", "//evil.example", "/%2F/evil.example/.."])
def test_the_slash_that_is_added(world: World, url: str) -> None:
    answer = Client().get(url)
    assert answer.status_code == 404 or stays(answer["Location"])
