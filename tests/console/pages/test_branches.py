"""An app's branches: the list, adding, changing; deleting is test_delete_branch.py."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from secrets_app.models import Secret
from tests.console.pages.conftest import errors
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
    answer = alice.post(
        f"{LIST}add/", {"name": "beta", "stage": "BETA", "protected": "on"}, follow=True
    )
    assert answer.redirect_chain == [(LIST, 302)]
    assert "Saved the branch beta." in answer.text
    branch = Branch.objects.get(name="beta")
    assert (branch.app, branch.stage, branch.protected, branch.production) == (
        world.app, "BETA", True, False,
    )  # fmt: skip
    assert [row.name for row in answer.context["branches"]] == ["beta", "dev", "main"]


def test_deleted_ones_come_last(alice: Client, deleted: Branch) -> None:
    answer = alice.get(LIST)
    assert [row.name for row in answer.context["branches"]] == ["dev", "main", "aged"]
    assert "Deleted" in answer.text


def test_an_app_without_branches(alice: Client, world: World) -> None:
    world.app.branches.all().delete()
    assert "No branches yet" in alice.get(LIST).text


def test_changing_one(alice: Client, world: World) -> None:
    form = {"stage": "EXPERIMENTAL", "protected": "on"}
    answer = alice.post(f"{LIST}{world.dev.pk}/", form, follow=True)
    assert "Saved the branch dev." in answer.text
    world.dev.refresh_from_db()
    assert (world.dev.stage, world.dev.protected) == ("EXPERIMENTAL", True)


def test_its_name_stays(alice: Client, world: World) -> None:
    page = alice.get(f"{LIST}{world.dev.pk}/")
    assert "name" not in page.context["form"].fields
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "NONE", "name": "other"})
    world.dev.refresh_from_db()
    assert world.dev.name == "dev"


def test_production_moves_by_a_change(alice: Client, world: World) -> None:
    assert production(world) == ["main"]
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "PRODUCTION", "production": "on"})
    assert production(world) == ["dev"]
    assert Branch.objects.get(pk=world.main.pk).protected  # that is another matter


def test_production_moves_to_a_new_branch(alice: Client, world: World) -> None:
    alice.post(f"{LIST}add/", {"name": "new", "stage": "NONE", "production": "on"})
    assert production(world) == ["new"]


def test_production_can_be_given_up(alice: Client, world: World) -> None:
    alice.post(f"{LIST}{world.main.pk}/", {"stage": "NONE", "protected": "on"})
    assert production(world) == []


def test_production_of_another_app_stays(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.other_branch.pk).update(production=True)
    alice.post(f"{LIST}{world.dev.pk}/", {"stage": "NONE", "production": "on"})
    assert Branch.objects.get(pk=world.other_branch.pk).production


@pytest.mark.parametrize("stage", ["", "STAGING", "production"])
def test_a_stage_that_is_none(alice: Client, world: World, stage: str) -> None:
    for url in ("add/", f"{world.dev.pk}/"):
        answer = alice.post(f"{LIST}{url}", {"name": "new", "stage": stage})
        assert list(errors(answer)) == ["stage"]


def test_a_deleted_one_comes_back_with_its_secrets(
    alice: Client, world: World, make_secret: Callable[..., Secret]
) -> None:
    secret = make_secret(world.dev)
    alice.post(f"{LIST}{world.dev.pk}/delete/")
    answer = alice.post(f"{LIST}add/", {"name": "dev", "stage": "BETA", "protected": "on"})
    assert answer.status_code == 302
    branch = Branch.objects.get(app=world.app, name="dev")
    assert (branch.pk, branch.deleted_at, branch.stage, branch.protected) == (
        world.dev.pk, None, "BETA", True,
    )  # fmt: skip
    [row] = alice.get(f"/apps/d1shop/hosting/secrets/?branch={branch.pk}").context["listing"].rows
    assert (row.pk, row.deleted) == (secret.pk, False)


def test_a_protected_one_comes_back_protected(alice: Client, world: World) -> None:
    Branch.objects.filter(pk=world.main.pk).update(deleted_at=timezone.now(), production=False)
    answer = alice.post(f"{LIST}add/", {"name": "main", "stage": "NONE"}, follow=True)
    assert "It is still protected, as it was before it was deleted." in answer.text
    assert Branch.objects.get(pk=world.main.pk).protected
    answer = alice.post(f"{LIST}{world.main.pk}/", {"stage": "NONE"}, follow=True)
    assert "still protected" not in answer.text
    assert not Branch.objects.get(pk=world.main.pk).protected


def test_a_deleted_one_is_not_changed(alice: Client, world: World, deleted: Branch) -> None:
    answer = alice.post(f"{LIST}{deleted.pk}/", {"stage": "NONE", "production": "on"})
    assert errors(answer) == {"__all__": ["This branch was deleted. Add it again, then change it."]}
    assert production(world) == ["main"]


@pytest.mark.parametrize("pk", [0, 999_999, 99_999_999_999_999_999_999])
@pytest.mark.parametrize("page", ["", "delete/"])
def test_a_branch_that_is_not_there(alice: Client, pk: int, page: str) -> None:
    assert alice.get(f"{LIST}{pk}/{page}").status_code == 404
    assert alice.post(f"{LIST}{pk}/{page}", {"stage": "NONE"}).status_code == 404


def test_what_was_typed_stays(alice: Client, world: World) -> None:
    answer = alice.post(f"{LIST}add/", {"name": " a\tb ", "stage": "BETA", "protected": "on"})
    form: Any = answer.context["form"]
    assert (form["name"].value(), form["stage"].value()) == (" a\tb ", "BETA")
    assert form["protected"].value() is True
