"""kill -9 between store and commit loses nothing and leaves nothing unaudited (guarantee 8)."""

import pytest

from tests.faults.kills.findings import findings_of
from tests.fixtures.moto import Moto

# The embedded store writes in the transaction that records the outcome, so it never writes
# without a record; SSM may have.
LEFT_OPEN = {"embedded": {"not done"}, "ssm": {"not done", "done"}}
# So the embedded store's save can be repeated at once; one that called SSM may still arrive.
AT_ONCE = {"embedded": {"saved", "removed"}, "ssm": {"saved", "removed", "held"}}


ON_POSTGRES = [pytest.mark.postgres, pytest.mark.exhaustive]


# As deployments have it. tests/faults/kills/test_restore.py has the other two of the four pairs.
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["embedded", pytest.param("ssm", marks=ON_POSTGRES)])
def test_it_works(kind: str, moto: Moto, folder_of_process: str) -> None:
    endpoint = [moto.url] if kind == "ssm" else []
    found = findings_of("saves", *endpoint, folder=folder_of_process)
    left_open = found.pop("left_open")
    assert left_open.keys() == {"create", "change", "remove"}
    assert {act: {*kinds} for act, kinds in left_open.items()} == dict.fromkeys(
        left_open, LEFT_OPEN[kind]
    )
    at_once = found.pop("at_once").keys()
    assert at_once
    assert at_once <= AT_ONCE[kind]
    ends = {end.rpartition(" ")[2] for end in found.pop("ends")}
    assert ends == {"succeeded", "settled"}
    assert found.pop("background_kills") > 10
    assert found.pop("removal_kills") >= {"embedded": 15, "ssm": 4}[kind]
    assert found == {
        "still_open": 0,
        "leases": 0,
        **{name: [] for name in ("found", "gaps", "lost", "projection_errors", "unequal_mirrors")},
        "unknown_errors": [],
    }
