"""The filter, order and page of a list stay in edit mode, after Save and after Cancel."""

import re

import pytest
from django.test import Client

from tests.factories import set_secret, set_variable
from tests.fixtures.people import World

SECRETS = "/apps/d1shop/hosting/secrets/"
VARIABLES = "/apps/d1shop/hosting/environment-variables/"


@pytest.mark.parametrize("url", [SECRETS, VARIABLES])
def test_it_works(alice: Client, world: World, url: str) -> None:
    for number in range(16):
        set_secret(world, f"KEY_{number}", "value", world.dev)
        set_variable(world, f"KEY_{number}", "value", world.dev)
    query = f"?q=KEY&branch={world.dev.pk}&sort=-changed&page=2"
    assert links(alice, url + query, "manage/") == [f"{url}manage/{query}"] * 2  # and quick add
    assert links(alice, f"{url}manage/{query}", "") == [url + query]  # Cancel
    body = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    saved = alice.post(f"{url}manage/{query}", body)
    assert saved.status_code == 302
    assert saved["Location"] == url + query
    rows = alice.get(saved["Location"]).context["listing"].rows
    assert [row.key for row in rows] == ["KEY_0"]


@pytest.mark.parametrize("url", [SECRETS, VARIABLES])
def test_defaults_are_left_out(alice: Client, world: World, url: str) -> None:
    assert (
        links(alice, f"{url}?q=&branch=&sort=wrong&page=1&per_page=15", "manage/")[0]
        == f"{url}manage/"
    )
    assert links(alice, f"{url}?page=9", "manage/")[0] == f"{url}manage/"  # there is one page
    assert links(alice, f"{url}?per_page=50", "manage/")[0] == f"{url}manage/?per_page=50"


def links(client: Client, page: str, below: str) -> list[str]:
    """Return where a page leads to in or below its list, except to the whole list."""
    text = client.get(page).text.replace("&amp;", "&")
    path = page.partition("?")[0].removesuffix("manage/")
    found = re.findall(rf'(?:href|action)="({path}{below}(?:\?[^"]*)?)"', text)
    return [link for link in found if link != path]
