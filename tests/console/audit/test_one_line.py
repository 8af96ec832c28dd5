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
from secrets_app.models import Secret
from tests.console.audit.conftest import Trail

NASTY = {
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
COLOURS = re.compile("\x1b\\[[0-9;]*m")
nastily = pytest.mark.parametrize("nasty", NASTY.values(), ids=NASTY)

WRAPS: dict[str, Callable[[str], Any]] = {
    "list": lambda it: [it],
    "dict": lambda it: {"k": {it: it}},
    "tuple": lambda it: (it, {it}),
}


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return yes."""
        return True


@pytest.fixture(params=["JSON", "terminal"])
def lines(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], list[str]]]:
    """Return a function that gives the lines that were logged, by the product's own formatter."""
    stream = Terminal() if request.param == "terminal" else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    options = logging_config("INFO")["formatters"]["structured"]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(options.pop("()")(**options))
    logging.root.addHandler(handler)

    def logged() -> list[str]:
        text = COLOURS.sub("", stream.getvalue())
        assert not HARMFUL.search(text), repr(text)
        found = text.splitlines()
        if request.param == "JSON":
            assert all(isinstance(json.loads(line), dict) for line in found)
        return found

    yield logged
    logging.root.removeHandler(handler)


@nastily
def test_it_works(lines: Callable[[], list[str]], nasty: str) -> None:
    structlog.get_logger("test").info(nasty, key=nasty)
    assert len(lines()) == 1


@nastily
def test_a_message_of_a_library(lines: Callable[[], list[str]], nasty: str) -> None:
    logging.getLogger("library").warning("%s and " + nasty, nasty)
    assert len(lines()) == 1


@nastily
@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_inside_other_values(lines: Callable[[], list[str]], nasty: str, wrap: Any) -> None:
    structlog.get_logger("test").info("event", key=wrap(nasty))
    assert len(lines()) == 1


@nastily
def test_bytes(lines: Callable[[], list[str]], nasty: str) -> None:
    structlog.get_logger("test").info("event", key=nasty.encode())
    assert len(lines()) == 1


@nastily
def test_what_is_bound(lines: Callable[[], list[str]], nasty: str) -> None:
    with structlog.contextvars.bound_contextvars(agent=nasty):
        structlog.get_logger("test").info("event")
    assert len(lines()) == 1


@nastily
@pytest.mark.parametrize("lines", ["JSON"], indirect=True)  # a terminal shows the trace in lines
def test_an_exceptions_words(lines: Callable[[], list[str]], nasty: str) -> None:
    try:
        raise ValueError(nasty)
    except ValueError:
        logging.getLogger("library").exception("failed")
    assert len(lines()) == 1


def test_telling_names_hide_what_they_hold(lines: Callable[[], list[str]]) -> None:
    structlog.get_logger("test").info(
        "event", value="canary", new_password="canary", token="canary", Cookie="canary"
    )
    [line] = lines()
    assert "canary" not in line
    assert line.count("[redacted]") == 4


def as_header(text: str) -> str:
    """Return a text as a server hands it over: its bytes as signs; NUL it does not let through."""
    return text.encode().decode("latin-1").replace("\0", "")


def test_requests(lines: Any, as_: Any, secret: Secret, caplog: Any) -> None:
    caplog.set_level(logging.DEBUG, logger="django_structlog.middlewares.request")
    client = as_("vera")
    for nasty in NASTY.values():
        agent = as_header(nasty)
        post = {"new-1-key": nasty, "new-1-value": "v", "new-1-branch": secret.branch_id}
        url = f"/apps/d1shop/hosting/secrets/manage/?x={nasty}"
        client.post(url, post, HTTP_USER_AGENT=agent)
    started = [line for line in lines() if "request_started" in line]
    assert len(started) == len(NASTY)


def test_denied_keys_are_one_record_each(
    as_: Callable[[str], Client], secret: Secret, trail: Trail
) -> None:
    client = as_("vera")
    trail.forget()
    agent = as_header("".join(NASTY.values()))
    post = {}
    for number, nasty in enumerate(NASTY.values(), start=1):
        post |= {f"new-{number}-key": nasty, f"new-{number}-value": "v"}
        post |= {f"new-{number}-branch": str(secret.branch_id)}
    answer = client.post("/apps/d1shop/hosting/secrets/manage/", post, HTTP_USER_AGENT=agent)
    assert answer.status_code == 422
    kept = [nasty.replace("\0", "\N{REPLACEMENT CHARACTER}") for nasty in NASTY.values()]
    assert [event.subject for event in trail.events] == kept
    assert {event.agent for event in trail.events} == {agent}
    page = as_("alice").get("/apps/d1shop/activity/").context["page"]
    assert [entry.subject for entry in page.object_list][: len(kept)] == kept[::-1]


@pytest.mark.parametrize("length", [1011, 1012, 100_000])
def test_a_denied_key_of_any_length(
    as_: Callable[[str], Client], secret: Secret, trail: Trail, length: int
) -> None:
    client = as_("vera")
    trail.forget()
    post = {"new-1-key": "é" * length, "new-1-value": "v", "new-1-branch": secret.branch_id}
    assert client.post("/apps/d1shop/hosting/secrets/manage/", post).status_code == 422
    assert trail.one.subject == "é" * 1011


def test_names_of_apps(as_: Callable[[str], Client], trail: Trail) -> None:
    client = as_("olga")
    trail.forget()
    for number, nasty in enumerate(NASTY.values()):
        post = {"name": nasty, "app_id": f"d3new{number}", "path_profile": "both"}
        created = client.post("/apps/new/", post).status_code == 302
        assert created == ("\0" not in nasty)
    assert [event.subject for event in trail.events] == [
        nasty for nasty in NASTY.values() if "\0" not in nasty
    ]
