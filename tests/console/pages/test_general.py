"""An app's general settings."""

import pytest
from django.test import Client

from console.models import App
from tests.console.pages.conftest import errors
from tests.fixtures.people import World

URL = "/apps/d1shop/settings/general/"
FORM = {"name": "Renamed", "repository": "github.com/a/b", "path_profile": "backend"}


def test_it_works(alice: Client, world: World) -> None:
    page = alice.get(URL)
    assert page.context["form"].initial["name"] == "Shop"
    for words in (
        "General",
        "App ID",
        "d1shop",
        "Region",
        "us-east-1",
        "The next check against the store shows",
    ):
        assert words in page.text
    answer = alice.post(URL, FORM, follow=True)
    assert answer.redirect_chain == [(URL, 302)]
    assert "Saved." in answer.text
    app = App.objects.get(pk=world.app.pk)
    assert {name: getattr(app, name) for name in FORM} == FORM
    assert (app.app_id, app.region) == ("d1shop", "us-east-1")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "   "),
        ("name", "x" * 256),
        ("name", "a\0b"),
        ("repository", "x" * 1001),
        ("path_profile", ""),
        ("path_profile", "other"),
    ],
)
def test_what_is_refused(alice: Client, world: World, field: str, value: str) -> None:
    answer = alice.post(URL, FORM | {field: value})
    assert list(errors(answer)) == [field]
    assert App.objects.get(pk=world.app.pk).name == "Shop"


def test_a_refused_name_is_not_in_the_frame(alice: Client) -> None:
    answer = alice.post(URL, {"name": "Unsaved", "path_profile": "other"})
    assert answer.context["app"].name == "Shop"
    assert answer.context["form"]["name"].value() == "Unsaved"


@pytest.mark.parametrize("name", ["<b>Shop</b>", "Шоп", "x" * 255, "{{ 7 }}", 'a"b'])
def test_any_name(alice: Client, world: World, name: str) -> None:
    answer = alice.post(URL, FORM | {"name": name}, follow=True)
    assert App.objects.get(pk=world.app.pk).name == name
    assert "<b>Shop" not in answer.text


def test_an_empty_post_changes_nothing(alice: Client, world: World) -> None:
    assert set(errors(alice.post(URL))) == {"name", "path_profile"}
    assert App.objects.get(pk=world.app.pk).name == "Shop"
