"""Behind nginx with TLS, as docs/deploy.md sets it up: promises 20 to 22 and 24 on every answer.

The console is a real one, gunicorn on a database of its own; nginx is Debian's.
"""

import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.access.test_headers import ALWAYS, CONTENT_SECURITY_POLICY
from tests.plugins import nginx
from tests.plugins.nginx import HOST, Nginx
from tests.proxy.browser import Answer, Person
from tests.replicas.server import Server, copy_to, running

EMAIL, PASSWORD = "olga@example.com", "correct horse battery staple"
TOKEN = "only-for-tests-" * 3
SETTINGS = {
    "ALLOWED_HOSTS": HOST,
    "TRUSTED_PROXIES": "127.0.0.1",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "METRICS_TOKEN": TOKEN,
}
SIGN_IN = "/accounts/login/"
FORM = "/apps/new/"
HSTS = "max-age=31536000"
pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Site:
    """A console behind nginx, set up by its first operator."""

    console: Server
    nginx: Nginx

    def person(self, address: str = "127.0.0.1", *, past: bool = False) -> Person:
        """Return somebody at a browser, at an address; `past` goes to the console's own port."""
        return Person(self.nginx, address, self.console.port if past else 0)

    def signed_in(self) -> Person:
        """Return the operator, signed in."""
        person = self.person()
        assert person.post(SIGN_IN, {"login": EMAIL, "password": PASSWORD}).status == 302
        return person

    def query(self, sql: str) -> list[tuple[str, ...]]:
        """Ask, or tell, the console's database."""
        with closing(sqlite3.connect(self.console.folder / "var/console.sqlite3")) as database:
            rows = database.execute(sql).fetchall()
            database.commit()
            return rows

    def asked_from(self) -> str:
        """Return the address of the last try to sign in that the audit trail has."""
        [[last]] = self.query(
            "SELECT address FROM console_auditevent WHERE action = 'session.sign_in' "
            "ORDER BY id DESC LIMIT 1"
        )
        return last


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a console behind nginx for all tests of a process."""
    console = Server(copy_to(tmp_path_factory.mktemp("proxy")), SETTINGS)
    with running(console), nginx.running(console.port) as proxy:
        site = Site(console, proxy)
        set_up(site.person(), console)
        yield site


def set_up(person: Person, console: Server) -> None:
    """Open the link that the console printed, and become its first operator."""
    [link] = re.findall(rf"https://{re.escape(HOST)}(/setup/\S+)", console.log.read_text())
    fields = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD, "sample_app": "on"}
    assert person.post(link, fields).status == 302


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
