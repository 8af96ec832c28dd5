"""An app's branches: the list, adding, changing; deleting is test_delete_branch.py."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from tests.factories import form_errors, set_secret
from tests.fixtures.people import World

LIST = "/apps/d1shop/settings/branches/"


def production(world: World) -> list[str]:
    """Return the names of the app's production branches."""
    return list(world.app.branches.filter(production=True).values_list("name", flat=True))


@pytest.fixture
def deleted(world: World) -> Branch:
    """Return a deleted branch."""
    return Branch.objects.create(app=world.app, name="aged", deleted_at=timezone.now())


def test_it_works(alice: Client, world: World) -> None:
    response = alice.post(
        f"{LIST}add/", {"name": "beta", "stage": "BETA", "protected": "on"}, follow=True
    )
    assert response.redirect_chain == [(LIST, 302)]
    assert "Saved the branch beta." in response.text
    branch = Branch.objects.get(name="beta")
    assert (branch.app, branch.stage, branch.protected, branch.production) == (
        world.app, "BETA", True, False,
    )  # fmt: skip
    assert [row.name for row in response.context["branches"]] == ["beta", "dev", "main"]


def test_deleted_branches_are_last(alice: Client, deleted: Branch) -> None:
    response = alice.get(LIST)
    assert [row.name for row in response.context["branches"]] == ["dev", "main", "aged"]
    assert "Deleted" in response.text


def test_no_branches(alice: Client, world: World) -> None:
    world.app.branches.all().delete()
    assert "No branches yet" in alice.get(LIST).text


def test_change(alice: Client, world: World) -> None:
    form = {"stage": "EXPERIMENTAL", "protected": "on"}
    response = alice.post(f"{LIST}{world.dev.pk}/", form, follow=True)
    assert "Saved the branch dev." in response.text
    world.dev.refresh_from_db()
    assert (world.dev.stage, world.dev.protected) == ("EXPERIMENTAL", True)


def test_name_cannot_be_changed(alice: Client, world: World) -> None:
    page = alice.get(f"{LIST}{world.dev.pk}/")
    assert "name" not in page.context["form"].fields
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "NONE", "name": "other"})
    world.dev.refresh_from_db()
    assert world.dev.name == "dev"


def test_production_moves_by_a_change(alice: Client, world: World) -> None:
    assert production(world) == ["main"]
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "PRODUCTION", "production": "on"})
    assert production(world) == ["dev"]
    assert Branch.objects.get(pk=world.main.pk).protected  # unrelated to production


def test_production_moves_to_a_new_branch(alice: Client, world: World) -> None:
    alice.post(f"{LIST}add/", {"name": "new", "stage": "NONE", "production": "on"})
    assert production(world) == ["new"]


def test_production_can_be_given_up(alice: Client, world: World) -> None:
    alice.post(f"{LIST}{world.main.pk}/", {"stage": "NONE", "protected": "on"})
    assert production(world) == []


def test_production_of_another_app(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.other_branch.pk).update(production=True)
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "NONE", "production": "on"})
    assert Branch.objects.get(pk=world.other_branch.pk).production


@pytest.mark.parametrize("stage", ["", "STAGING", "production"])
def test_invalid_stage(alice: Client, world: World, stage: str) -> None:
    for url in ("add/", f"{world.dev.pk}/"):
        response = alice.post(f"{LIST}{url}", {"name": "new", "stage": stage})
        assert list(form_errors(response)) == ["stage"]


def test_restored_branch_has_its_secrets(alice: Client, world: World) -> None:
    secret = set_secret(world, "API_KEY", "canary", world.dev)
    alice.post(f"{LIST}{world.dev.pk}/delete/")
    response = alice.post(f"{LIST}add/", {"name": "dev", "stage": "BETA", "protected": "on"})
    assert response.status_code == 302
    branch = Branch.objects.get(app=world.app, name="dev")
    assert (branch.pk, branch.deleted_at, branch.stage, branch.protected) == (
        world.dev.pk, None, "BETA", True,
    )  # fmt: skip
    [row] = alice.get(f"/apps/d1shop/hosting/secrets/?branch={branch.pk}").context["listing"].rows
    assert (row.pk, row.deleted) == (secret.pk, False)


def test_restored_branch_stays_protected(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.main.pk).update(deleted_at=timezone.now(), production=False)
    response = alice.post(f"{LIST}add/", {"name": "main", "stage": "NONE"}, follow=True)
    assert "It is still protected, as it was before it was deleted." in response.text
    assert Branch.objects.get(pk=world.main.pk).protected
    response = alice.post(f"{LIST}{world.main.pk}/", {"stage": "NONE"}, follow=True)
    assert "still protected" not in response.text
    assert not Branch.objects.get(pk=world.main.pk).protected


def test_deleted_branch_cannot_be_changed(alice: Client, world: World, deleted: Branch) -> None:
    response = alice.post(f"{LIST}{deleted.pk}/", {"stage": "NONE", "production": "on"})
    assert form_errors(response) == {
        "__all__": ["This branch was deleted. Add it again, then change it."]
    }
    assert production(world) == ["main"]


@pytest.mark.parametrize("pk", [0, 999_999, 99_999_999_999_999_999_999])
@pytest.mark.parametrize("page", ["", "delete/"])
def test_unknown_branch(alice: Client, pk: int, page: str) -> None:
    assert alice.get(f"{LIST}{pk}/{page}").status_code == 404
    assert alice.post(f"{LIST}{pk}/{page}", {"stage": "NONE"}).status_code == 404


def test_form_keeps_the_input(alice: Client, world: World) -> None:
    response = alice.post(f"{LIST}add/", {"name": " a\tb ", "stage": "BETA", "protected": "on"})
    form: Any = response.context["form"]
    assert (form["name"].value(), form["stage"].value()) == (" a\tb ", "BETA")
    assert form["protected"].value() is True
