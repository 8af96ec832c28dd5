"""A wrong Host is answered with 400, and no link is built from a spoofed one (guarantee 24)."""

from collections.abc import Callable

import pytest
from django.test import Client

from tests.fixtures.people import PASSWORD, World

EVIL = "evil.example"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "localhost:8000", "[::1]:8000"])
def test_it_works(client: Client, host: str) -> None:
    assert client.get("/healthz", headers={"host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        EVIL,
        "localhost.evil.example",
        "evil.example:8000",
        "localhost@evil.example",
        "localhost:8000@evil.example",
        "localhost evil.example",
        "localhost/evil.example",
        "",
    ],
)
@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/admin/", "/apps/new", "/nowhere"])
def test_a_wrong_host(world: World, client: Client, host: str, path: str) -> None:
    answer = client.get(path, headers={"host": host})
    assert answer.status_code == 400
    assert EVIL not in answer.text
    assert "Location" not in answer.headers


SPOOFED = {
    "X-Forwarded-Host": EVIL,
    "X-Host": EVIL,
    "X-Forwarded-Server": EVIL,
    "Forwarded": f"host={EVIL}",
    "X-Original-URL": f"https://{EVIL}/",
    "X-Rewrite-URL": f"https://{EVIL}/",
}


@pytest.mark.parametrize("path", ["/", "/apps/d1shop/", "/apps/new", "/admin/", "/nowhere"])
@pytest.mark.parametrize("name", ["", "alice", "olga"])
def test_a_forwarded_host_counts_for_nothing(
    as_: Callable[[str], Client], name: str, path: str
) -> None:
    client = as_(name)
    plain, spoofed = client.get(path), client.get(path, headers=SPOOFED)
    assert spoofed.status_code == plain.status_code
    assert EVIL not in spoofed.text + str(spoofed.headers)


def test_signing_in_leads_nowhere_else(world: World, client: Client) -> None:
    world.person("bob")
    post = {"login": "bob@example.org", "password": PASSWORD}
    answer = client.post("/accounts/login/", post, headers=SPOOFED)
    assert answer["Location"] == "/"
