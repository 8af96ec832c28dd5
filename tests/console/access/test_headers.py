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
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
TELLING = {"Server", "X-Powered-By", "Access-Control-Allow-Origin"}


def assert_guarded(answer: Any) -> None:
    """Check the headers of a response."""
    policy = answer.headers["Content-Security-Policy"]
    assert {part.strip() for part in policy.split(";")} == CONTENT_SECURITY_POLICY
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert not TELLING & set(answer.headers)


def test_it_works(as_: Callable[[str], Client], secret: Secret) -> None:
    answer = as_("alice").get("/apps/d1shop/hosting/secrets/")
    assert answer.status_code == 200
    assert_guarded(answer)
    assert kept_out_of_caches(answer)


def kept_out_of_caches(answer: Any) -> bool:
    """Say whether no shared cache may keep a response, and none may confuse it."""
    cached = answer.headers["Cache-Control"]
    varies = {word.strip() for word in answer.headers["Vary"].split(",")}
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
def test_errors(as_: Callable[[str], Client], secret: Secret, status: int) -> None:
    client = as_("alice")
    client.raise_request_exception = False
    answer = ERRORS[status](client, secret)
    assert answer.status_code == status
    assert_guarded(answer)


def test_a_post_without_its_token(world: World) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/")
    assert answer.status_code == 403
    assert_guarded(answer)


def test_a_post_that_is_too_large(as_: Callable[[str], Client], world: World) -> None:
    fields = {f"value-{number}": "x" for number in range(1001)}
    answer = as_("alice").post("/apps/d1shop/hosting/secrets/manage/", fields)
    assert answer.status_code == 400
    assert_guarded(answer)


def test_a_redirect_to_the_slash(as_: Callable[[str], Client], world: World) -> None:
    answer = as_("alice").get("/apps/new")
    assert answer.status_code == 301
    assert_guarded(answer)


def test_a_revealed_value(as_: Callable[[str], Client], secret: Secret) -> None:
    answer = as_("alice").post(f"/apps/d1shop/hosting/secrets/{secret.pk}/reveal/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert_guarded(answer)


def test_a_static_file(client: Client, tmp_path: Any, settings: Any) -> None:
    (tmp_path / "picture.svg").write_text("<svg/>")
    settings.STATIC_ROOT = tmp_path
    answer = client.get("/static/picture.svg")
    assert answer.status_code == 200
    assert b"".join(answer) == b"<svg/>"
    assert_guarded(answer)


def test_no_transport_security_without_tls(client: Client) -> None:
    assert "Strict-Transport-Security" not in client.get("/healthz").headers
