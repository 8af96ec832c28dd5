"""A wrong Host gets a 400, and no link is built from a spoofed one (guarantee 24)."""

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
def test_wrong_host(world: World, client: Client, host: str, path: str) -> None:
    response = client.get(path, headers={"host": host})
    assert response.status_code == 400
    assert EVIL not in response.text
    assert "Location" not in response.headers


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
def test_forwarded_host_is_ignored(
    client_for: Callable[[str], Client], name: str, path: str
) -> None:
    client = client_for(name)
    plain, spoofed = client.get(path), client.get(path, headers=SPOOFED)
    assert spoofed.status_code == plain.status_code
    assert EVIL not in spoofed.text + str(spoofed.headers)


def test_sign_in_redirects_to_the_own_host(world: World, client: Client) -> None:
    world.person("bob")
    post = {"login": "bob@example.org", "password": PASSWORD}
    response = client.post("/accounts/login/", post, headers=SPOOFED)
    assert response["Location"] == "/"
