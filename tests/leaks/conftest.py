"""The trap, and who walks around in it."""

import io
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.db import connections

from console.conf.logging import configure, logging_config
from tests.fixtures.people import World
from tests.leaks.harness import Trap, Visitor


class Stream(io.StringIO):
    """A standard error that can be a terminal, for which the log is written in another form."""

    terminal = False

    def isatty(self) -> bool:
        """Say whether it is one."""
        return self.terminal


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Capture what the real handlers write, for machines and for people, with all at DEBUG.

    Each logger that is known is set to DEBUG itself, as somebody might who looks for a fault.
    """
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    configure(_both_forms(stream))
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    monkeypatch.setattr(
        connections["default"], "force_debug_cursor", True
    )  # then django.db.backends logs
    yield stream
    monkeypatch.undo()
    configure(django_settings.LOGGING)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _both_forms(stream: Stream) -> dict[str, Any]:
    config = logging_config("DEBUG")
    stream.terminal = True
    config["formatters"]["people"] = logging_config("DEBUG")["formatters"]["structured"]
    config["handlers"]["people"] = {"class": "logging.StreamHandler", "formatter": "people"}
    config["root"]["handlers"].append("people")
    return config


@pytest.fixture
def trap(log: io.StringIO, transactional_db: None, settings: Any) -> Trap:
    """Return an empty trap. Mail to administrators would be sent, if anything sent any."""
    settings.ADMINS = [("Olga", "olga@example.org")]
    settings.MANAGERS = settings.ADMINS
    return Trap(log)


@pytest.fixture
def visitor(trap: Trap, world: World) -> Callable[[str], Visitor]:
    """Return a function that gives the browser of somebody who is signed in, or of nobody ("")."""
    browsers: dict[str, Visitor] = {}

    def visitor(name: str) -> Visitor:
        browser = browsers.setdefault(name, Visitor(trap, name))
        if name and not browser.signed_in():
            browser.force_login(world.person(name))
        return browser

    return visitor
