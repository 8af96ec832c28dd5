"""Behind nginx with TLS, set up as in docs/deploy.md (guarantees 20 to 22 and 24).

The console is a real one, gunicorn on a database of its own; nginx is Debian's.
"""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.console.access.test_headers import ALWAYS, CONTENT_SECURITY_POLICY
from tests.fixtures import nginx
from tests.fixtures.nginx import HOST
from tests.proxy.browser import Answer, Person
from tests.proxy.conftest import EMAIL, PASSWORD, SIGN_IN, TOKEN, Site
from tests.soak.replicas.server import Server

FORM = "/apps/new/"
HSTS = "max-age=31536000"
pytestmark = pytest.mark.slow


def assert_guarded(answer: Answer) -> None:
    """Check what every answer of the console's carries, once."""
    headers = {name: answer.headers.get_all(name) for name in ALWAYS}
    assert headers == {name: [value] for name, value in ALWAYS.items()}
    assert answer.headers.get_all("Strict-Transport-Security") == [HSTS]
    [policy] = answer.headers.get_all("Content-Security-Policy")
    assert {part.strip() for part in policy.split(";")} == CONTENT_SECURITY_POLICY
    assert answer.headers["Server"] == "nginx"  # without its version
    assert not {"X-Powered-By", "Access-Control-Allow-Origin"} & set(answer.headers)
    for cookie in answer.cookies:
        assert cookie.key.startswith("__Host-")
        assert (cookie["secure"], cookie["httponly"]) == (True, True)
        assert (cookie["samesite"], cookie["path"], cookie["domain"]) == ("Lax", "/", "")


def test_it_works(site: Site) -> None:
    person = site.person()
    page = person.get(SIGN_IN)
    assert page.status == 200
    assert_guarded(page)
    signed_in = person.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD})
    assert (signed_in.status, signed_in.headers["Location"]) == (302, "/")
    assert_guarded(signed_in)
    assert set(person.cookies) == {"__Host-session", "__Host-csrf", "__Host-known"}
    apps = person.get("/")
    assert apps.status == 200
    assert "Sample shop" in apps.text
    assert_guarded(apps)


def static(person: Person) -> Answer:
    """Ask for a style sheet of the first page."""
    [name, *_] = re.findall(r"/static/[\w/.-]+\.css", person.get("/").text)
    return person.get(name, Accept_Encoding="gzip")


ANSWERS: dict[str, tuple[int, Callable[[Person], Answer]]] = {
    "a static file": (200, static),
    "a missing static file": (404, lambda person: person.get("/static/nothing.css")),
    "a page that is not there": (404, lambda person: person.get("/nowhere/")),
    "another host": (400, lambda person: person.get("/", Host="evil.example")),
    "a form without its token": (403, lambda person: person.post_plain(FORM, {"name": "x"})),
    "a form from elsewhere": (
        403, lambda person: person.post(FORM, {}, Origin="https://evil.example"),
    ),
    "the admin site": (200, lambda person: person.get("/admin/")),
    "a redirect": (301, lambda person: person.get("/apps/new")),
    "the process answers": (200, lambda person: person.get("/healthz")),
    "database and store answer": (200, lambda person: person.get("/readyz")),
    "metrics without their token": (401, lambda person: person.get("/metrics")),
    "metrics": (200, lambda person: person.get("/metrics", Authorization=f"Bearer {TOKEN}")),
    "too much": (400, lambda person: person.post(FORM, {"name": "x" * 2_700_000})),
}  # fmt: skip


@pytest.mark.parametrize("kind", ANSWERS)
def test_every_kind_of_answer(site: Site, kind: str) -> None:
    status, ask = ANSWERS[kind]
    answer = ask(site.signed_in())
    assert answer.status == status
    assert_guarded(answer)


def test_static_files_come_compressed(site: Site) -> None:
    answer = static(site.signed_in())
    assert answer.headers["Content-Encoding"] == "gzip"
    assert "immutable" in answer.headers["Cache-Control"]


def test_an_error_of_the_consoles_own(site: Site) -> None:
    person = site.signed_in()
    site.query("ALTER TABLE console_app RENAME TO gone")
    try:
        answer = person.get("/")
    finally:
        site.query("ALTER TABLE gone RENAME TO console_app")
    assert answer.status == 500
    assert_guarded(answer)
    assert "console_app" not in answer.text


def test_http_leads_to_https(site: Site) -> None:
    for host in (HOST, "evil.example"):
        answer = site.person().ask("GET", "/apps/?q=1", headers={"Host": host}, tls=False)
        assert answer.status == 301
        assert answer.headers["Location"] == f"https://{HOST}/apps/?q=1"
        assert answer.cookies == []


def fail_to_sign_in(person: Person, **headers: str) -> None:
    """Leave an entry in the audit trail."""
    fields = {"login": EMAIL, "password": "wrong"}
    assert person.post(SIGN_IN, fields, **headers).status in {200, 429}


def test_the_trail_has_the_clients_own_address(site: Site) -> None:
    fail_to_sign_in(site.person("127.0.0.2"))
    assert site.asked_from() == "127.0.0.2"


def test_a_forged_address_changes_nothing(site: Site) -> None:
    fail_to_sign_in(site.person("127.0.0.3"), X_Forwarded_For="203.0.113.9")
    assert site.asked_from() == "127.0.0.3"


def test_whoever_goes_past_the_proxy_is_not_believed(site: Site) -> None:
    forged = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https", "SCRIPT_NAME": "/x"}
    person = site.person("127.0.0.4", past=True)
    fail_to_sign_in(person, **forged)
    assert site.asked_from() == "127.0.0.4"


@pytest.mark.parametrize("past", [False, True])
def test_no_header_changes_scheme_name_or_path(site: Site, past: bool) -> None:
    person = site.person(past=past)
    plain = person.get("/apps/new")
    forged = {
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "http",
        "X-Forwarded-Ssl": "on",
        "X-Forwarded-Prefix": "/evil",
        "SCRIPT_NAME": "//evil.example",
        "Forwarded": "host=evil.example;proto=http",
    }
    for method in ("GET", "HEAD"):
        answer = person.ask(method, "/apps/new", headers=forged)
        assert (answer.status, answer.headers["Location"]) == (301, plain.headers["Location"])


def test_nginxs_own_pages_tell_nothing(site: Site, tmp_path: Path) -> None:
    closed = Server(tmp_path, {})  # nobody listens there
    with nginx.running(closed.port) as proxy:
        down = Person(proxy).get("/")
    large = site.person().ask("POST", SIGN_IN, b"x" * 3_500_000, headers={})
    assert (down.status, large.status) == (502, 413)
    for answer in (down, large):
        assert answer.headers["Server"] == "nginx"
        assert answer.cookies == []
        assert re.search(r"nginx/\d", answer.text) is None
