"""Headers of every response, errors and the admin included (guarantees 20 and 21)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from secrets_app.models import Secret
from tests.fixtures.people import World

CONTENT_SECURITY_POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TELLING = {"Server", "X-Powered-By", "Access-Control-Allow-Origin"}


def assert_guarded(response: Any) -> None:
    """Check the security headers of a response."""
    policy = response.headers["Content-Security-Policy"]
    assert {part.strip() for part in policy.split(";")} == CONTENT_SECURITY_POLICY
    assert {name: response.headers.get(name) for name in ALWAYS} == ALWAYS
    # `strict-origin` where the address is a credential
    assert response.headers["Referrer-Policy"] in {"same-origin", "strict-origin"}
    assert not TELLING & set(response.headers)


def test_it_works(client_for: Callable[[str], Client], secret: Secret) -> None:
    response = client_for("alice").get("/apps/d1shop/hosting/secrets/")
    assert response.status_code == 200
    assert_guarded(response)
    assert kept_out_of_caches(response)


def kept_out_of_caches(response: Any) -> bool:
    """Return True if no shared cache may store the response or mix it up with another."""
    cached = response.headers["Cache-Control"]
    varies = {word.strip() for word in response.headers["Vary"].split(",")}
    return ("private" in cached or "no-store" in cached) and {"Cookie", "HX-Request"} <= varies


ERRORS: dict[int, Callable[[Client, Secret], Any]] = {
    400: lambda client, _: client.get("/", headers={"host": "evil.example"}),
    403: lambda client, _: client.get("/apps/new/"),
    404: lambda client, _: client.get("/nowhere/"),
    405: lambda client, it: client.get(f"/apps/d1shop/hosting/secrets/{it.pk}/reveal/"),
    500: lambda client, it: client.post(f"/apps/d1shop/hosting/secrets/{it.pk}/reveal/"),
}


@pytest.mark.parametrize("status", ERRORS)
@pytest.mark.usefixtures("broken_store")
def test_errors(client_for: Callable[[str], Client], secret: Secret, status: int) -> None:
    client = client_for("alice")
    client.raise_request_exception = False
    response = ERRORS[status](client, secret)
    assert response.status_code == status
    assert_guarded(response)


def test_post_without_csrf_token(world: World) -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/")
    assert response.status_code == 403
    assert_guarded(response)


def test_post_that_is_too_large(client_for: Callable[[str], Client], world: World) -> None:
    fields = {f"value-{number}": "x" for number in range(1001)}
    response = client_for("alice").post("/apps/d1shop/hosting/secrets/manage/", fields)
    assert response.status_code == 400
    assert_guarded(response)


def test_redirect_to_the_slash(client_for: Callable[[str], Client], world: World) -> None:
    response = client_for("alice").get("/apps/new")
    assert response.status_code == 301
    assert_guarded(response)


def test_revealed_value(client_for: Callable[[str], Client], secret: Secret) -> None:
    response = client_for("alice").post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert response.headers["Cache-Control"] == "no-store"
    assert_guarded(response)


def test_static_file(client: Client, tmp_path: Any, settings: Any) -> None:
    (tmp_path / "picture.svg").write_text("<svg/>")
    settings.STATIC_ROOT = tmp_path
    response = client.get("/static/picture.svg")
    assert response.status_code == 200
    assert b"".join(response) == b"<svg/>"
    assert_guarded(response)


def test_no_transport_security_without_tls(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers
