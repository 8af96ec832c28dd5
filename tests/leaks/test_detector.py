"""The leak detector finds a leak anywhere, in any encoding."""

import base64
import html
import json
import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
import structlog
from django.core import mail
from django.core.cache import cache
from django.core.signing import dumps
from django.db import connection
from django.http import HttpResponse

from console.auth.session_backend import SessionStore
from console.models import AuditEvent
from tests.leaks.crawl import urls
from tests.leaks.detector import LeakDetector

ENCODINGS = {
    "as it is": str,
    "in capitals": str.upper,
    "cut short": lambda value: value[:15],
    "its end alone": lambda value: value[10:],
    "escaped for a URL": lambda value: quote_plus(f"<{value}>"),
    "each letter escaped for a URL": lambda value: "".join(f"%{ord(it):02X}" for it in value),
    "escaped for JSON": lambda value: json.dumps({"a": f"\n{value}\u202e"}),
    "each letter escaped for JSON": lambda value: "".join(f"\\u{ord(it):04x}" for it in value),
    "escaped for HTML": lambda value: html.escape(f"<{value}'>"),
    "each letter escaped for HTML": lambda value: "".join(f"&#{ord(it)};" for it in value),
    "in hex": lambda value: value.encode().hex().upper(),
    "backwards": lambda value: value[::-1],
    "in base64": lambda value: base64.b64encode(value.encode()).decode(),
    "in base64 after a byte": lambda value: base64.b64encode(f"x{value}yz".encode()).decode(),
    "in base64 after two": lambda value: base64.urlsafe_b64encode(f"??{value}>".encode()).decode(),
    "compressed and signed": lambda value: dumps([value, "x" * 200], compress=True),
    "in UTF-16": lambda value: value.encode("utf-16").decode("latin-1"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_it_works(detector: LeakDetector, encoding: str) -> None:
    detector.search("here", f"before {ENCODINGS[encoding](detector.canary.marker)} after")
    assert len(detector.leaks()) >= 1


@pytest.mark.parametrize("shape", ["plain", "lines", "signs"])
def test_each_shape_is_found_with_its_label(detector: LeakDetector, shape: str) -> None:
    detector.search("here", html.escape(detector.canary.shapes("some label")[shape]))
    assert "some label" in detector.leaks()[0]


def test_no_false_alarms(detector: LeakDetector) -> None:
    detector.search(
        "here", "x" * 100 + detector.canary.marker[:8] + dumps(["x" * 200], compress=True)
    )
    detector.search_response("there", HttpResponse("nothing"))
    assert detector.leaks() == []


def _body(response: HttpResponse, value: str) -> None:
    response.write(value)


def _header(response: HttpResponse, value: str) -> None:
    response["HX-Push-Url"] = value


def _redirect(response: HttpResponse, value: str) -> None:
    response.status_code, response["Location"] = 302, f"/?saved={value}"


def _cookie(response: HttpResponse, value: str) -> None:
    response.set_cookie("messages", dumps([f"Saved {value}", "x" * 200], compress=True))


def _reason(response: HttpResponse, value: str) -> None:
    response.reason_phrase = value


@pytest.mark.parametrize("put", [_body, _header, _redirect, _cookie, _reason])
def test_a_response_is_searched_completely(detector: LeakDetector, put: Any) -> None:
    response = HttpResponse("nothing")
    put(response, detector.canary.marker)
    detector.search_response("POST /somewhere", response)
    assert "POST /somewhere" in detector.leaks()[0]


def test_a_permitted_reveal_is_no_leak(detector: LeakDetector) -> None:
    response = HttpResponse(
        f'<output class="value" data-seconds="30">{detector.canary.marker}</output>'
    )
    response["Cache-Control"] = "no-store"
    detector.search_response("reveal", response, may_reveal=True)
    assert (detector.reveals, detector.leaks()) == (1, [])


@pytest.mark.parametrize(
    ("page", "caching"),
    [
        ('<title>CANARY</title><output class="value">CANARY</output>', "no-store"),
        ('<output class="value">CANARY</output><output class="value">CANARY</output>', "no-store"),
        ('<output class="value" data-copy="x">y</output><p>CANARY</p>', "no-store"),
        ('<output class="value">CANARY</output>', "private, no-cache"),
    ],
)
def test_a_permitted_reveal_shows_the_value_once(
    detector: LeakDetector, page: str, caching: str
) -> None:
    response = HttpResponse(page.replace("CANARY", detector.canary.marker))
    response["Cache-Control"] = caching
    detector.search_response("reveal", response, may_reveal=True)
    assert len(detector.leaks()) == 1


def test_an_attribute_of_the_reveal_is_searched(detector: LeakDetector) -> None:
    value = detector.canary.marker
    response = HttpResponse(f'<output class="value" title="{value}">{value}</output>')
    response["Cache-Control"] = "no-store"
    detector.search_response("reveal", response, may_reveal=True)
    assert len(detector.leaks()) == 1


def _log(value: str) -> None:
    logging.getLogger("some.library").debug("sent %s", {"body": value})


def _structlog(value: str) -> None:
    structlog.get_logger().debug("something", note=value)


def _traceback(value: str) -> None:
    try:
        raise LookupError(value)
    except LookupError:
        logging.getLogger("django.request").exception("failed")


def _audit(value: str) -> None:
    AuditEvent.objects.create(action="secret.change", actor_kind="web", actor="a", subject=value)


def _session(value: str) -> None:
    session = SessionStore()
    session["typed"] = [value, "x" * 200]
    session.save()


def _cache(value: str) -> None:
    cache.set("a", {"typed": value})


def _mail(value: str) -> None:
    mail.mail_admins("Error", f"POST: {value} é")


@pytest.mark.parametrize(
    ("leak", "where"),
    [
        (_log, "log"),
        (_structlog, "log"),
        (_traceback, "log"),
        (_audit, "table console_auditevent"),
        (_session, "session"),
        (_cache, "table console_cache"),
        (_mail, "mail"),
    ],
)
def test_stored_data_is_searched(detector: LeakDetector, leak: Any, where: str) -> None:
    connection.force_debug_cursor = False  # otherwise the log contains it too
    leak(detector.canary.marker)
    found = detector.leaks()
    assert [find for find in found if find.startswith(where)]
    assert all(find.startswith((where, "file")) for find in found)


def test_the_log_of_botocore_is_searched(
    detector: LeakDetector, plain_ssm: Any, monkeypatch: Any
) -> None:
    # The store silences botocore, which would log values at DEBUG
    for name in ("botocore.endpoint", "botocore.parsers"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
        logging.getLogger(name).setLevel(logging.DEBUG)
    plain_ssm.put_parameter(Name="/a/b", Value=detector.canary.marker, Type="SecureString")
    assert detector.leaks()[0].startswith("log")


def test_files_are_searched(detector: LeakDetector) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL has no files of ours")
    file = Path(connection.settings_dict["NAME"]).with_name("upload.tmp")
    file.write_text(detector.canary.marker)
    try:
        assert detector.leaks()[0].startswith("file upload.tmp")
    finally:
        file.unlink()


def test_a_url_with_a_new_parameter_needs_a_sample() -> None:
    with pytest.raises(KeyError):
        urls({"app_id": ["d1"]})
