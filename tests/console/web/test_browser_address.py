"""Behind TLS on any port, and below a path: addresses, CSRF checks and links."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import set_script_prefix

from console.lib.hosts import parse_base_url
from tests.fixtures.people import PASSWORD, World

HOST = "console.example.com"
SIGN_IN = "/accounts/login/"


@pytest.fixture
def deployment(settings: Any, world: World) -> Iterator[Callable[[str], Client]]:
    """Return a function that deploys under an address and returns a browser."""

    def deploy(base_url: str = "") -> Client:
        settings.LOCAL = False
        settings.ALLOWED_HOSTS = [HOST, ".internal"]
        settings.BASE_URL = parse_base_url(base_url)
        settings.FORCE_SCRIPT_NAME = (settings.BASE_URL and settings.BASE_URL.path) or None
        # A server does this for each request, and Django's test client doesn't.
        set_script_prefix(settings.FORCE_SCRIPT_NAME or "/")
        world.person("bob")
        return Client(enforce_csrf_checks=True)

    yield deploy
    set_script_prefix("/")


def sign_in(client: Client, host: str, prefix: str = "", **headers: str) -> Any:
    """Post the sign-in form, as a browser does."""
    sent = {"host": host}
    page = client.get(f"{prefix}{SIGN_IN}", headers=sent)
    assert page.status_code == 200
    post = {
        "login": "bob@example.org",
        "password": PASSWORD,
        "csrfmiddlewaretoken": str(page.context["csrf_token"]),
    }
    return client.post(f"{prefix}{SIGN_IN}", post, headers=sent | headers)


def test_it_works(deployment: Callable[..., Client]) -> None:
    host = f"{HOST}:8443"
    response = sign_in(deployment(), host, origin=f"https://{host}")
    assert (response.status_code, response["Location"]) == (302, "/")


@pytest.mark.parametrize("host", [HOST, f"{HOST}:443", f"{HOST}:8443", "a.internal:9443"])
@pytest.mark.parametrize("header", ["origin", "referer"])
def test_any_port(deployment: Callable[..., Client], host: str, header: str) -> None:
    origin = f"https://{host}".removesuffix(":443")
    value = f"{origin}{SIGN_IN}" if header == "referer" else origin
    assert sign_in(deployment(), host, **{header: value}).status_code == 302


@pytest.mark.parametrize("passed", [HOST, f"{HOST}:8443", f"{HOST}:8000", HOST.upper()])
def test_proxy_that_drops_the_port(deployment: Callable[..., Client], passed: str) -> None:
    """BASE_URL says what the browser's address is."""
    client = deployment(f"https://{HOST}:8443")
    assert sign_in(client, passed, origin=f"https://{HOST}:8443").status_code == 302


@pytest.mark.parametrize(
    ("origin", "heading", "sentence"),
    [
        (
            "null",
            "Your browser hides where this form came from",
            "Your browser sent “Origin: null”",
        ),
        (
            "https://evil.example",
            "This form is from another site",
            f"from https://evil.example. Branchkeep&#x27;s address is https://{HOST}:8443.",
        ),
        (
            f"https://{HOST}",
            "Branchkeep is set up for another address",
            f"Open https://{HOST}:8443, or ask an operator to set BASE_URL",
        ),
        (f"https://{HOST}:9000", "Branchkeep is set up for another address", f"{HOST}:9000"),
        (f"http://{HOST}:8443", "Branchkeep is set up for another address", f"http://{HOST}:8443"),
        ("https://[", "This form is from another site", "https://["),
        ("<script>", "This form is from another site", "from &lt;script&gt;"),
    ],
)
@pytest.mark.parametrize("base_url", ["", f"https://{HOST}:8443"])
def test_refused_origin(
    deployment: Callable[..., Client], base_url: str, origin: str, heading: str, sentence: str
) -> None:
    response = sign_in(deployment(base_url), f"{HOST}:8443", origin=origin)
    assert response.status_code == 403
    assert f"<h1>{heading}</h1>" in response.text
    assert sentence in response.text
    assert "Nothing was changed." in response.text


def test_neither_origin_nor_referer(deployment: Callable[..., Client]) -> None:
    response = sign_in(deployment(), HOST)
    assert response.status_code == 403
    assert "neither an Origin nor a Referer header" in response.text


