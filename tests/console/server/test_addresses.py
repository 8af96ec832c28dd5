"""ALLOWED_HOSTS and BASE_URL: forms that work, and forms that stop the start with what to write."""

from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.exceptions import ImproperlyConfigured

from console.conf.base_url import base_url
from console.lib.hosts import host_problem, parse_base_url, serves_this_machine_only
from tests.console.server.test_production import start

__all__ = ["start"]  # the fixture


def test_it_works(start: Any) -> None:
    settings = start(ALLOWED_HOSTS=None, BASE_URL="https://console.example.org:8443/branchkeep/")
    assert settings.ALLOWED_HOSTS == ["console.example.org"]
    assert settings.LOCAL is False
    assert settings.BASE_URL.origin == "https://console.example.org:8443"
    assert settings.FORCE_SCRIPT_NAME == "/branchkeep"
    assert settings.STATIC_URL == "/branchkeep/static/"
    assert settings.SESSION_COOKIE_NAME == "__Host-session"


@pytest.mark.parametrize(
    ("url", "origin", "path"),
    [
        ("https://console.example.org", "https://console.example.org", ""),
        ("https://console.example.org/", "https://console.example.org", ""),
        ("https://console.example.org:443", "https://console.example.org", ""),
        ("HTTPS://Console.Example.org:8443", "https://console.example.org:8443", ""),
        ("https://example.org/a/b-c_d.e~f/", "https://example.org", "/a/b-c_d.e~f"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", ""),
        ("http://127.0.0.1:8000/branchkeep", "http://127.0.0.1:8000", "/branchkeep"),
        ("http://localhost:80", "http://localhost", ""),
    ],
)
def test_address(url: str, origin: str, path: str) -> None:
    found = parse_base_url(url)
    assert found is not None
    assert (found.origin, found.path) == (origin, path)


@pytest.mark.parametrize(
    "url",
    [
        "console.example.org",
        "//console.example.org",
        "ftp://console.example.org",
        "https://",
        "https://console.example.org:0",
        "https://console.example.org:65536",
        "https://console.example.org:https",
        "https://me@console.example.org",
        "https://.example.org",
        "https://*.example.org",
        "https://console_1.example.org",
        "https://console.example.org/?next=1",
        "https://console.example.org/#x",
        "https://console.example.org/a//b",
        "https://console.example.org/../a",
        "https://console.example.org/a%2Fb",
        "https://console.example.org /a",
        "https://a.example.org,https://b.example.org",
        "http://console.example.org",
    ],
)
def test_invalid_address(start: Any, url: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"BASE_URL is “.*https://"):
        start(BASE_URL=url)
    assert not serves_this_machine_only("", url)  # so that no keys are made either


@pytest.mark.parametrize(
    ("hosts", "written"),
    [
        ("console.example.com:8443", "console.example.com"),
        ("https://console.example.com", "console.example.com"),
        ('["console.example.com"]', "console.example.com"),
        ("['console.example.com']", "console.example.com"),
        ('"console.example.com"', "console.example.com"),
        ("https://console.example.com:8443/branchkeep/", "console.example.com"),
        ("console.example.com/", "console.example.com"),
        ("console.example.com.", "console.example.com"),
        ("me@console.example.com", "console.example.com"),
        ("ok.example.com,console.example.com:443", "console.example.com"),
        ("localhost:8000", "localhost"),
        ("127.0.0.1:8000", "127.0.0.1"),
        ("::1", "[::1]"),
        ("[0:0:0:0:0:0:0:1]", "[::1]"),
        ("m\N{LATIN SMALL LETTER U WITH DIAERESIS}nchen.example", "xn--mnchen-3ya.example"),
    ],
)
def test_host_that_no_browser_sends(start: Any, hosts: str, written: str) -> None:
    with pytest.raises(ImproperlyConfigured) as stopped:
        start(ALLOWED_HOSTS=hosts)
    message = str(stopped.value)
    assert message.startswith("ALLOWED_HOSTS contains “")
    assert f": ALLOWED_HOSTS={written}. If the address has a port or a path" in message


@pytest.mark.parametrize(
    "host",
    ["a.example b.example", "a.example;b.example", "con_sole.example", "..", ".", "-x", "[]"],
)
def test_host_without_a_suggestion(start: Any, host: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Write only names, separated by commas"):
        start(ALLOWED_HOSTS=host)


@pytest.mark.parametrize(
    "host",
    ["console.example.com", ".example.com", "localhost", "10.0.0.7", "[2001:db8::1]", "xn--p1ai"],
)
def test_host(host: str) -> None:
    assert host_problem(host) == ""


def test_capitals(start: Any) -> None:
    assert start(ALLOWED_HOSTS="Console.Example.ORG").ALLOWED_HOSTS == ["console.example.org"]


def test_host_of_the_address_is_allowed_too(start: Any) -> None:
    settings = start(ALLOWED_HOSTS="a.example.org", BASE_URL="https://b.example.org")
    assert settings.ALLOWED_HOSTS == ["a.example.org", "b.example.org"]


def test_this_machine_below_a_path(start: Any) -> None:
    settings = start(ALLOWED_HOSTS=None, BASE_URL="http://localhost:8000/branchkeep")
    assert settings.ALLOWED_HOSTS == ["127.0.0.1", "[::1]", "localhost"]
    assert settings.LOCAL


def test_tls_on_this_machine(start: Any) -> None:
    settings = start(ALLOWED_HOSTS="localhost", BASE_URL="https://localhost:8443")
    assert (settings.LOCAL, settings.SESSION_COOKIE_SECURE) == (False, True)
    assert serves_this_machine_only("localhost", "https://localhost:8443")


def test_links_begin_with_the_address(settings: Any) -> None:
    assert base_url(8000) == "http://127.0.0.1:8000"
    settings.BASE_URL = parse_base_url("https://console.example.org:8443/branchkeep")
    assert base_url(8000) == "https://console.example.org:8443"
    assert django_settings.BASE_URL.path == "/branchkeep"
