"""The three-way merge: nothing that somebody else changed is ever replaced (guarantee 49)."""

from hypothesis import given
from hypothesis import strategies as st

from envvars_app.amplify_sync.merging import Pending, merge, state_of, storable
from envvars_app.models import SyncState

KEYS = st.sampled_from("ABCD")
VALUES = st.sampled_from(["", "1", "2"])
MAPS = st.dictionaries(KEYS, VALUES)
PENDING = st.dictionaries(KEYS, st.builds(Pending, st.none() | VALUES, st.none() | VALUES))


def test_it_works() -> None:
    pending = {"A": Pending("1", "2"), "B": Pending("1", "2"), "C": Pending("1", None)}
    merged = merge({"A": "1", "B": "theirs", "C": "1", "D": "1"}, pending)
    assert merged.variables == {"A": "2", "B": "theirs", "D": "1"}
    assert merged.pushed == {"A": "2", "C": None}


@given(held=MAPS, pending=PENDING)
def test_only_unchanged_keys_are_replaced(
    held: dict[str, str], pending: dict[str, Pending]
) -> None:
    merged = merge(held, pending)
    for key in {*"ABCD"}:
        value = pending.get(key)
        may_replace = value is not None and held.get(key) == value.synced
        expected = value.ours if value and may_replace else held.get(key)
        assert merged.variables.get(key) == expected


@given(held=MAPS, pending=PENDING)
def test_merging_again_changes_nothing(held: dict[str, str], pending: dict[str, Pending]) -> None:
    merged = merge(held, pending)
    reached = {
        key: Pending(merged.pushed.get(key, value.synced), value.ours)
        for key, value in pending.items()
    }
    again = merge(merged.variables, reached)
    assert again.variables == merged.variables
    assert not again.pushed


@given(held=MAPS, pending=PENDING)
def test_every_difference_has_a_name(held: dict[str, str], pending: dict[str, Pending]) -> None:
    merged = merge(held, pending)
    for key, value in pending.items():
        state = state_of(synced=value.synced, ours=value.ours, held=held.get(key), is_pending=True)
        assert (key in merged.pushed) == (state is SyncState.PENDING)
        if state is SyncState.SAME:
            assert held.get(key) == value.ours
        if state is SyncState.CONFLICT:
            assert held.get(key) not in {value.synced, value.ours}


def test_the_key_that_clears_a_map_is_left_out() -> None:
    assert merge({" ": "", "A": "1"}, {}).variables == {"A": "1"}
    assert storable({" ": "", "A": "1", "B\0": "1", "C": "\ud800"}, 255) == {"A": "1"}
