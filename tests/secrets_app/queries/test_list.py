"""The list page: effective values, states, search, sorting, pages."""

from datetime import UTC, datetime, timedelta

import pytest
from django.template import Context, Template
from django.utils import timezone
from django.utils.html import escape

from console.access.policy import find_app
from console.models import Branch
from console.web.lists.listing import Query
from secrets_app.models import Secret
from secrets_app.queries import SecretRow, list_secrets
from secrets_app.store import parameter_store
from tests.factories import listed_secret, listed_secrets, reconcile_now, secret_paths, set_secret
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore

pytestmark = pytest.mark.both_databases


def listed_names(world: World, **query: str) -> list[tuple[str, str]]:
    return [(row.branch, row.key) for row in listed_secrets(world, **query)]


@pytest.fixture
def four_secrets(world: World) -> None:
    """Create secrets on All branches and on two branches."""
    for key, branch in (("B", None), ("A", None), ("B", world.main), ("C", world.dev)):
        set_secret(world, key, branch=branch)


@pytest.mark.usefixtures("four_secrets")
def test_it_works(world: World) -> None:
    expected = [("All branches", "A"), ("All branches", "B"), ("dev", "C"), ("main", "B")]
    assert listed_names(world) == expected
    assert {row.origin for row in listed_secrets(world)} == {""}


@pytest.mark.usefixtures("four_secrets")
def test_effective_values_of_a_branch(world: World) -> None:
    rows = listed_secrets(world, branch=str(world.main.pk))
    shown = [(row.key, row.branch, row.origin) for row in rows]
    assert shown == [("A", "All branches", "inherited"), ("B", "main", "own")]


@pytest.mark.usefixtures("four_secrets")
def test_a_removed_override_does_not_hide_the_shared_value(world: World) -> None:
    main = world.main
    parameter_store().remove(secret_paths(world, "B", main))
    reconcile_now(world)
    rows = listed_secrets(world, branch=str(main.pk))
    shown = {(row.key, row.origin, row.state) for row in rows}
    assert shown == {("A", "inherited", ""), ("B", "inherited", ""), ("B", "own", "gone")}


@pytest.mark.usefixtures("four_secrets")
def test_an_unsaved_override_does_not_hide_the_shared_value(
    world: World, interrupted: InterruptedStore
) -> None:
    dev = str(world.dev.pk)
    seen: list[list[SecretRow]] = []
    interrupted.before("put", lambda: seen.append(listed_secrets(world, branch=dev)))
    set_secret(world, "A", branch=world.dev)
    shown = {(row.key, row.origin, row.state) for row in seen[0]}
    assert shown >= {("A", "inherited", ""), ("A", "own", "saving")}
    assert ("A", "All branches") not in {
        (row.key, row.branch) for row in listed_secrets(world, branch=dev)
    }


@pytest.mark.usefixtures("four_secrets")
def test_filter_by_all_branches(world: World) -> None:
    assert listed_names(world, branch="all") == [
        ("All branches", "A"),
        ("All branches", "B"),
    ]


@pytest.mark.usefixtures("four_secrets")
def test_search(world: World) -> None:
    searches = {
        "b": [("All branches", "B"), ("main", "B")],
        "MAI": [("main", "B")],
        " c ": [("dev", "C")],
        **{nothing: [] for nothing in ("%", "\0", "B\0", "x" * 100_000)},
    }
    assert {q: listed_names(world, q=q) for q in searches} == searches


@pytest.mark.usefixtures("four_secrets")
def test_sorting(world: World) -> None:
    orders = {
        "branch": "ABCB",
        "-branch": "BCAB",
        "variable": "ABBC",
        "-variable": "CBBA",
        "changed": "BABC",
        "-changed": "CBAB",
        "nonsense": "ABCB",
    }
    sorted_keys = {
        sort: "".join(row.key for row in listed_secrets(world, sort=sort)) for sort in orders
    }
    assert sorted_keys == orders


@pytest.mark.usefixtures("four_secrets")
def test_an_invalid_page_or_branch(world: World) -> None:
    for page in ("0", "-1", "x", "", "999999999", "²", "1.5", "\0"):
        assert len(listed_secrets(world, page=page)) == 4, page
    for branch in ("0", "x", "-1", "9" * 50, "\0"):
        assert len(listed_secrets(world, branch=branch)) == 4, branch


@pytest.mark.parametrize(("per_page", "expected"), [("15", 15), ("50", 50), ("7", 15), ("x", 15)])
def test_rows_per_page(per_page: str, expected: int) -> None:
    assert Query.of({"per_page": per_page}).per_page == expected


def test_a_mirror_that_can_not_exist_is_not_missing(world: World) -> None:
    branch = Branch.objects.create(app=world.app, name="b" * 255)
    set_secret(world, "K" * 720, branch=branch)
    assert secret_paths(world, "K" * 720, branch)[1] == ""
    assert listed_secret(world, "K" * 720, branch).mirror == ""
    set_secret(world, "K", branch=branch)
    parameter_store().remove(secret_paths(world, "K", branch)[1:])
    reconcile_now(world)
    assert listed_secret(world, "K", branch).mirror == "missing"


def test_a_leased_row(world: World) -> None:
    row = set_secret(world, "A")
    for until, state in ((10, "saving"), (-10, "unknown")):
        Secret.objects.filter(pk=row.pk).update(
            claim_id=1, claimed_until=timezone.now() + timedelta(seconds=until)
        )
        assert listed_secret(world, "A").state == state


@pytest.mark.parametrize("second", [0, 5.678, 59.999999])
def test_time_of_the_last_change(world: World, second: float) -> None:
    row, moment = set_secret(world, "A"), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    Secret.objects.filter(pk=row.pk).update(changed_at=moment + timedelta(seconds=second))
    assert listed_secret(world, "A").changed == "2026-01-02 03:04Z"
    Secret.objects.filter(pk=row.pk).update(changed_at=None)
    assert listed_secret(world, "A").changed == ""


def test_names_are_escaped_by_the_template(world: World) -> None:
    set_secret(world, "A", branch=Branch.objects.create(app=world.app, name="<b>&\"'"))
    (row,) = listed_secrets(world)
    assert row.branch == "<b>&\"'"
    assert Template("{{ row.branch }}").render(Context({"row": row})) == escape(row.branch)


@pytest.mark.usefixtures("four_secrets")
def test_a_branch_created_after_the_query_is_left_out(world: World) -> None:
    access = find_app(world.actor("alice"), world.app.app_id)
    rows = list_secrets(access, Query(), []).rows
    assert [row.key for row in rows] == ["A", "B"]
