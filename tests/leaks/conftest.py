"""Fixtures: a leak detector, and clients whose responses it searches."""

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
from tests.leaks.detector import LeakDetector, SearchedClient


class Stream(io.StringIO):
    """A standard error that can pose as a terminal, which changes the log's format."""

    terminal = False

    def isatty(self) -> bool:
        """Return True if it poses as a terminal."""
        return self.terminal


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Capture the output of the real handlers in both formats, with everything at DEBUG.

    Each known logger is set to DEBUG itself, as an operator might while debugging.
    """
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    stream = Stream()
    monkeypatch.setattr(sys, "stderr", stream)
    configure(_both_formats(stream))
    for name in levels:
        logging.getLogger(name).setLevel(logging.DEBUG)
    # Otherwise django.db.backends logs nothing
    monkeypatch.setattr(connections["default"], "force_debug_cursor", True)
    yield stream
    monkeypatch.undo()
    configure(django_settings.LOGGING)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _both_formats(stream: Stream) -> dict[str, Any]:
    config = logging_config("DEBUG")
    stream.terminal = True
    config["formatters"]["people"] = logging_config("DEBUG")["formatters"]["structured"]
    config["handlers"]["people"] = {"class": "logging.StreamHandler", "formatter": "people"}
    config["root"]["handlers"].append("people")
    return config


@pytest.fixture
def detector(log: io.StringIO, transactional_db: None, settings: Any) -> LeakDetector:
    """Return an empty detector. Mail to administrators is on, so that error mails are searched."""
    settings.ADMINS = [("Olga", "olga@example.org")]
    settings.MANAGERS = settings.ADMINS
    return LeakDetector(log)


@pytest.fixture
def client_for(detector: LeakDetector, world: World) -> Callable[[str], SearchedClient]:
    """Return a function that returns a client by person, signed in; "" is an anonymous one."""
    clients: dict[str, SearchedClient] = {}

    def client_for(name: str) -> SearchedClient:
        client = clients.setdefault(name, SearchedClient(detector, name))
        if name and not client.is_signed_in():
            client.force_login(world.person(name))
        return client

    return client_for
