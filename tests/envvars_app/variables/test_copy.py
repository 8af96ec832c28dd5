"""Copying a scope's variables to others: chosen on a page, previewed and applied as bulk edit."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import Variable
from tests.envvars_app.variables.desk import Desk
from tests.envvars_app.variables.pages import BASE, Sheets, lines, seen_on

pytestmark = pytest.mark.django_db
COPY = f"{BASE}copy/"


@pytest.fixture
def alice(as_: Callable[[str], Client]) -> Client:
    """Return the owner."""
    return as_("alice")


@pytest.fixture
def feature(desk: Desk) -> Branch:
    """Return a third branch."""
    return Branch.objects.create(app=desk.app, name="feature/x")


def apply(client: Client, preview: Any, *scopes: Branch | None) -> Any:
    """Apply a preview as its form does."""
    sheet = preview.context["sheet"]
    return Sheets(client).post(
        "apply", sheet.text, *scopes, seen=seen_on(preview), format=sheet.format, several=1
    )


def test_it_works(desk: Desk, alice: Client, feature: Branch) -> None:
    main, dev = desk.world.main, desk.world.dev
    desk.put("SHARED", "for all")
    desk.put("OWN", " main's\n", main)
    desk.put("OWN", "dev's", dev)
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
    assert len(desk.values()) == 3  # nothing is written before Apply
    assert apply(alice, preview, dev, feature).status_code == 302
    copied = {"OWN": " main's\n", "SHARED": "for all"}
    for branch in ("dev", "feature/x"):
        assert {key: value for (at, key), value in desk.values().items() if at == branch} == copied


def test_its_own_values_alone(desk: Desk, alice: Client) -> None:
    desk.put("SHARED")
    desk.put("OWN", branch=desk.world.main)
    page = alice.get(f"{COPY}?from={desk.world.main.pk}&values=own")
    assert page.context["keys"] == ["OWN"]
    post = {"from": desk.world.main.pk, "values": "own", "scope": desk.world.dev.pk}
    assert lines(alice.post(COPY, post)) == [("New", "OWN", "dev")]


def test_ticked_ones_alone(desk: Desk, alice: Client) -> None:
    for key in ("A", "B", "C"):
        desk.put(key)
    preview = alice.post(COPY, {"key": ["A", "C"], "scope": desk.world.dev.pk})
    assert lines(preview) == [("New", "A", "dev"), ("New", "C", "dev")]


def test_from_a_branch_to_all_branches(desk: Desk, alice: Client) -> None:
    desk.put("A", "dev's", desk.world.dev)
    preview = alice.post(COPY, {"from": desk.world.dev.pk, "scope": ""})
    assert lines(preview) == [("New", "A", "All branches")]
    assert apply(alice, preview, None).status_code == 302
    assert desk.values() == {("dev", "A"): "dev's", ("", "A"): "dev's"}


def test_with_no_target(desk: Desk, alice: Client) -> None:
    desk.put("A")
    answer = alice.post(COPY, {"key": "A"})
    assert answer.status_code == 422
    assert "Select at least one destination." in answer.text
    assert answer.context["choice"].keys == {"A"}


def test_a_variable_that_went_meanwhile(desk: Desk, alice: Client) -> None:
    desk.put("A")
    desk.put("B")
    desk.save("mia", desk.removal(desk.row("B")))
    answer = alice.post(COPY, {"key": ["A", "B"], "scope": desk.world.dev.pk})
    assert answer.status_code == 422
    assert "no longer exist: B" in answer.text


def test_too_many_at_once(desk: Desk, alice: Client) -> None:
    branches = [Branch.objects.create(app=desk.app, name=f"b{n}") for n in range(101)]
    assert Sheets(alice).apply("".join(f"K{n}=1\n" for n in range(100))).status_code == 302
    answer = alice.post(COPY, {"scope": [branch.pk for branch in branches]})
    assert answer.status_code == 422
    assert "Choose fewer branches" in answer.text
    assert answer.context["choice"].targets == tuple(str(branch.pk) for branch in branches)


@pytest.mark.parametrize(("number", "value"), [(190, "v" * 5_500), (1_001, "v")])
def test_more_than_a_preview_carries(desk: Desk, alice: Client, number: int, value: str) -> None:
    now = timezone.now()
    Variable.objects.bulk_create(
        Variable(app=desk.app, key=f"K{n}", value=value, changed_at=now) for n in range(number)
    )
    assert f"all {number} are too many for one copy" in alice.get(COPY).text
    answer = alice.post(COPY, {"scope": desk.world.dev.pk})
    assert answer.status_code == 422
    assert "Select fewer variables" in answer.text
    assert "the text" not in answer.text.lower()
    some = alice.post(COPY, {"scope": desk.world.dev.pk, "key": [f"K{n}" for n in range(150)]})
    assert len(lines(some)) == 150


def test_as_much_as_a_preview_carries(desk: Desk, alice: Client) -> None:
    now = timezone.now()
    Variable.objects.bulk_create(
        Variable(app=desk.app, key=f"K{n}", value="v", changed_at=now) for n in range(1_000)
    )
    assert "all 1000 are copied." in alice.get(COPY).text
    assert len(lines(alice.post(COPY, {"scope": desk.world.dev.pk}))) == 1_000


def test_what_moved_meanwhile_is_a_conflict_on_its_branch(
    desk: Desk, alice: Client, feature: Branch
) -> None:
    dev = desk.world.dev
    desk.put("A", "for all")
    there = desk.put("A", "dev's", dev)
    preview = alice.post(COPY, {"scope": [dev.pk, feature.pk]})
    desk.save("mia", desk.change(there, "mia's"))
    answer = apply(alice, preview, dev, feature)
    assert answer.status_code == 422
    assert "Applied 1 of 2 changes" in answer.text
    assert lines(answer) == [("Changed", "A", "dev")]
    assert "mia@example.org changed this variable" in answer.text
    assert desk.values() == {
        ("", "A"): "for all",
        ("dev", "A"): "mia's",
        ("feature/x", "A"): "for all",
    }


def test_a_branch_without_the_right_is_refused_by_itself(desk: Desk, as_: Any) -> None:
    desk.put("A")
    main, dev = desk.world.main, desk.world.dev
    bob = as_("bob")
    assert [label for _, label in bob.get(COPY).context["targets"]] == ["dev"]
    preview = bob.post(COPY, {"scope": [main.pk, dev.pk]})
    assert lines(preview) == [("Refused", "A", "main"), ("New", "A", "dev")]
    assert apply(bob, preview, main, dev).status_code == 422
    assert desk.values() == {("", "A"): "first", ("dev", "A"): "first"}
    assert desk.trail()[-2:] == [
        ("bob", "create", "main", "A", None, None, "denied"),
        ("bob", "create", "dev", "A", None, 1, "succeeded"),
    ]


def test_a_viewer_finds_no_target(desk: Desk, as_: Any) -> None:
    desk.put("A")
    assert "can't edit any other branch" in as_("vera").get(COPY).text


def test_another_apps_branch(desk: Desk, alice: Client) -> None:
    other = desk.world.other_branch.pk
    assert alice.get(f"{COPY}?from={other}").status_code == 404
    assert alice.post(COPY, {"from": other, "scope": ""}).status_code == 404
    assert alice.post(COPY, {"scope": other}).status_code == 404
