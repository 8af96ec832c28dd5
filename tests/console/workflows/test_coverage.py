"""Which keys a branch has, inherits, or lacks compared with production."""

from collections.abc import Sequence

from console.environment.keys import OwnKey
from console.models import Branch
from console.workflows.coverage import Coverage, coverage

MAIN, DEV, OLD = 1, 2, 3


def of(
    *rows: tuple[int | None, str],
    production: bool = True,
    others: Sequence[tuple[int | None, str]] = (),
) -> Coverage:
    """Return the coverage of (branch id, key) on main, dev, and old, which was deleted.

    `others` are keys of another kind.
    """
    branches = [
        Branch(pk=MAIN, name="main", production=production),
        Branch(pk=DEV, name="dev"),
        Branch(pk=OLD, name="old", deleted_at="2026-01-01T00:00Z"),
    ]
    keys = {"secret": own(rows), "variable": own(others)}
    return coverage("secret", keys, branches)


def own(rows: Sequence[tuple[int | None, str]]) -> list[OwnKey]:
    """Return keys as a source does."""
    return [OwnKey(n, key, branch, False, None, "", "") for n, (branch, key) in enumerate(rows)]


def test_it_works() -> None:
    found = of((None, "A"), (MAIN, "A"), (MAIN, "B"), (DEV, "C"))
    assert (found.shared, found.own) == ({"A"}, {MAIN: {"A", "B"}, DEV: {"C"}})
    assert found.missing == {MAIN: {"C"}, DEV: {"B"}}
    assert (found.inherited(MAIN), found.inherited(DEV)) == (set(), {"A"})


def test_a_value_for_all_branches_is_missing_nowhere() -> None:
    assert of((MAIN, "A"), (None, "A")).missing == {MAIN: set(), DEV: set()}


def test_deleted_branches_do_not_count() -> None:
    assert of((OLD, "A")).missing == {MAIN: set(), DEV: set()}


def test_without_a_production_branch() -> None:
    assert of((DEV, "A"), production=False).missing == {MAIN: {"A"}, DEV: set()}


def test_production_has_it_as_another_kind() -> None:
    assert of((DEV, "A"), others=[(MAIN, "A")]).missing == {MAIN: set(), DEV: set()}
    assert of((MAIN, "A"), others=[(DEV, "A")]).missing == {MAIN: set(), DEV: {"A"}}
    assert of((DEV, "A"), others=[(None, "A")]).missing == {MAIN: set(), DEV: set()}
    assert of((DEV, "A"), others=[(OLD, "A")]).missing == {MAIN: {"A"}, DEV: set()}


def test_another_kind_without_a_production_branch() -> None:
    found = of((DEV, "A"), production=False, others=[(MAIN, "A")])
    assert found.missing == {MAIN: set(), DEV: set()}
