"""Line breaks, escapes and bidi controls stay one log line and one record (guarantee 11)."""

import io
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from django.test import Client

from console.conf.logging import logging_config
from console.models import App
from secrets_app.models import Secret
from tests.factories import audit_events, last_event_id, only_event

pytestmark = pytest.mark.sqlite

HOSTILE = {
    "CR LF": 'a\r\n{"event": "forged"}',
    "ANSI": "a\x1b[2J\x1b]0;title\x07b",
    "C1": "a\x9b2Jb\x85c",
    "line separator": "a\u2028forged\u2029b",
    "bidi": "a\u202egnp.exe\u2066b\u200f",
    "NUL": "a\x00b",
    "zero width": "a\u200b\ufeffb",
    "tab": "a\x0b\x0c\tb",
}
HARMFUL = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
COLORS = re.compile("\x1b\\[[0-9;]*m")
every_hostile_text = pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)

WRAPS: dict[str, Callable[[str], Any]] = {
    "list": lambda it: [it],
    "dict": lambda it: {"k": {it: it}},
    "tuple": lambda it: (it, {it}),
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(params=["JSON", "terminal"])
def lines(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Return a function that gives the logged lines, formatted as in production."""
    stream = Terminal() if request.param == "terminal" else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    options = logging_config("INFO")["formatters"]["structured"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(options.pop("()")(**options))
    logging.root.addHandler(handler)

    def logged() -> list[str]:
        text = COLORS.sub("", stream.getvalue())
        assert not HARMFUL.search(text), repr(text)
        found = text.splitlines()
        if request.param == "JSON":
            assert all(isinstance(json.loads(line), dict) for line in found)
        return found

    yield logged
    logging.root.removeHandler(handler)


@every_hostile_text
def test_it_works(lines: Callable[[], list[str]], hostile: str) -> None:
    structlog.get_logger("test").info(hostile, key=hostile)
    assert len(lines()) == 1


@every_hostile_text
def test_message_of_a_library(lines: Callable[[], list[str]], hostile: str) -> None:
    logging.getLogger("library").warning("%s and " + hostile, hostile)
    assert len(lines()) == 1


@every_hostile_text
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_inside_other_values(lines: Callable[[], list[str]], hostile: str, wrap: Any) -> None:
    structlog.get_logger("test").info("event", key=wrap(hostile))
    assert len(lines()) == 1


@every_hostile_text
def test_bytes(lines: Callable[[], list[str]], hostile: str) -> None:
    structlog.get_logger("test").info("event", key=hostile.encode())
    assert len(lines()) == 1


@every_hostile_text
def test_bound_values(lines: Callable[[], list[str]], hostile: str) -> None:
    with structlog.contextvars.bound_contextvars(agent=hostile):
        structlog.get_logger("test").info("event")
    assert len(lines()) == 1


@every_hostile_text
@pytest.mark.parametrize(
    "lines", ["JSON"], indirect=True
)  # on a terminal the traceback has several lines
def test_exception_message(lines: Callable[[], list[str]], hostile: str) -> None:
    try:
        raise ValueError(hostile)
    except ValueError:
        logging.getLogger("library").exception("failed")
    assert len(lines()) == 1


def test_sensitive_keys_are_redacted(lines: Callable[[], list[str]]) -> None:
    structlog.get_logger("test").info(
        "event", value="canary", new_password="canary", token="canary", Cookie="canary"
    )
    [line] = lines()
    assert "canary" not in line
    assert line.count("[redacted]") == 4


def as_header(text: str) -> str:
    """Return a text as a WSGI header value: its UTF-8 bytes as Latin-1, without NUL."""
    return text.encode().decode("latin-1").replace("\0", "")


def test_requests(lines: Any, client_for: Any, secret: Secret, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, logger="django_structlog.middlewares.request")
    client = client_for("vera")
    for hostile in HOSTILE.values():
        agent = as_header(hostile)
        post = {"new-1-key": hostile, "new-1-value": "v", "new-1-branch": secret.branch_id}
        url = f"/apps/d1shop/hosting/secrets/manage/?x={hostile}"
        client.post(url, post, HTTP_USER_AGENT=agent)
    started = [line for line in lines() if "request_started" in line]
    assert len(started) == len(HOSTILE)


def test_denied_keys_are_one_event_each(
    client_for: Callable[[str], Client], secret: Secret
) -> None:
    client = client_for("vera")
    start = last_event_id()
    agent = as_header("".join(HOSTILE.values()))
    post = {}
    for number, hostile in enumerate(HOSTILE.values(), start=1):
        post |= {f"new-{number}-key": hostile, f"new-{number}-value": "v"}
        post |= {f"new-{number}-branch": str(secret.branch_id)}
    response = client.post("/apps/d1shop/hosting/secrets/manage/", post, HTTP_USER_AGENT=agent)
    assert response.status_code == 422
    kept = [hostile.replace("\0", "\N{REPLACEMENT CHARACTER}") for hostile in HOSTILE.values()]
    assert [event.subject for event in audit_events(start)] == kept
    assert {event.agent for event in audit_events(start)} == {agent}
    page = client_for("alice").get("/apps/d1shop/activity/").context["page"]
    assert [entry.subject for entry in page.object_list][: len(kept)] == kept[::-1]


@pytest.mark.parametrize("length", [1011, 1012, 100_000])
def test_denied_key_of_any_length(
    client_for: Callable[[str], Client], secret: Secret, length: int
) -> None:
    client = client_for("vera")
    start = last_event_id()
    post = {"new-1-key": "é" * length, "new-1-value": "v", "new-1-branch": secret.branch_id}
    assert client.post("/apps/d1shop/hosting/secrets/manage/", post).status_code == 422
    assert only_event(start).subject == "é" * 1011


def test_app_names(client_for: Callable[[str], Client]) -> None:
    client = client_for("olga")
    start = last_event_id()
    for number, hostile in enumerate(HOSTILE.values()):
        post = {"name": hostile, "app_id": f"d3new{number}", "path_profile": "both"}
        assert client.post("/apps/new/", post).status_code == 422
    assert not App.objects.filter(app_id__startswith="d3new").exists()
    assert not audit_events(start)
