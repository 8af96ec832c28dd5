"""Branch patterns: what they match, and which are valid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.lib.naming.branch_patterns import PATTERN_LIMIT, matches, parse_patterns, problem


def test_it_works() -> None:
    assert matches(["main", "release/*"], "main")
    assert matches(["main", "release/*"], "release/1.0")
    assert not matches(["main", "release/*"], "dev")


@pytest.mark.parametrize(
    ("pattern", "name", "covered"),
    [
        ("feature/*", "feature/a/b", True),  # * matches /, as in `git branch --list`
        ("feature/*", "feature/", True),
        ("feature/*", "feature", False),
        ("feature/*", "my/feature/a", False),
        ("*/login", "feature/login", True),
        ("*", "anything/at#all", True),
        ("main", "Main", False),
        ("main", "main2", False),
        ("ma?n", "main", False),
        ("ma?n", "ma?n", True),
        ("[m]ain", "main", False),
        ("[m]ain", "[m]ain", True),
        ("a[!b]*", "a[!b]c", True),
        ("a.c", "abc", False),
        ("日本語/*", "日本語/ブランチ", True),
        ("a*", "a\u2028b", True),
    ],
)
def test_matches(pattern: str, name: str, covered: bool) -> None:
    assert matches([pattern], name) is covered


@given(st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=1))
def test_name_matches_only_itself(name: str) -> None:
    assert matches([name], name)
    assert not matches([name], name + "x")
    assert not matches([name], "x" + name)


def test_many_stars_are_fast() -> None:
    """A backtracking regular expression would practically never end."""
    assert not matches(["*a" * 120], "a" * 100 + "b" * 155)


def test_one_pattern_per_line() -> None:
    assert parse_patterns("main\r\n\n  release/* \nmain\n") == ["main", "release/*"]
    assert parse_patterns(" \n") == []


@pytest.mark.parametrize(
    ("patterns", "error"),
    [
        (["main"] * (PATTERN_LIMIT + 1), "at most 20 patterns"),
        (["x" * 256], "at most 255 characters"),
        (["a\tb"], "contain control characters"),
        (["a\u202eb"], "invisible character"),
        (["All branches"], "is reserved"),
    ],
)
def test_invalid_patterns(patterns: list[str], error: str) -> None:
    assert error in problem(patterns)


def test_valid_patterns() -> None:
    assert problem(["main", "release/*", "日本語/*", "fix #1"]) == ""