@pytest.mark.parametrize(
    "referer", ["http://console.example.com/", "https://evil.example/x", "nonsense", "https://["]
)
def test_refused_referer(deployment: Callable[..., Client], referer: str) -> None:
    response = sign_in(deployment(), HOST, referer=referer)
    assert response.status_code == 403
    assert "Your browser says that this form is from" in response.text


def test_no_cookie(deployment: Callable[..., Client]) -> None:
    headers = {"host": HOST, "origin": f"https://{HOST}"}
    response = deployment().post(SIGN_IN, {}, headers=headers)
    assert response.status_code == 403
    assert "<h1>Your browser sent no cookie</h1>" in response.text
    assert "begins with https://" in response.text


def test_old_token(deployment: Callable[..., Client]) -> None:
    client, headers = deployment(), {"host": HOST, "origin": f"https://{HOST}"}
    client.get(SIGN_IN, headers=headers)
    post = {"csrfmiddlewaretoken": "x" * 64}
    response = client.post(SIGN_IN, post, headers=headers)
    assert "<h1>This page has expired</h1>" in response.text
    response = client.post(SIGN_IN, post, headers=headers | {"HX-Request": "true"})
    assert "data-again" in response.text  # the page's script then fetches a new token
    response = client.post(SIGN_IN, {}, headers=headers | {"HX-Request": "true"})
    assert "This form arrived without the token" in response.text
    assert "data-again" not in response.text


@pytest.mark.parametrize("host", ["evil.example", f"{HOST}.evil.example", f"{HOST}:x", ""])
def test_unknown_host(deployment: Callable[..., Client], host: str) -> None:
    response = deployment().get(SIGN_IN, headers={"host": host})
    assert response.status_code == 400
    assert "<h1>Unknown host name</h1>" in response.text
    assert "must add its name to ALLOWED_HOSTS" in response.text
    assert "evil" not in response.text


@pytest.mark.parametrize("prefix", ["/branchkeep", ""])
def test_below_a_path(deployment: Callable[..., Client], prefix: str) -> None:
    """The proxy may pass the path on, or remove it."""
    client = deployment(f"https://{HOST}/branchkeep")
    signed_in = sign_in(client, HOST, prefix, origin=f"https://{HOST}")
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/branchkeep/")
    assert {cookie["path"] for cookie in client.cookies.values()} == {"/"}
    apps = client.get(f"{prefix}/", headers={"host": HOST})
    assert apps.status_code == 200
    assert 'href="/branchkeep/apps/d1shop/"' in apps.text
    assert 'href="/"' not in apps.text
    slash = client.get(f"{prefix}/apps/d1shop/hosting/secrets", headers={"host": HOST})
    assert slash["Location"] == "/branchkeep/apps/d1shop/hosting/secrets/"
    lost = client.get(f"{prefix}/nowhere/", headers={"host": HOST})
    assert (lost.status_code, 'href="/branchkeep/"' in lost.text) == (404, True)


def test_next_below_a_path(deployment: Callable[..., Client]) -> None:
    client = deployment(f"https://{HOST}/branchkeep")
    page = client.get("/branchkeep/apps/d1shop/", headers={"host": HOST})
    assert page["Location"] == "/branchkeep/accounts/login/?next=/branchkeep/apps/d1shop/"


@pytest.mark.parametrize("path", ["/branchkeep/healthz", "/healthz"])
def test_probe_below_a_path(deployment: Callable[..., Client], path: str) -> None:
    client = deployment(f"https://{HOST}/branchkeep")
    assert client.get(path, headers={"host": "10.0.0.7:8000"}).status_code == 200


def test_path_that_only_begins_alike(deployment: Callable[..., Client]) -> None:
    client = deployment(f"https://{HOST}/branchkeep")
    assert client.get("/branchkeeper/healthz", headers={"host": HOST}).status_code == 404


def test_forwarded_headers_change_nothing(deployment: Callable[..., Client], settings: Any) -> None:
    settings.PROXIES = settings.PROXIES.__class__(count=1)
    client = deployment(f"https://{HOST}/branchkeep")
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Port": "1",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Prefix": "/evil",
        "SCRIPT_NAME": "/evil",
    }
    response = sign_in(client, HOST, origin=f"https://{HOST}", **forged)
    assert (response.status_code, response["Location"]) == (302, "/branchkeep/")
