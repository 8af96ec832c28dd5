"""The form that edits one secret is fetched on demand, so the list stays small."""

import gzip
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from secrets_app.models import Secret
from tests.factories import secret_row, set_secret
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]
LIST = "/apps/d1shop/hosting/secrets/"
HTMX = {"hx-request": "true"}
QUERIES, EDIT_QUERIES = 14, 9  # of the list, and of the form
BYTES_OF_A_ROW = 1_000
PACKED_BYTES_OF_A_ROW = 45


def edit_url(world: World, key: str, branch: Any = None) -> str:
    return f"{LIST}{secret_row(world, key, branch).pk}/edit/"


def test_it_works(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY", "CANARY")
    fragment = client_for("alice").get(edit_url(world, "API_KEY"), headers=HTMX).text
    assert fragment.lstrip().startswith("<form")
    pk = secret_row(world, "API_KEY").pk
    for name in (f"value-{pk}", f"base-{pk}", f"new-{pk}-branch", "change_set"):
        assert f'name="{name}"' in fragment
    assert "CANARY" not in fragment


def test_a_branch_that_overrides_already(world: World, client_for: ClientFor) -> None:
    for branch in (None, world.dev):
        set_secret(world, "API_KEY", branch=branch)
    response = client_for("alice").get(edit_url(world, "API_KEY"))
    assert [label for _, label in response.context["branch_choices"]] == ["Choose a branch", "main"]
    own = client_for("alice").get(edit_url(world, "API_KEY", world.dev))
    assert own.context["branch_choices"] == []


def test_a_developer_may_not_override_on_main(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY")
    response = client_for("bob").get(edit_url(world, "API_KEY"))
    assert [label for _, label in response.context["branch_choices"]] == ["Choose a branch", "dev"]


def test_a_viewer(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY")
    assert client_for("vera").get(edit_url(world, "API_KEY")).status_code == 403
    listing = client_for("vera").get(LIST).text
    assert "/edit/" not in listing
    assert "quick-add" not in listing


def test_a_blank_override_is_not_saved(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY")
    blank = {"new-7-key": "API_KEY", "new-7-branch": "?", "new-7-value": "", "new-7-offered": "on"}
    assert client_for("alice").post(f"{LIST}manage/", blank).status_code == 302
    assert Secret.objects.count() == 1


@pytest.mark.parametrize("branch", ["?", ""])
def test_an_override_without_a_branch(world: World, client_for: ClientFor, branch: str) -> None:
    set_secret(world, "API_KEY", "shared")
    fields = {"new-7-key": "API_KEY", "new-7-branch": branch, "new-7-value": "x"}
    response = client_for("alice").post(f"{LIST}manage/", {**fields, "new-7-offered": "on"})
    assert response.status_code == 422
    assert secret_row(world, "API_KEY").version == 1


def test_a_large_list_stays_small(
    world: World, client_for: ClientFor, django_assert_num_queries: Any
) -> None:
    """The list of a thousand secrets: bytes of a row, and the queries of the page."""
    now = timezone.now()
    Secret.objects.bulk_create(
        Secret(
            pk=number + 1,  # ids stand in rows, and would have more digits after other tests
            app=world.app,
            key=f"KEY_{number:04}",
            version=1,
            changed_at=now,
            touched_at=now,
        )
        for number in range(1000)
    )
    alice = client_for("alice")
    few = alice.get(LIST, {"per_page": "50"}).content
    with django_assert_num_queries(QUERIES):
        many = alice.get(LIST, {"per_page": "100"}).content
    assert (len(many) - len(few)) / 50 < BYTES_OF_A_ROW
    assert (len(gzip.compress(many)) - len(gzip.compress(few))) / 50 < PACKED_BYTES_OF_A_ROW
    with django_assert_num_queries(EDIT_QUERIES):
        alice.get(edit_url(world, "KEY_0777"), headers=HTMX)


def test_adding_the_key_in_another_scope(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    url = edit_url(world, "API_KEY", world.main)
    for on, label in ((str(world.dev.pk), "dev"), ("", "All branches")):
        response = client_for("alice").get(url, {"on": on})
        assert f"Add it on {label}" in response.text
        assert response.context["branch_choices"] == [(on, label)]
        assert f'name="value-{secret_row(world, "API_KEY", world.main).pk}"' not in response.text


def test_adding_it_where_it_is_already(world: World, client_for: ClientFor) -> None:
    for branch in (None, world.main):
        set_secret(world, "API_KEY", branch=branch)
    response = client_for("alice").get(edit_url(world, "API_KEY"), {"on": str(world.main.pk)})
    assert response["Location"] == edit_url(world, "API_KEY", world.main)


def test_adding_it_where_one_may_not(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY", branch=world.dev)
    url = edit_url(world, "API_KEY", world.dev)
    for on in (str(world.main.pk), ""):  # All branches reaches main, which is protected
        assert client_for("bob").get(url, {"on": on}).status_code == 403
    world.main.deleted_at = timezone.now()
    world.main.save()
    for on in (str(world.main.pk), str(world.other_branch.pk), "x", "9" * 30):
        assert client_for("alice").get(url, {"on": on}).status_code == 404
