"""What the list shows of the projection: effective values, states, search, sort, pages."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.template import Context, Template
from django.utils import timezone
from django.utils.html import escape

from console.access.policy import find_app
from console.models import Branch
from console.web.listing import Query
from secrets_app.models import Secret
from secrets_app.queries import SecretRow, list_secrets
from secrets_app.store import parameter_store
from tests.factories import listed_secret, listed_secrets, reconcile_now, secret_paths, set_secret
from tests.fixtures.people import World


def _names(world: World, **query: str) -> list[tuple[str, str]]:
    return [(row.branch, row.key) for row in listed_secrets(world, **query)]


@pytest.fixture
def filled(world: World) -> World:
    """Return the desk with secrets on All branches and on two branches."""
    for key, branch in (("B", None), ("A", None), ("B", world.main), ("C", world.dev)):
        set_secret(world, key, branch=branch)
    return world


def test_it_works(filled: World) -> None:
    expected = [("All branches", "A"), ("All branches", "B"), ("dev", "C"), ("main", "B")]
    assert _names(filled) == expected
    assert {row.origin for row in listed_secrets(filled)} == {""}


def test_what_a_branch_really_gets(filled: World) -> None:
    rows = listed_secrets(filled, branch=str(filled.main.pk))
    shown = [(row.key, row.branch, row.origin) for row in rows]
    assert shown == [("A", "All branches", "inherited"), ("B", "main", "own")]


def test_an_override_that_is_gone_lets_the_shared_value_through(filled: World) -> None:
    main = filled.main
    parameter_store().remove(secret_paths(filled, "B", main))
    reconcile_now(filled)
    rows = listed_secrets(filled, branch=str(main.pk))
    shown = {(row.key, row.origin, row.state) for row in rows}
    assert shown == {("A", "inherited", ""), ("B", "inherited", ""), ("B", "own", "gone")}


def test_an_override_that_is_not_there_yet_does_not_hide_the_shared_value(
    filled: World, interrupted: Any
) -> None:
    dev = str(filled.dev.pk)
    seen: list[list[SecretRow]] = []
    interrupted.before("put", lambda: seen.append(listed_secrets(filled, branch=dev)))
    set_secret(filled, "A", branch=filled.dev)
    shown = {(row.key, row.origin, row.state) for row in seen[0]}
    assert shown >= {("A", "inherited", ""), ("A", "own", "saving")}
    assert ("A", "All branches") not in {
        (row.key, row.branch) for row in listed_secrets(filled, branch=dev)
    }


def test_all_branches_alone(filled: World) -> None:
    assert _names(filled, branch="all") == [("All branches", "A"), ("All branches", "B")]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("b", [("All branches", "B"), ("main", "B")]),
        ("MAI", [("main", "B")]),
        (" c ", [("dev", "C")]),
        ("%", []),
        ("\0", []),
        ("B\0", []),
        ("x" * 100_000, []),
    ],
    ids=["key", "branch", "spaces", "wildcard", "NUL", "NUL within", "huge"],
)
def test_search(filled: World, q: str, found: list[tuple[str, str]]) -> None:
    assert _names(filled, q=q) == found


@pytest.mark.parametrize(
    ("sort", "keys"),
    [
        ("branch", "ABCB"),
        ("-branch", "BCAB"),
        ("variable", "ABBC"),
        ("-variable", "CBBA"),
        ("changed", "BABC"),
        ("-changed", "CBAB"),
        ("nonsense", "ABCB"),
    ],
)
def test_sorting(filled: World, sort: str, keys: str) -> None:
    assert "".join(row.key for row in listed_secrets(filled, sort=sort)) == keys


@pytest.mark.parametrize("page", ["0", "-1", "x", "", "999999999", "²", "1.5", "\0"])
def test_a_page_that_makes_no_sense(filled: World, page: str) -> None:
    assert len(listed_secrets(filled, page=page)) == 4


@pytest.mark.parametrize("branch", ["0", "x", "-1", "9" * 50, "\0"])
def test_a_branch_that_makes_no_sense(filled: World, branch: str) -> None:
    assert len(listed_secrets(filled, branch=branch)) == 4


@pytest.mark.parametrize(("per_page", "expected"), [("15", 15), ("50", 50), ("7", 15), ("x", 15)])
def test_rows_a_page(per_page: str, expected: int) -> None:
    assert Query.of({"per_page": per_page}).per_page == expected


def test_a_mirror_that_the_key_leaves_no_room_for_is_not_called_missing(world: World) -> None:
    branch = Branch.objects.create(app=world.app, name="b" * 255)
    set_secret(world, "K" * 720, branch=branch)
    assert secret_paths(world, "K" * 720, branch)[1] == ""
    assert listed_secret(world, "K" * 720, branch).mirror == ""
    set_secret(world, "K", branch=branch)
    parameter_store().remove(secret_paths(world, "K", branch)[1:])
    reconcile_now(world)
    assert listed_secret(world, "K", branch).mirror == "missing"


def test_a_row_that_is_being_saved(world: World) -> None:
    row = set_secret(world, "A")
    for until, state in ((10, "saving"), (-10, "unknown")):
        Secret.objects.filter(pk=row.pk).update(
            claim_id=1, claimed_until=timezone.now() + timedelta(seconds=until)
        )
        assert listed_secret(world, "A").state == state


@pytest.mark.parametrize("second", [0, 5.678, 59.999999])
def test_when_it_was_changed(world: World, second: float) -> None:
    row, moment = set_secret(world, "A"), datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    Secret.objects.filter(pk=row.pk).update(changed_at=moment + timedelta(seconds=second))
    assert listed_secret(world, "A").changed == "2026-01-02 03:04Z"
    Secret.objects.filter(pk=row.pk).update(changed_at=None)
    assert listed_secret(world, "A").changed == ""


def test_names_are_escaped_in_a_page_and_nowhere_else(world: World) -> None:
    set_secret(world, "A", branch=Branch.objects.create(app=world.app, name="<b>&\"'"))
    (row,) = listed_secrets(world)
    assert row.branch == "<b>&\"'"
    assert Template("{{ row.branch }}").render(Context({"row": row})) == escape(row.branch)


def test_a_branch_that_came_a_moment_ago_waits_for_the_next_look(filled: World) -> None:
    access = find_app(filled.actor("alice"), filled.app.app_id)
    rows = list_secrets(access, Query(), []).rows
    assert [row.key for row in rows] == ["A", "B"]
