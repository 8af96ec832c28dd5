"""Names sort as people do: pr-2 before pr-10."""

from hypothesis import given
from hypothesis import strategies as st

from console.lib.naming.natural import natural_key


def test_it_works() -> None:
    names = ["pr-2", "pr-10", "pr-10-fix", "pr-100", "release/1.9.0", "release/1.10.0"]
    assert sorted({*names}, key=natural_key) == names


def test_case_counts_last() -> None:
    names = ["Alpha", "alpha", "beta", "Gamma"]
    assert sorted({*names}, key=natural_key) == names


def test_leading_zeros_count_last() -> None:
    names = ["v1", "v01", "v001", "v2"]
    assert {*sorted(names, key=natural_key)[:3]} == {"v1", "v01", "v001"}
    assert sorted(names, key=natural_key)[3] == "v2"


def test_a_shorter_name_first() -> None:
    names = ["a", "a-", "a-1", "a0", "a1", "a1b", "aa"]
    assert sorted({*names}, key=natural_key) == names


@given(st.integers(0, 10**200), st.integers(0, 10**200))
def test_numbers_of_any_length(one: int, other: int) -> None:
    assert (natural_key(f"pr-{one}") < natural_key(f"pr-{other}")) == (one < other)


@given(st.text(), st.text())
def test_only_the_same_name_has_the_same_key(one: str, other: str) -> None:
    assert (natural_key(one) == natural_key(other)) == (one == other)
