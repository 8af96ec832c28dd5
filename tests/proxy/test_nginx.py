"""The console behind nginx with TLS, as in docs/deploy.md (guarantees 20 to 22 and 24).

The console is a real gunicorn with a database of its own; nginx is Debian's.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.web.test_headers import ALWAYS, CONTENT_SECURITY_POLICY
from tests.fixtures import nginx
from tests.fixtures.nginx import HOST
from tests.fixtures.waiting import until
from tests.proxy.browser import Browser, Response
from tests.proxy.site import (
    EMAIL,
    PASSWORD,
    SIGN_IN,
    TOKEN,
    Site,
    last_sign_in_address,
    open_browser,
    run_sql,
    signed_in_browser,
)
from tests.soak.replicas.server import Server

FORM = "/apps/new/"
HSTS = "max-age=31536000"
pytestmark = pytest.mark.slow


def assert_guarded(response: Response) -> None:
    """Check that the response has each security header exactly once."""
    headers = {name: response.headers.get_all(name) for name in ALWAYS}
    assert headers == {name: [value] for name, value in ALWAYS.items()}
    assert response.headers.get_all("Strict-Transport-Security") == [HSTS]
    [policy] = response.headers.get_all("Content-Security-Policy")
    assert {part.strip() for part in policy.split(";")} == CONTENT_SECURITY_POLICY
    assert response.headers["Server"] == "nginx"  # without a version
    assert not {"X-Powered-By", "Access-Control-Allow-Origin"} & set(response.headers)
    for cookie in response.cookies:
        assert cookie.key.startswith("__Host-")
        assert (cookie["secure"], cookie["httponly"]) == (True, True)
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")


def test_it_works(site: Site) -> None:
    browser = open_browser(site)
    page = browser.get(SIGN_IN)
    assert page.status == 200
    assert_guarded(page)
    signed_in = browser.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD})
    assert (signed_in.status, signed_in.headers["Location"]) == (302, "/")
    assert_guarded(signed_in)
    assert set(browser.cookies) == {"__Host-session", "__Host-csrf", "__Host-known"}
    apps = browser.get("/")
    assert apps.status == 200
    assert "Sample shop" in apps.text
    assert_guarded(apps)


def static(browser: Browser) -> Response:
    """Request a style sheet of the first page."""
    [name, *_] = re.findall(r"/static/[\w/.-]+\.css", browser.get("/").text)
    return browser.get(name, Accept_Encoding="gzip")


REQUESTS: dict[str, tuple[int, Callable[[Browser], Response]]] = {
    "a static file": (200, static),
    "a missing static file": (404, lambda browser: browser.get("/static/nothing.css")),
    "a page that is not there": (404, lambda browser: browser.get("/nowhere/")),
    "another host": (400, lambda browser: browser.get("/", Host="evil.example")),
    "a form without its token": (403, lambda browser: browser.post_plain(FORM, {"name": "x"})),
    "a form from elsewhere": (
        403, lambda browser: browser.post(FORM, {}, Origin="https://evil.example"),
    ),
    "the admin site": (200, lambda browser: browser.get("/admin/")),
    "a redirect": (301, lambda browser: browser.get("/apps/new")),
    "the process answers": (200, lambda browser: browser.get("/healthz")),
    "database and store response": (200, lambda browser: browser.get("/readyz")),
    "metrics without their token": (401, lambda browser: browser.get("/metrics")),
    "metrics": (200, lambda browser: browser.get("/metrics", Authorization=f"Bearer {TOKEN}")),
    "too much": (400, lambda browser: browser.post(FORM, {"name": "x" * 2_700_000})),
}  # fmt: skip


@pytest.mark.parametrize("kind", REQUESTS)
def test_every_kind_of_response(site: Site, kind: str) -> None:
    status, send = REQUESTS[kind]
    response = send(signed_in_browser(site))
    assert response.status == status
    assert_guarded(response)


def test_static_files_are_compressed(site: Site) -> None:
    response = static(signed_in_browser(site))
    assert response.headers["Content-Encoding"] == "gzip"
    assert "immutable" in response.headers["Cache-Control"]


def test_internal_error(site: Site) -> None:
    browser = signed_in_browser(site)
    run_sql(site, "ALTER TABLE console_app RENAME TO gone")
    try:
        response = browser.get("/")
    finally:
        run_sql(site, "ALTER TABLE gone RENAME TO console_app")
    assert response.status == 500
    assert_guarded(response)
    assert "console_app" not in response.text


def test_log_has_no_query_string_and_no_link(site: Site) -> None:
    browser = signed_in_browser(site)
    address = f"https://{HOST}/activity/?q=c4n4ry"
    browser.get("/activity/?q=c4n4ry", Referer=address)
    browser.get("/invitations/c4n4ry/")
    browser.get("/setup/c4n4ry/?next=c4n4ry")
    browser.get("/?q=%FF%00%zzc4n4ry")
    open_browser(site).request("GET", "/?q=c4n4ry", headers={}, tls=False)
    for line in ("GET /activity/", "GET /invitations/[redacted]", "GET /setup/[redacted]"):
        until(lambda line=line: f'"{line}" ' in site.nginx.logged())
    assert "c4n4ry" not in site.nginx.logged()
    assert "c4n4ry" not in site.console.log.read_text()
    assert "GET /activity/?[redacted]" in site.console.log.read_text()


def test_http_redirects_to_https(site: Site) -> None:
    for host in (HOST, "evil.example"):
        response = open_browser(site).request(
            "GET", "/apps/?q=1", headers={"Host": host}, tls=False
        )
        assert response.status == 301
        assert response.headers["Location"] == f"https://{HOST}/apps/?q=1"
        assert response.cookies == []


def fail_to_sign_in(browser: Browser, **headers: str) -> None:
    """Record a failed sign-in in the audit log."""
    fields = {"login": EMAIL, "password": "wrong"}
    assert browser.post(SIGN_IN, fields, **headers).status in {200, 429}


def test_audit_log_has_the_client_address(site: Site) -> None:
    fail_to_sign_in(open_browser(site, "127.0.0.2"))
    assert last_sign_in_address(site) == "127.0.0.2"


def test_forged_address_header(site: Site) -> None:
    fail_to_sign_in(open_browser(site, "127.0.0.3"), X_Forwarded_For="203.0.113.9")
    assert last_sign_in_address(site) == "127.0.0.3"


def test_headers_of_a_client_that_bypasses_nginx(site: Site) -> None:
    forged = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https", "SCRIPT_NAME": "/x"}
    browser = open_browser(site, "127.0.0.4", bypass_nginx=True)
    fail_to_sign_in(browser, **forged)
    assert last_sign_in_address(site) == "127.0.0.4"


@pytest.mark.parametrize("bypass_nginx", [False, True])
def test_forged_headers_change_no_redirect(site: Site, bypass_nginx: bool) -> None:
    browser = open_browser(site, bypass_nginx=bypass_nginx)
    plain = browser.get("/apps/new")
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Prefix": "/evil",
        "SCRIPT_NAME": "//evil.example",
        "Forwarded": "host=evil.example;proto=http",
    }
    for method in ("GET", "HEAD"):
        response = browser.request(method, "/apps/new", headers=forged)
        assert (response.status, response.headers["Location"]) == (301, plain.headers["Location"])


def test_error_pages_of_nginx(site: Site, tmp_path: Path) -> None:
    closed = Server(tmp_path, {})  # no server listens there
    with nginx.running(closed.port) as proxy:
        down = Browser(proxy).get("/?q=c4n4ry")
        until(lambda: '"GET /" 502' in proxy.logged())
        assert "c4n4ry" not in proxy.logged()
    large = open_browser(site).request("POST", SIGN_IN, b"x" * 6_000_000, headers={})
    assert (down.status, large.status) == (502, 413)
    for response in (down, large):
        assert response.headers["Server"] == "nginx"
        assert response.cookies == []
        assert re.search(r"nginx/\d", response.text) is None
