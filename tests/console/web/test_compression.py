"""Pages are compressed; responses with values and files are not."""

import gzip
from collections.abc import Callable

import pytest
from django.test import Client

from tests.factories import set_secret, set_variable
from tests.fixtures.people import World

LIST = "/apps/d1shop/hosting/secrets/"


@pytest.fixture
def alice(client_for: Callable[[str], Client]) -> Client:
    """Return the owner's browser, which takes compressed responses."""
    client = client_for("alice")
    client.defaults["HTTP_ACCEPT_ENCODING"] = "gzip, deflate, br, zstd"
    return client


def test_it_works(world: World, alice: Client) -> None:
    for number in range(50):
        set_secret(world, f"KEY_{number}")
    response = alice.get(LIST)
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    page = gzip.decompress(response.content)
    assert b"KEY_0" in page
    assert len(response.content) < len(page) / 4


def test_two_responses_differ_in_size(world: World, alice: Client) -> None:
    set_secret(world, "KEY")
    sizes = {len(alice.get(LIST).content) for _ in range(10)}
    assert len(sizes) > 1  # padded at random, against BREACH


def test_browser_that_takes_no_compressed_pages(
    world: World, client_for: Callable[[str], Client]
) -> None:
    response = client_for("alice").get(LIST)
    assert not response.has_header("Content-Encoding")
    assert b"Secret management" in response.content


def test_a_revealed_value_is_not_compressed(world: World, alice: Client) -> None:
    secret = set_secret(world, "KEY", value="a value " * 100)
    response = alice.post(f"{LIST}{secret.pk}/reveal/")
    assert "a value a value" in response.text
    assert not response.has_header("Content-Encoding")


def test_a_rejected_form_is_not_compressed(world: World, alice: Client) -> None:
    response = alice.post("/apps/d1shop/settings/branches/add/", {"name": ""})
    assert response.status_code == 422
    assert not response.has_header("Content-Encoding")


def test_a_download_is_not_compressed(world: World, alice: Client) -> None:
    for number in range(50):
        set_variable(world, f"KEY_{number}", value="x" * 50)
    url = "/apps/d1shop/hosting/environment-variables/download/"
    response = alice.get(url, {"format": "env", "branch": world.main.pk})
    assert response.status_code == 200
    assert not response.has_header("Content-Encoding")
