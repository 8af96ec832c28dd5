"""The page on which an operator who owns the app claims a project."""

from collections.abc import Callable

from django.test import Client

from console.models import App
from tests.factories import set_role
from tests.fixtures.people import World

PAGE = "/apps/d1shop/settings/hosting-project/"
GENERAL = "/apps/d1shop/settings/general/"


def project() -> str:
    """Return the app's project."""
    return App.objects.get(app_id="d1shop").hosting_project


def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    set_role(world, "olga", "owner")
    olga = client_for("olga")
    assert "Set the project" in olga.get(GENERAL).text
    assert "Name in package.json" in olga.get(PAGE).text
    shown = olga.get(PAGE, {"name": "@acme/web-shop"}).text
    assert "/amplify/hosting/web-shop/config/" in shown
    assert "amplify/hosting/web-shop/secrets/" in shown
    assert project() == ""
    assert olga.post(PAGE, {"name": "@acme/web-shop"}).status_code == 302
    assert project() == "web-shop"
    assert "Release the project" in olga.get(GENERAL).text
    assert olga.post(f"{PAGE}release/").status_code == 302
    assert project() == ""


def test_project_of_another_app(world: World, client_for: Callable[[str], Client]) -> None:
    App.objects.filter(app_id="d2other").update(hosting_project="web-shop")
    set_role(world, "olga", "owner")
    page = client_for("olga").post(PAGE, {"name": "web-shop"})
    assert (page.status_code, "Another app has claimed this project" in page.text) == (422, True)
    assert project() == ""


def test_owner_who_is_not_an_operator(world: World, client_for: Callable[[str], Client]) -> None:
    alice = client_for("alice")
    assert "ask an operator who owns this app" in alice.get(GENERAL).text
    assert alice.get(PAGE).status_code == 403


def test_names_without_a_project(world: World, client_for: Callable[[str], Client]) -> None:
    set_role(world, "olga", "owner")
    olga = client_for("olga")
    for name in ("", "a" * 215):
        assert olga.get(PAGE, {"name": name}).status_code == 422
        assert olga.post(PAGE, {"name": name}).status_code == 422
    assert project() == ""
