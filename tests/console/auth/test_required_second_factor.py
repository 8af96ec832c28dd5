"""Where a second factor is required, people set one up before anything else (guarantee 27)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from tests.console.auth.conftest import SIGN_IN
from tests.console.auth.test_second_factor import INDEX, RECOVERY, Browser, set_up

pytestmark = pytest.mark.usefixtures("clock")


@pytest.mark.parametrize(
    ("name", "required", "redirects"),
    [
        ("vera", "off", False),
        ("olga", "off", False),
        ("vera", "all", True),
        ("olga", "all", True),
        ("bob", "maintainers", False),
        ("charlie", "maintainers", False),
        ("mia", "maintainers", True),
        ("alice", "maintainers", True),
        ("olga", "maintainers", True),
    ],
)
def test_it_works(
    settings: Any, client_for: Callable[[str], Client], name: str, required: str, redirects: bool
) -> None:
    settings.REQUIRE_MFA = required
    response = client_for(name).get("/")
    assert response.get("Location") == (INDEX if redirects else None)


@pytest.fixture
def bob_without_factor(settings: Any, sign_in_bob: Browser) -> Client:
    """Return the browser of bob, who must have a second factor and has none."""
    settings.REQUIRE_MFA = "all"
    return sign_in_bob()


@pytest.mark.parametrize("url", ["/", "/apps/d1shop/", "/accounts/sessions/", "/admin/", RECOVERY])
def test_required_blocks_other_pages(bob_without_factor: Client, url: str) -> None:
    assert bob_without_factor.get(url)["Location"] == INDEX
    assert bob_without_factor.post(url).status_code == 403
    assert bob_without_factor.get(url, headers={"HX-Request": "true"}).status_code == 403


def test_required_continues_after_setup(bob_without_factor: Client) -> None:
    assert "You need a second factor" in bob_without_factor.get(INDEX).text
    set_up(bob_without_factor)
    assert bob_without_factor.get("/").status_code == 200
    assert "asks you for" not in bob_without_factor.get(INDEX).text


def test_required_allows_sign_out(bob_without_factor: Client) -> None:
    assert bob_without_factor.post("/accounts/logout/")["Location"] == SIGN_IN


@pytest.mark.parametrize("url", ["/healthz", SIGN_IN])
def test_required_leaves_public_pages(bob_without_factor: Client, url: str) -> None:
    assert Client().get(url).status_code == 200
    assert bob_without_factor.get("/healthz").status_code == 200
