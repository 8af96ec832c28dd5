"""What someone searches for reaches no log, table or file (guarantee 3): it may be a secret."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path

from console.urls import urlpatterns as console_urls
from tests.fixtures.people import World
from tests.leaks.crawl import routes
from tests.leaks.detector import LeakDetector

SHOP = "/apps/d1shop"


def fail(request: HttpRequest) -> HttpResponse:
    """Raise an error that quotes the address, as a library's might."""
    raise ValueError(f"can't use {request.build_absolute_uri()}")


urlpatterns = [path("fail/", fail), *console_urls]


@pytest.fixture
def client_for(detector: LeakDetector, world: World) -> Iterator[Callable[[str], Client]]:
    """Return a function that gives a client. Pages show the search text, so none is searched.

    SQL and the context of templates contain it too; no setting makes their loggers write.
    """

    def client_for(name: str) -> Client:
        client = Client(raise_request_exception=False)
        if name:
            client.force_login(world.person(name))
        return client

    with detector.quiet_logs():
        yield client_for


def lists() -> Iterator[str]:
    """Yield each URL whose only parameter is the app, and those without any."""
    for route, _name in routes():
        url = route.replace("<str:app_id>", "d1shop")
        if "<" not in url and "(" not in url:
            yield url


def test_it_works(detector: LeakDetector, client_for: Callable[[str], Client]) -> None:
    alice, olga = client_for("alice"), client_for("olga")
    search = {
        "q": detector.canary.marker,
        "key": detector.canary.marker,
        "next": f"/?q={detector.canary.marker}",
    }
    urls = [*lists()]
    assert len(urls) > 40
    for url in urls:
        for client in (alice, olga):
            client.get(url, search)
            client.get(url, search, headers={"HX-Request": "true"})
    assert detector.log.getvalue().count("?[redacted]") > 2 * len(urls)
    assert detector.leaks() == []


REQUESTS: dict[str, Callable[[Client, str], Any]] = {
    "not signed in": lambda client, q: client.get(f"{SHOP}/hosting/secrets/", {"q": q}),
    "page that does not exist": lambda client, q: client.get("/nowhere/", {"q": q}),
    "without the final slash": lambda client, q: client.get("/activity", {"q": q}),
    "wrong method": lambda client, q: client.put(f"/?q={q}"),
    "wrong host": lambda client, q: client.get("/", {"q": q}, headers={"host": "evil.example"}),
    "wrong page number": lambda client, q: client.get("/activity/", {"page": q}),
    "form with a query": lambda client, q: client.post(f"/apps/new/?q={q}", {}),
    "sign-in that fails": lambda client, q: client.post(
        f"/accounts/login/?next=/?q={q}", {"login": "x@example.org", "password": "wrong" * 5}
    ),
    "provider's answer": lambda client, q: client.get(
        "/accounts/single-sign-on/callback/", {"code": q, "state": q}
    ),
    "Referer": lambda client, q: client.get(
        f"{SHOP}/hosting/secrets/", headers={"referer": f"http://testserver/?q={q}"}
    ),
    "htmx's current page": lambda client, q: client.get(
        "/", headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver/?q={q}"}
    ),
    "address that nobody can decode": lambda client, q: client.get(f"/?q={q}%FF%00%zz&{q}=1"),
    "query of signs": lambda client, q: client.get(f"/?q='\"<{q}>?{q} {q}"),
}


@pytest.mark.parametrize("kind", REQUESTS)
@pytest.mark.parametrize("name", ["", "alice"])
def test_kinds_of_requests(
    detector: LeakDetector, client_for: Callable[[str], Client], kind: str, name: str
) -> None:
    client = client_for(name)
    REQUESTS[kind](client, detector.canary.marker)
    REQUESTS[kind](client_for("alice"), detector.canary.marker)
    assert "request" in detector.log.getvalue()
    assert detector.leaks() == []


def test_refused_form_from_another_page(
    detector: LeakDetector, client_for: Callable[[str], Client]
) -> None:
    """Django's warning quotes the Referer."""
    client = Client(enforce_csrf_checks=True)
    for secure in (True, False):
        address = f"https://evil.example/?q={detector.canary.marker}"
        refused = client.post("/accounts/login/", secure=secure, headers={"referer": address})
        assert refused.status_code == 403
    assert "Referer checking failed - https://evil.example/?[redacted]" in detector.log.getvalue()
    assert detector.leaks() == []


@pytest.mark.urls(__name__)
def test_unexpected_error(detector: LeakDetector, client_for: Callable[[str], Client]) -> None:
    failed = client_for("alice").get("/fail/", {"q": detector.canary.marker})
    assert failed.status_code == 500
    log = detector.log.getvalue()
    assert "ValueError: can't use http://testserver/fail/?[redacted]" in log
    assert detector.leaks() == []


@pytest.mark.parametrize(
    "text",
    [
        "GET /apps/?q={0}",
        "/apps/?q={0}&r={0}",
        "https://console.example.org/?{0}",
        "Redirecting to ../?next=%2F%3Fq%3D{0}",
        "Retrying after connection broken: /oauth?code={0}",
    ],
)
def test_lines_of_other_libraries(detector: LeakDetector, text: str) -> None:
    logging.getLogger("library").warning(text.format(detector.canary.marker))
    logging.getLogger("library").warning("%s failed", text.format(detector.canary.marker))
    assert "?[redacted]" in detector.log.getvalue()
    assert detector.leaks() == []


def test_other_question_marks_stay(detector: LeakDetector) -> None:
    text = "Really? Yes: (?P<name>x) and [?] and |?"
    logging.getLogger("library").warning(text)
    assert text in detector.log.getvalue()
