"""Compare shows which branch has which key, without values."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import Variable
from secrets_app.models import Secret
from tests.factories import (
    connect,
    delete_secret,
    deploy,
    look,
    set_secret,
    set_variable,
)
from tests.factories.compare import COMPARE, add_branches, fill, marks, states
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

QUERIES = 10
BYTES = 400_000


def test_it_works(world: World, alice: Client) -> None:
    set_secret(world, "EVERYWHERE", "CANARY")
    set_secret(world, "EVERYWHERE", "CANARY", world.dev)
    set_secret(world, "ON_MAIN", "CANARY", world.main)
    set_variable(world, "ON_DEV", "CANARY", world.dev)
    response = alice.get(COMPARE)
    assert states(response) == {
        "EVERYWHERE": ["Own", "Inherited", "Own"],
        "ON_MAIN": ["Not set", "Own", "Missing"],
        "ON_DEV": ["Not set", "Missing", "Own"],
    }
    assert [head.name for head in response.context["heads"]] == ["All branches", "main", "dev"]
    assert [head.note for head in response.context["heads"]] == ["1 value", *["1 missing"] * 2]
    assert "CANARY" not in response.text


def test_a_secret_on_one_branch_and_a_variable_on_another(world: World, alice: Client) -> None:
    set_secret(world, "KEY", branch=world.main)
    set_variable(world, "KEY", "value", world.dev)
    response = alice.get(COMPARE, {"kind": "secret"})
    assert states(response) == {"KEY": ["Not set", "Own", "Missing"]}
    response = alice.get(COMPARE, {"kind": "variable"})
    assert states(response) == {"KEY": ["Not set", "Not set", "Own"]}
    assert [head.note for head in response.context["heads"][1:]] == ["Complete", "1 missing"]


def test_only_production_s_keys_are_missing_elsewhere(world: World, alice: Client) -> None:
    [other] = add_branches(world, 1)
    set_secret(world, "ON_DEV", branch=world.dev)
    assert states(alice.get(COMPARE))["ON_DEV"] == ["Not set", "Missing", "Own", "Not set"]
    set_secret(world, "ON_DEV", branch=world.main)
    set_secret(world, "ON_DEV", branch=other)
    assert states(alice.get(COMPARE))["ON_DEV"] == ["Not set", *["Own"] * 3]


def test_no_production_branch(world: World, alice: Client) -> None:
    Branch.objects.update(production=False)
    set_secret(world, "ON_DEV", branch=world.dev)
    add_branches(world, 1)
    response = alice.get(COMPARE)
    names = [head.name for head in response.context["heads"]]
    assert names == ["All branches", "dev", "feature/0", "main"]
    assert states(response)["ON_DEV"] == ["Not set", "Own", "Missing", "Missing"]


def test_the_same_key_of_both_kinds(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    set_variable(world, "API_KEY", branch=world.dev)
    groups = alice.get(COMPARE).context["groups"]
    assert [(group.label, [line.key for line in group.lines]) for group in groups] == [
        ("Secrets", ["API_KEY"]),
        ("Variables", ["API_KEY"]),
    ]


def test_pending(world: World, alice: Client, amplify: AmplifyServer) -> None:
    connect(world, amplify)
    set_variable(world, "API_URL", branch=world.dev)
    assert states(alice.get(COMPARE))["API_URL"] == ["Not set", "Missing", "Pending"]


def test_deleted_branches_do_not_count(world: World, alice: Client) -> None:
    set_secret(world, "ON_DEV", branch=world.dev)
    set_secret(world, "SHARED")
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    assert states(alice.get(COMPARE)) == {"SHARED": ["Own", "Inherited"]}


def test_a_removed_secret(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY")
    set_secret(world, "API_KEY", branch=world.dev)
    delete_secret(world, "API_KEY")
    assert states(alice.get(COMPARE))["API_KEY"] == ["Not set", "Missing", "Own"]


def test_cells_lead_to_the_value_or_to_adding_it(world: World, alice: Client) -> None:
    secret = set_secret(world, "API_KEY", branch=world.main)
    variable = set_variable(world, "API_URL")
    [[first], [second]] = [group.lines for group in alice.get(COMPARE).context["groups"]]
    hosting = "../hosting/"
    value = f"{hosting}secrets/{secret.pk}/"
    assert [address for _, address, *_ in first.cells] == [
        f"{value}edit/?on=",
        value,
        f"{value}edit/?on={world.dev.pk}",
    ]
    page = f"{hosting}environment-variables/{variable.pk}/"
    assert [address for _, address, *_ in second.cells] == [page] * 3
    for _, address, *_ in first.cells + second.cells:
        assert alice.get(f"/apps/d1shop/{address.removeprefix('../')}").status_code == 200


@pytest.mark.parametrize(("name", "missing"), [("alice", 2), ("bob", 1), ("vera", 0)])
def test_links_to_adding_need_the_permission(
    world: World, client_for: Callable[[str], Client], name: str, missing: int
) -> None:
    set_secret(world, "ON_MAIN", branch=world.main)  # neither for All branches nor on dev
    assert client_for(name).get(COMPARE).text.count("?on=") == missing


def test_changed_since_a_time(world: World, alice: Client) -> None:
    set_secret(world, "OLD", branch=world.main)
    set_variable(world, "OLD_SHARED")
    past = timezone.now() - timedelta(days=8)
    Secret.objects.update(changed_at=past)
    Variable.objects.update(changed_at=past)
    set_secret(world, "NEW")
    assert marks(alice.get(COMPARE)) == {
        "OLD": ["", "", ""],
        "OLD_SHARED": ["", "", ""],
        "NEW": ["changed"] * 3,
    }
    longer = marks(alice.get(COMPARE, {"since": "30"}))
    assert longer["OLD"] == ["", "changed", ""]
    assert longer["OLD_SHARED"] == ["changed"] * 3


def test_changed_since_the_last_deployment(
    world: World, alice: Client, amplify: AmplifyServer, console_on_amplify: None
) -> None:
    for key in ("SAME", "REMOVED"):
        set_secret(world, key, branch=world.dev)
    set_secret(world, "SHARED")
    connect(world, amplify)
    deploy(world, amplify, "dev")
    look(world)
    delete_secret(world, "REMOVED", world.dev)
    set_secret(world, "SHARED", "new")
    set_secret(world, "REMOVED", branch=world.main)
    response = alice.get(COMPARE)
    assert states(response)["REMOVED"] == ["Not set", "Own", "Missing"]
    assert marks(response) == {
        "SAME": ["", "", ""],
        "SHARED": ["changed", "", "changed"],  # main was never deployed
        "REMOVED": ["", "", "changed"],
    }


def test_no_keys_and_no_branches(world: World, client_for: Callable[[str], Client]) -> None:
    assert "No keys yet" in client_for("vera").get(COMPARE).text
    world.app.branches.all().delete()
    set_secret(world, "SHARED")
    assert "Add a branch to compare." in client_for("alice").get(COMPARE).text
    assert "Ask an owner of the app" in client_for("vera").get(COMPARE).text


def test_names_are_escaped(world: World, alice: Client) -> None:
    Branch.objects.create(app=world.app, name="<b>/x")
    set_secret(world, "SHARED")
    text = alice.get(COMPARE).text
    assert "&lt;b&gt;/<wbr>x" in text
    assert "<b>" not in text


def test_sixty_keys_on_fifty_branches(
    world: World, alice: Client, django_assert_num_queries: Any
) -> None:
    add_branches(world, 48)
    fill(world.app, keys=60)
    alice.get(COMPARE)
    with django_assert_num_queries(QUERIES):
        response = alice.get(COMPARE)
    assert len(states(response)) == 60
    assert len(response.content) < BYTES
