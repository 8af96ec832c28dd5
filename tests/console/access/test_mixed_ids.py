"""App B's objects can't be reached through app A, even by an owner of both (guarantee 15)."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.models import Branch, Member
from secrets_app.models import Secret
from tests.fixtures.people import World


@pytest.fixture
def client(world: World, as_: Callable[[str], Client]) -> Client:
    """Return oscar, who owns both apps."""
    Member.objects.create(app=world.app, user=world.person("oscar"), role="owner")
    return as_("oscar")


@pytest.fixture
def foreign(world: World, make_secret: Callable[..., Secret], client: Client) -> Secret:
    """Return a secret of the other app."""
    return make_secret(world.other_branch)


def test_it_works(client: Client, foreign: Secret, world: World) -> None:
    there = "/apps/d2other"
    assert client.get(f"{there}/settings/branches/{world.other_branch.pk}/").status_code == 200
    assert client.get(f"{there}/hosting/secrets/{foreign.pk}/").status_code == 200


@pytest.mark.parametrize("page", ["", "delete/"])
def test_a_branch_of_another_app(client: Client, world: World, page: str) -> None:
    url = f"/apps/d1shop/settings/branches/{world.other_branch.pk}/{page}"
    assert client.get(url).status_code == 404
    assert client.post(url, {"stage": "BETA"}).status_code == 404
    branch = Branch.objects.get(pk=world.other_branch.pk)
    assert (branch.stage, branch.deleted_at) == ("NONE", None)


@pytest.mark.parametrize("page", ["", "reveal/", "mirror/"])
def test_a_secret_of_another_app(client: Client, foreign: Secret, page: str) -> None:
    url = f"/apps/d1shop/hosting/secrets/{foreign.pk}/{page}"
    answer = client.post(url) if page else client.get(url)
    assert answer.status_code == 404


def test_a_change_of_another_apps_secret(client: Client, foreign: Secret) -> None:
    post = {f"value-{foreign.pk}": "new", f"base-{foreign.pk}": 1}
    answer = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert answer.status_code == 422
    assert Secret.objects.get(pk=foreign.pk).version == 1


def test_a_removal_of_another_apps_secret(client: Client, foreign: Secret) -> None:
    post = {f"remove-{foreign.pk}": "on", f"base-{foreign.pk}": 1}
    answer = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert answer.status_code == 422
    assert Secret.objects.filter(pk=foreign.pk).exists()


def test_a_new_secret_on_another_apps_branch(client: Client, world: World) -> None:
    post = {"new-1-key": "K", "new-1-value": "v", "new-1-branch": world.other_branch.pk}
    answer = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert answer.status_code == 422
    assert "This branch no longer exists" in answer.text
    assert not Secret.objects.exists()


def test_a_ticked_secret_of_another_app(client: Client, foreign: Secret, world: World) -> None:
    url = f"/apps/d1shop/settings/branches/{world.dev.pk}/delete/"
    client.post(url, {"remove": [f"{foreign.pk}:{foreign.version}"]})
    assert Secret.objects.filter(pk=foreign.pk).exists()


def test_a_filter_by_another_apps_branch(client: Client, foreign: Secret, world: World) -> None:
    url = f"/apps/d1shop/hosting/secrets/?branch={world.other_branch.pk}"
    assert client.get(url).context["listing"].rows == []
