"""The check against the store after a list has loaded: it sends what changed, and no more."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from secrets_app.models import Revalidation
from tests.factories import reconciled_secret, secret_paths, write_outside
from tests.fixtures.people import World

FRAGMENT = {"HX-Request": "true"}


@pytest.fixture
def alice(client_for: Any) -> Client:
    """Return a member's client."""
    client: Client = client_for("alice")
    return client


def check(alice: Client, since: str, query: str = "") -> str:
    """Return the response to the check that a page posts."""
    Revalidation.objects.all().delete()  # otherwise the last listing is recent enough
    url = reverse("secrets_revalidate", args=["d1shop"]) + query
    return alice.post(url, {"since": since, "mode": "list"}, headers=FRAGMENT).text


def since_of(alice: Client) -> str:
    """Load the list, and return when it was."""
    found: str = alice.get(reverse("secrets", args=["d1shop"])).context["since"]
    return found


def test_it_works(world: World, alice: Client) -> None:
    row = reconciled_secret(world, "API_KEY")
    reconciled_secret(world, "OTHER")
    since = since_of(alice)
    write_outside(secret_paths(world, "API_KEY")[0])
    answer = check(alice, since)
    assert f'<tr id="s-{row.pk}" hx-swap-oob="true">' in answer
    assert "OTHER" not in answer


def test_chips_are_counted_again(world: World, alice: Client) -> None:
    """Also if the row that changed is on another page."""
    reconciled_secret(world, "API_KEY")
    since = since_of(alice)
    write_outside(secret_paths(world, "API_KEY")[0])
    answer = " ".join(check(alice, since, "?page=2").split())
    assert '<div id="chips" hx-boost="true" hx-swap-oob="true">' in answer
    assert 'Changed outside <span class="n">1</span>' in answer


def test_nothing_changed(world: World, alice: Client) -> None:
    reconciled_secret(world, "API_KEY")
    answer = check(alice, since_of(alice))
    assert 'id="chips"' not in answer
    assert "API_KEY" not in answer


def test_something_was_added(world: World, alice: Client) -> None:
    reconciled_secret(world, "API_KEY")
    since = since_of(alice)
    write_outside(secret_paths(world, "OTHER")[0])
    answer = check(alice, since)
    assert answer.count('id="chips"') == 1
    assert 'id="listing" hx-swap-oob="true"' in answer
    assert "OTHER" in answer
