"""Signing in and out; nobody signs up."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from console import settings as product
from console.models import User
from tests.fixtures.people import PASSWORD, World

SIGN_IN = "/accounts/login/"


def post(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """Return the answer to a sign-in."""
    return client.post(SIGN_IN, {"login": email, "password": password}, **more)


@pytest.fixture(autouse=True)
def _people(world: World) -> None:
    """Let bob and ivan be there."""
    for name in ("bob", "ivan"):
        world.person(name)


def test_it_works(client: Client) -> None:
    page = client.get("/", follow=True)
    assert "Sign in" in page.text
    assert post(client, "bob@example.org")["Location"] == "/"
    home = client.get("/")
    assert home.context["user"].email == "bob@example.org"
    assert client.post("/accounts/logout/")["Location"] == SIGN_IN
    assert client.get("/")["Location"] == f"{SIGN_IN}?next=/"


@pytest.mark.parametrize("email", ["BOB@example.org", " bob@example.org ", "Bob@Example.ORG"])
def test_an_address_is_compared_without_case(client: Client, email: str) -> None:
    assert post(client, email).status_code == 302


@pytest.mark.parametrize(
    ("email", "password"),
    [
        ("bob@example.org", "wrong"),
        ("bob@example.org", f"{PASSWORD} "),
        ("nobody@example.org", PASSWORD),
        ("ivan@example.org", "wrong"),
    ],
)
def test_a_failure_does_not_say_what_was_wrong(client: Client, email: str, password: str) -> None:
    answer = post(client, email, password)
    assert answer.status_code == 200
    assert answer.context["form"].non_field_errors() == [
        "The email address and/or password you specified are not correct."
    ]
    assert password not in answer.text
    assert client.get("/").status_code == 302


def test_a_password_costs_what_owasp_asks(settings: Any) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_a_disabled_person(client: Client) -> None:
    answer = post(client, "ivan@example.org")
    assert answer["Location"] == "/accounts/inactive/"
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
def test_nobody_signs_up(client: Client, method: str) -> None:
    form = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}
    answer = getattr(client, method)("/accounts/signup/", form)
    assert "Only operators can add people." in answer.text
    assert not User.objects.filter(email="new@example.org").exists()


@pytest.mark.parametrize(
    "page",
    [
        "accounts/email/",
        "accounts/password/reset/",
        "accounts/password/set/",
        "accounts/confirm-email/",
        "accounts/login/code/",
        "accounts/google/login/",
        "accounts/sessions/1/",
        "admin/usersessions/usersession/",
        "admin/account/emailaddress/",
        "admin/password_reset/",
    ],
)
def test_what_is_not_offered(as_: Any, page: str) -> None:
    assert as_("olga").get(f"/{page}").status_code == 404


def test_the_admin_has_no_sign_in_of_its_own(client: Client) -> None:
    answer = client.post("/admin/login/", {"username": "bob@example.org", "password": PASSWORD})
    assert answer["Location"].startswith(SIGN_IN)
    assert client.get("/").status_code == 302
