"""The harness catches a leak wherever it is and whatever it looks like."""

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
from tests.leaks.harness import Trap

pytestmark = pytest.mark.both_databases
LEAKY = {
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


@pytest.mark.parametrize("leaky", LEAKY)
def test_it_works(trap: Trap, leaky: str) -> None:
    trap.search("here", f"before {LEAKY[leaky](trap.canary.marker)} after")
    assert len(trap.leaks()) >= 1


@pytest.mark.parametrize("shape", ["plain", "lines", "signs"])
def test_each_shape_is_found_and_names_its_way(trap: Trap, shape: str) -> None:
    trap.search("here", html.escape(trap.canary.shapes("some way")[shape]))
    assert "some way" in trap.leaks()[0]


def test_what_is_clean_is_clean(trap: Trap) -> None:
    trap.search("here", "x" * 100 + trap.canary.marker[:8] + dumps(["x" * 200], compress=True))
    trap.search_answer("there", HttpResponse("nothing"))
    assert trap.leaks() == []


def _body(answer: HttpResponse, value: str) -> None:
    answer.write(value)


def _header(answer: HttpResponse, value: str) -> None:
    answer["HX-Push-Url"] = value


def _redirect(answer: HttpResponse, value: str) -> None:
    answer.status_code, answer["Location"] = 302, f"/?saved={value}"


def _cookie(answer: HttpResponse, value: str) -> None:
    answer.set_cookie("messages", dumps([f"Saved {value}", "x" * 200], compress=True))


def _reason(answer: HttpResponse, value: str) -> None:
    answer.reason_phrase = value


@pytest.mark.parametrize("place", [_body, _header, _redirect, _cookie, _reason])
def test_an_answer_is_searched_whole(trap: Trap, place: Any) -> None:
    answer = HttpResponse("nothing")
    place(answer, trap.canary.marker)
    trap.search_answer("POST /somewhere", answer)
    assert "POST /somewhere" in trap.leaks()[0]


def test_a_permitted_reveal_is_no_leak(trap: Trap) -> None:
    answer = HttpResponse(f'<output class="value" data-seconds="30">{trap.canary.marker}</output>')
    answer["Cache-Control"] = "no-store"
    trap.search_answer("reveal", answer, may_reveal=True)
    assert (trap.reveals, trap.leaks()) == (1, [])


@pytest.mark.parametrize(
    ("page", "caching"),
    [
        ('<title>CANARY</title><output class="value">CANARY</output>', "no-store"),
        ('<output class="value">CANARY</output><output class="value">CANARY</output>', "no-store"),
        ('<output class="value" data-copy="x">y</output><p>CANARY</p>', "no-store"),
        ('<output class="value">CANARY</output>', "private, no-cache"),
    ],
)
def test_a_permitted_reveal_shows_a_value_in_one_place(trap: Trap, page: str, caching: str) -> None:
    answer = HttpResponse(page.replace("CANARY", trap.canary.marker))
    answer["Cache-Control"] = caching
    trap.search_answer("reveal", answer, may_reveal=True)
    assert len(trap.leaks()) == 1


def test_an_attribute_of_the_reveal_is_searched(trap: Trap) -> None:
    value = trap.canary.marker
    answer = HttpResponse(f'<output class="value" title="{value}">{value}</output>')
    answer["Cache-Control"] = "no-store"
    trap.search_answer("reveal", answer, may_reveal=True)
    assert len(trap.leaks()) == 1


def _log(value: str) -> None:
    logging.getLogger("some.library").debug("sent %s", {"body": value})


def _log_of_ours(value: str) -> None:
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
        (_log_of_ours, "log"),
        (_traceback, "log"),
        (_audit, "table console_auditevent"),
        (_session, "table console_session"),
        (_cache, "table console_cache"),
        (_mail, "mail"),
    ],
)
def test_what_stays_behind_is_searched(trap: Trap, leak: Any, where: str) -> None:
    connection.force_debug_cursor = False  # or the log says it too
    leak(trap.canary.marker)
    found = trap.leaks()
    assert [find for find in found if find.startswith(where)]
    assert all(find.startswith((where, "file")) for find in found)


def test_botocore_is_listened_to(trap: Trap, plain_ssm: Any, monkeypatch: Any) -> None:
    """It is silent because the store hushes it; unhushed, it says the value."""
    for name in ("botocore.endpoint", "botocore.parsers"):
        monkeypatch.setattr(logging.getLogger(name), "filters", [])
        logging.getLogger(name).setLevel(logging.DEBUG)
    plain_ssm.put_parameter(Name="/a/b", Value=trap.canary.marker, Type="SecureString")
    assert trap.leaks()[0].startswith("log")


def test_files_are_searched(trap: Trap) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the database's files are not ours")
    file = Path(connection.settings_dict["NAME"]).with_name("upload.tmp")
    file.write_text(trap.canary.marker)
    try:
        assert trap.leaks()[0].startswith("file upload.tmp")
    finally:
        file.unlink()


def test_a_url_with_a_new_parameter_is_not_left_out() -> None:
    with pytest.raises(KeyError):
        urls({"app_id": ["d1"]})
