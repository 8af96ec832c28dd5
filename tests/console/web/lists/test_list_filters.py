"""The chips above the lists of secrets and variables, and the keys that a branch lacks."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.access.actors import OUTSIDE
from console.catalog.notes import set_note
from envvars_app.models import Variable
from secrets_app.models import Secret
from tests.factories import create_branch, set_secret, set_variable
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]
PAGES = {"secrets": set_secret, "environment-variables": set_variable}


def get(client: Client, page: str, query: str = "") -> Any:
    return client.get(f"/apps/d1shop/hosting/{page}/{query}")


def chips(response: Any) -> dict[str, int]:
    return {chip.label: chip.count for chip in response.context["listing"].chips}


def shown(response: Any) -> list[tuple[str, str]]:
    return [(row.branch, row.key) for row in response.context["listing"].rows]


def lacking(response: Any) -> list[tuple[str, str]]:
    return [(row.key, row.where) for row in response.context["listing"].missing]


@pytest.fixture
def values(world: World) -> None:
    """Set secrets and variables: two for All branches, an override, and what one branch has."""
    for key, branch in (("A", None), ("B", None), ("B", world.main), ("C", world.main)):
        set_secret(world, key, branch=branch)
        set_variable(world, key, "v", branch)
    for key in ("D", "E"):
        set_secret(world, key, branch=world.dev)
        set_variable(world, key, "v", world.dev)


@pytest.mark.usefixtures("values")
@pytest.mark.parametrize("page", PAGES)
def test_it_works(world: World, client_for: ClientFor, page: str) -> None:
    for key, labels in (("A", "payments"), ("B", "payments eu")):
        set_note(actor=world.actor("bob"), app_id="d1shop", key=key, note="", labels=labels, base=0)
    Secret.objects.filter(key="C").update(unencrypted=True)
    Secret.objects.filter(key="D").update(changed_by="")
    Variable.objects.filter(key="D").update(changed_by=OUTSIDE.label)
    bob = client_for("bob")
    found = get(bob, page)
    outside = {"secrets": {"Changed outside": 1, "Not encrypted": 1}}
    words = outside.get(page, {"Changed in Amplify": 1})
    assert chips(found) == {"All": 6, "Overrides": 1, **words, "eu": 2, "payments": 3}
    assert 'href="?only=overrides"' in found.text

    overrides = get(bob, page, "?only=overrides")
    assert shown(overrides) == [("main", "B")]
    assert chips(overrides) == chips(found)
    [current] = [chip for chip in overrides.context["listing"].chips if chip.is_current]
    assert (current.label, current.address) == ("Overrides", "?")
    assert shown(get(bob, page, "?only=outside")) == [("dev", "D")]
    both = get(bob, page, "?only=label:payments&q=main")
    assert (shown(both), chips(both)["payments"]) == ([("main", "B")], 1)
    assert "/manage/?only=overrides" in overrides.text
    edit = get(bob, f"{page}/manage", "?only=overrides")
    assert [row.key for row in edit.context["listing"].rows] == ["B"]
    assert edit.text.count('class="chip ') == 1  # to remove the filter


@pytest.mark.usefixtures("values")
@pytest.mark.parametrize("page", PAGES)
def test_what_a_branch_gets_and_lacks(world: World, client_for: ClientFor, page: str) -> None:
    vera, main = client_for("vera"), f"?branch={world.main.pk}"
    found = get(vera, page, main)
    assert chips(found) == {"All": 5, "Own": 2, "Inherited": 1, "Missing": 2}
    assert shown(found) == [("All branches", "A"), ("main", "B"), ("main", "C")]
    assert lacking(found) == [("D", "Only dev has it"), ("E", "Only dev has it")]
    assert found.context["listing"].total == 5
    assert "add-missing" not in found.text  # a viewer
    assert shown(get(vera, page, f"{main}&only=inherited")) == [("All branches", "A")]
    only = get(vera, page, f"{main}&only=missing")
    assert (shown(only), len(lacking(only))) == ([], 2)
    assert lacking(get(vera, page, f"{main}&only=own")) == []
    assert lacking(get(vera, page, f"{main}&q=e")) == [("E", "Only dev has it")]
    assert lacking(get(vera, page)) == []

    dev = get(client_for("bob"), page, f"?branch={world.dev.pk}")
    assert lacking(dev) == [("C", "Only main has it")]
    assert f'data-key="C"\n data-branch="{world.dev.pk}"' in dev.text
    edit = get(vera, f"{page}/manage", main)
    assert "Missing" not in edit.text


def test_missing_keys_come_last(world: World, client_for: ClientFor) -> None:
    other = create_branch(world, "release/1")
    for number in range(20):
        for branch in (other, world.dev):
            set_variable(world, f"LACKING_{number:02}", "v", branch)
        set_variable(world, f"OWN_{number:02}", "v", world.main)
    alice, main = client_for("alice"), f"?branch={world.main.pk}"
    pages = [get(alice, "environment-variables", f"{main}&page={page}") for page in (1, 2, 3)]
    assert [(len(shown(page)), len(lacking(page))) for page in pages] == [(15, 0), (5, 10), (0, 10)]
    assert lacking(pages[1])[0] == ("LACKING_00", "dev and release/1 have it")
    assert lacking(pages[2])[-1][0] == "LACKING_19"


@pytest.mark.parametrize("query", ["", "?only=overrides", "?branch={main}", "?only=label:none"])
def test_an_empty_app(world: World, client_for: ClientFor, query: str) -> None:
    for page in PAGES:
        response = get(client_for("alice"), page, query.format(main=world.main.pk))
        assert response.status_code == 200
        assert "No records to display" in response.text
