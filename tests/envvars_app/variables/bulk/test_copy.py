"""Copy variables to other scopes: choose, preview, apply."""

from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import Variable
from tests.envvars_app.variables.pages import BASE, apply_bulk, lines, post_bulk, seen_field
from tests.factories import (
    change_variable,
    remove_variable,
    set_variable,
    variable_audit_rows,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
COPY = f"{BASE}copy/"


@pytest.fixture
def feature(world: World) -> Branch:
    """Return a third branch."""
    return Branch.objects.create(app=world.app, name="feature/x")


def apply(client: Client, preview: Any, *scopes: Branch | None) -> Any:
    """Post the preview's form."""
    sheet = preview.context["sheet"]
    return post_bulk(
        client,
        "apply",
        sheet.text,
        *scopes,
        seen=seen_field(preview),
        format=sheet.format,
        several=1,
    )


def test_it_works(world: World, alice: Client, feature: Branch) -> None:
    main, dev = world.main, world.dev
    set_variable(world, "SHARED", "for all")
    set_variable(world, "OWN", " main's\n", main)
    set_variable(world, "OWN", "dev's", dev)
    page = alice.get(f"{COPY}?from={main.pk}")
    assert page.context["keys"] == ["OWN", "SHARED"]
    assert [label for _, label in page.context["targets"]] == ["All branches", "dev", "feature/x"]
    preview = alice.post(COPY, {"from": main.pk, "scope": [dev.pk, feature.pk]})
    assert preview.status_code == 200
    assert lines(preview) == [
        ("Changed", "OWN", "dev"),
        ("New", "OWN", "feature/x"),
        ("New", "SHARED", "dev"),
        ("New", "SHARED", "feature/x"),
    ]
    assert len(variable_values(world)) == 3  # nothing is written before Apply
    assert apply(alice, preview, dev, feature).status_code == 302
    copied = {"OWN": " main's\n", "SHARED": "for all"}
    for branch in ("dev", "feature/x"):
        assert {
            key: value for (at, key), value in variable_values(world).items() if at == branch
        } == copied


def test_only_its_own_values(world: World, alice: Client) -> None:
    set_variable(world, "SHARED")
    set_variable(world, "OWN", branch=world.main)
    page = alice.get(f"{COPY}?from={world.main.pk}&values=own")
    assert page.context["keys"] == ["OWN"]
    post = {"from": world.main.pk, "values": "own", "scope": world.dev.pk}
    assert lines(alice.post(COPY, post)) == [("New", "OWN", "dev")]


def test_only_selected_variables(world: World, alice: Client) -> None:
    for key in ("A", "B", "C"):
        set_variable(world, key)
    preview = alice.post(COPY, {"key": ["A", "C"], "scope": world.dev.pk})
    assert lines(preview) == [("New", "A", "dev"), ("New", "C", "dev")]


def test_from_a_branch_to_all_branches(world: World, alice: Client) -> None:
    set_variable(world, "A", "dev's", world.dev)
    preview = alice.post(COPY, {"from": world.dev.pk, "scope": ""})
    assert lines(preview) == [("New", "A", "All branches")]
    assert apply(alice, preview, None).status_code == 302
    assert variable_values(world) == {("dev", "A"): "dev's", ("", "A"): "dev's"}


def test_without_a_target(world: World, alice: Client) -> None:
    set_variable(world, "A")
    answer = alice.post(COPY, {"key": "A"})
    assert answer.status_code == 422
    assert "Select at least one destination." in answer.text
    assert answer.context["choice"].keys == {"A"}


def test_a_variable_that_was_removed(world: World, alice: Client) -> None:
    set_variable(world, "A")
    set_variable(world, "B")
    remove_variable(world, variable_row(world, "B"), by="mia")
    answer = alice.post(COPY, {"key": ["A", "B"], "scope": world.dev.pk})
    assert answer.status_code == 422
    assert "no longer exist: B" in answer.text


def test_too_many_branches(world: World, alice: Client) -> None:
    branches = [Branch.objects.create(app=world.app, name=f"b{n}") for n in range(101)]
    assert apply_bulk(alice, "".join(f"K{n}=1\n" for n in range(100))).status_code == 302
    answer = alice.post(COPY, {"scope": [branch.pk for branch in branches]})
    assert answer.status_code == 422
    assert "Choose fewer branches" in answer.text
    assert answer.context["choice"].targets == tuple(str(branch.pk) for branch in branches)


@pytest.mark.parametrize(("number", "value"), [(190, "v" * 5_500), (1_001, "v")])
def test_more_than_one_preview_can_hold(
    world: World, alice: Client, number: int, value: str
) -> None:
    now = timezone.now()
    Variable.objects.bulk_create(
        Variable(app=world.app, key=f"K{n}", value=value, changed_at=now) for n in range(number)
    )
    assert f"all {number} are too many for one copy" in alice.get(COPY).text
    answer = alice.post(COPY, {"scope": world.dev.pk})
    assert answer.status_code == 422
    assert "Select fewer variables" in answer.text
    assert "the text" not in answer.text.lower()
    some = alice.post(COPY, {"scope": world.dev.pk, "key": [f"K{n}" for n in range(150)]})
    assert len(lines(some)) == 150


def test_as_much_as_one_preview_can_hold(world: World, alice: Client) -> None:
    now = timezone.now()
    Variable.objects.bulk_create(
        Variable(app=world.app, key=f"K{n}", value="v", changed_at=now) for n in range(1_000)
    )
    assert "all 1000 are copied." in alice.get(COPY).text
    assert len(lines(alice.post(COPY, {"scope": world.dev.pk}))) == 1_000


def test_a_conflict_on_one_branch(world: World, alice: Client, feature: Branch) -> None:
    dev = world.dev
    set_variable(world, "A", "for all")
    there = set_variable(world, "A", "dev's", dev)
    preview = alice.post(COPY, {"scope": [dev.pk, feature.pk]})
    change_variable(world, there, "mia's", by="mia")
    answer = apply(alice, preview, dev, feature)
    assert answer.status_code == 422
    assert "Applied 1 of 2 changes" in answer.text
    assert lines(answer) == [("Changed", "A", "dev")]
    assert "mia@example.org changed this variable" in answer.text
    assert variable_values(world) == {
        ("", "A"): "for all",
        ("dev", "A"): "mia's",
        ("feature/x", "A"): "for all",
    }


def test_a_protected_branch_is_refused_and_the_rest_is_saved(world: World, client_for: Any) -> None:
    set_variable(world, "A")
    main, dev = world.main, world.dev
    bob = client_for("bob")
    assert [label for _, label in bob.get(COPY).context["targets"]] == ["dev"]
    preview = bob.post(COPY, {"scope": [main.pk, dev.pk]})
    assert lines(preview) == [("Refused", "A", "main"), ("New", "A", "dev")]
    assert apply(bob, preview, main, dev).status_code == 422
    assert variable_values(world) == {("", "A"): "first", ("dev", "A"): "first"}
    assert variable_audit_rows()[-2:] == [
        ("bob", "create", "main", "A", None, None, "denied"),
        ("bob", "create", "dev", "A", None, 1, "succeeded"),
    ]


def test_a_viewer_has_no_targets(world: World, client_for: Any) -> None:
    set_variable(world, "A")
    assert "can't edit any other branch" in client_for("vera").get(COPY).text


def test_a_branch_of_another_app(world: World, alice: Client) -> None:
    other = world.other_branch.pk
    assert alice.get(f"{COPY}?from={other}").status_code == 404
    assert alice.post(COPY, {"from": other, "scope": ""}).status_code == 404
    assert alice.post(COPY, {"scope": other}).status_code == 404
