"""An app's general settings."""

import pytest
from django.test import Client
from django.utils import timezone

from console.models import App, Branch, BranchConnection
from tests.factories import form_errors
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
        "After a change to both paths, the Secrets page copies the secrets",
    ):
        assert words in page.text
    response = alice.post(URL, FORM, follow=True)
    assert response.redirect_chain == [(URL, 302)]
    assert "Saved." in response.text
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
def test_invalid_input(alice: Client, world: World, field: str, value: str) -> None:
    response = alice.post(URL, FORM | {field: value})
    assert list(form_errors(response)) == [field]
    assert App.objects.get(pk=world.app.pk).name == "Shop"


def test_rejected_name_is_not_shown_as_the_app_name(alice: Client) -> None:
    response = alice.post(URL, {"name": "Unsaved", "path_profile": "other"})
    assert response.context["app"].name == "Shop"
    assert response.context["form"]["name"].value() == "Unsaved"


@pytest.mark.parametrize("name", ["<b>Shop</b>", "Шоп", "x" * 255, "{{ 7 }}", 'a"b'])
def test_any_name(alice: Client, world: World, name: str) -> None:
    response = alice.post(URL, FORM | {"name": name}, follow=True)
    assert App.objects.get(pk=world.app.pk).name == name
    assert "<b>Shop" not in response.text


def test_empty_post(alice: Client, world: World) -> None:
    assert set(form_errors(alice.post(URL))) == {"name", "path_profile"}
    assert App.objects.get(pk=world.app.pk).name == "Shop"


def test_field_that_the_form_lacks_is_invalid(alice: Client, world: World) -> None:
    App.objects.filter(pk=world.app.pk).update(region="")  # nothing in Branchkeep writes that
    assert alice.get(URL).status_code == 200
    response = alice.post(URL, {"name": "Renamed", "path_profile": "both"})
    assert response.status_code == 302
    world.app.refresh_from_db()
    assert (world.app.name, world.app.region) == ("Renamed", "")


def test_branch_with_an_invalid_stage(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.dev.pk).update(stage="GONE")
    BranchConnection.objects.create(branch=world.dev, seen_at=timezone.now())
    url = f"/apps/d1shop/settings/branches/{world.dev.pk}/"
    assert alice.post(url, {"protected": "on"}).status_code == 302
    world.dev.refresh_from_db()
    assert world.dev.protected
