"""People choose the theme and the time zone of their pages."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.models import User
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]

PREFERENCES = "/accounts/preferences/"


def chosen(world: World, person: str = "bob") -> tuple[str, str]:
    """Return the person's theme and time zone, as stored."""
    user = User.objects.get(pk=world.person(person).pk)
    return user.theme, user.time_zone


def test_it_works(world: World, client_for: ClientFor) -> None:
    bob = client_for("bob")
    assert 'data-theme="system" data-zone=""' in bob.get("/").text
    values = {"theme": "dark", "time_zone": "Europe/Berlin", "single_keys": True}
    response = bob.post(PREFERENCES, values, follow=True)
    assert "Preferences saved." in response.text
    assert chosen(world) == ("dark", "Europe/Berlin")
    for page in (PREFERENCES, "/apps/d1shop/hosting/secrets/"):
        assert 'data-theme="dark" data-zone="Europe/Berlin"' in bob.get(page).text
    page = bob.get(PREFERENCES)
    assert page.text.count(" selected>") == 1
    assert '<option value="Europe/Berlin" selected>Europe/Berlin</option>' in page.text
    assert '<select name="time_zone" aria-describedby="id_time_zone_helptext"' in page.text
    form = page.context["form"]
    assert {name: form[name].value() for name in form.fields} == values


def test_shortcuts_of_a_single_key(world: World, client_for: ClientFor) -> None:
    bob = client_for("bob")
    assert "data-keys" not in bob.get("/").text
    bob.post(PREFERENCES, {"theme": "system", "time_zone": ""})  # unchecked
    assert 'data-keys="off"' in bob.get("/").text
    bob.post(PREFERENCES, {"theme": "system", "time_zone": "", "single_keys": "on"})
    assert "data-keys" not in bob.get("/").text


def test_only_for_oneself(world: World, client_for: ClientFor) -> None:
    values = {"theme": "dark", "time_zone": "UTC", "id": world.person("alice").pk, "email": "x@y.z"}
    client_for("bob").post(PREFERENCES, values)
    assert chosen(world, "alice") == ("system", "")
    assert User.objects.get(pk=world.person("bob").pk).email == "bob@example.org"


def test_back_to_the_browsers(world: World, client_for: ClientFor) -> None:
    bob = client_for("bob")
    bob.post(PREFERENCES, {"theme": "light", "time_zone": "Asia/Tokyo"})
    bob.post(PREFERENCES, {"theme": "system", "time_zone": ""})
    assert chosen(world) == ("system", "")


@pytest.mark.parametrize(
    "values",
    [
        {"theme": "purple", "time_zone": ""},
        {"theme": "", "time_zone": ""},
        {"theme": "dark", "time_zone": "Europe"},
        {"theme": "dark", "time_zone": "Mars/Olympus"},
        {"theme": "dark", "time_zone": '"><script>'},
    ],
)
def test_unknown_choices(world: World, client_for: ClientFor, values: dict[str, str]) -> None:
    response = client_for("bob").post(PREFERENCES, values)
    assert response.status_code == 422
    assert response.context["form"].errors
    assert '"><script>' not in response.text
    assert chosen(world) == ("system", "")


def test_before_signing_in(world: World) -> None:
    page = Client().get("/accounts/login/").text
    assert "data-theme" not in page
