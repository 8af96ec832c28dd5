"""Signing in and out. There is no sign-up."""

from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from console import settings as product
from console.models import User
from tests.fixtures.people import PASSWORD, World

SIGN_IN = "/accounts/login/"


def post(client: Client, email: str, password: str = PASSWORD, **more: Any) -> Any:
    """Post the sign-in form and return the response."""
    return client.post(SIGN_IN, {"login": email, "password": password}, **more)


@pytest.fixture(autouse=True)
def _people(world: World) -> None:
    """Create bob and ivan."""
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
def test_email_ignores_case(client: Client, email: str) -> None:
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
def test_failures_look_alike(client: Client, email: str, password: str) -> None:
    response = post(client, email, password)
    assert response.status_code == 200
    assert response.context["form"].non_field_errors() == [
        "The email address and/or password you specified are not correct."
    ]
    assert password not in response.text
    assert client.get("/").status_code == 302


def test_password_hash_follows_owasp(settings: Any) -> None:
    settings.PASSWORD_HASHERS = product.PASSWORD_HASHERS
    assert make_password(PASSWORD).startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


def test_disabled_user(client: Client) -> None:
    response = post(client, "ivan@example.org")
    assert response["Location"] == "/accounts/inactive/"
    assert client.get("/").status_code == 302


@pytest.mark.parametrize("method", ["get", "post"])
def test_no_sign_up(client: Client, method: str) -> None:
    form = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}
    response = getattr(client, method)("/accounts/signup/", form)
    assert "Only operators can add people." in response.text
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
def test_disabled_account_pages(client_for: Any, page: str) -> None:
    assert client_for("olga").get(f"/{page}").status_code == 404


def test_admin_uses_the_same_sign_in(client: Client) -> None:
    response = client.post("/admin/login/", {"username": "bob@example.org", "password": PASSWORD})
    assert response["Location"].startswith(SIGN_IN)
    assert client.get("/").status_code == 302
