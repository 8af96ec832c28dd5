"""The address of a request, directly and behind proxies."""

from typing import Any

import pytest
from django.test import RequestFactory

from console.access.actors import from_request
from console.lib.proxies import client_address, parse_proxies

PEER = "10.0.0.9"


@pytest.mark.parametrize(
    ("setting", "forwarded", "address"),
    [
        ("", "198.51.100.1", PEER),
        ("0", "198.51.100.1", PEER),
        ("1", "198.51.100.1", "198.51.100.1"),
        ("1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("2", "6.6.6.6, 198.51.100.1, 10.0.0.8", "198.51.100.1"),
        ("10.0.0.0/24", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.0/24", "6.6.6.6, 198.51.100.1, 10.0.0.8", "198.51.100.1"),
        ("10.0.0.9, fd00::/8", "6.6.6.6,198.51.100.1,fd00::1", "198.51.100.1"),
        ("10.0.0.9", "6.6.6.6, 10.0.0.8", "10.0.0.8"),
    ],
)
def test_it_works(setting: str, forwarded: str, address: str) -> None:
    assert client_address(PEER, forwarded, parse_proxies(setting)) == address


@pytest.mark.parametrize("setting", ["1", "2", "10.0.0.0/24"])
def test_proxy_without_the_header(setting: str) -> None:
    assert client_address(PEER, "", parse_proxies(setting)) == PEER


def test_fewer_entries_than_proxies() -> None:
    assert client_address(PEER, "6.6.6.6", parse_proxies("2")) == PEER


def test_header_from_outside_the_proxy_networks() -> None:
    assert client_address("203.0.113.7", "6.6.6.6", parse_proxies("10.0.0.0/24")) == "203.0.113.7"


@pytest.mark.parametrize(
    "claim", ["", "unknown", "_hidden", "1.2.3", "<script>", "::1::", "1.2.3.4;"]
)
@pytest.mark.parametrize("setting", ["1", "10.0.0.0/24"])
def test_invalid_address_is_ignored(setting: str, claim: str) -> None:
    assert client_address(PEER, f"6.6.6.6,{claim}", parse_proxies(setting)) == PEER


@pytest.mark.parametrize(
    ("header", "address"),
    [
        ("198.51.100.1:4711", "198.51.100.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:db8::1"),
        ("::ffff:198.51.100.1", "198.51.100.1"),
        ("fe80::1%eth0", "fe80::1"),
    ],
)
def test_notations_of_an_address(header: str, address: str) -> None:
    assert client_address(PEER, header, parse_proxies("1")) == address


def test_unix_socket_has_no_address() -> None:
    assert client_address("", "", parse_proxies("")) == ""
    assert client_address("", "198.51.100.1", parse_proxies("1")) == "198.51.100.1"


@pytest.mark.parametrize("setting", ["one", "1.2.3.4/33", "10.0.0.1/8", "1, x", "-1"])
def test_invalid_setting(setting: str) -> None:
    with pytest.raises(ValueError, match="Set it to the number of proxies"):
        parse_proxies(setting)


def test_audit_log_has_it(settings: Any, rf: RequestFactory) -> None:
    settings.PROXIES = parse_proxies("1")
    request = rf.get("/", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.1"}, REMOTE_ADDR=PEER)
    assert from_request(request).address == "198.51.100.1"
