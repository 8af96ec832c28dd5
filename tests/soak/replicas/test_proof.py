"""Two consoles, 20 users, and `kill -9`: no lost write, no unaudited act, no false conflict.

This is a short run; `make soak` runs it for a minute.
"""

import pytest

from tests.soak.replicas.proof import violations
from tests.soak.replicas.trial import Replicas, TrialApp, run


@pytest.mark.slow
@pytest.mark.postgres
def test_it_works(replicas: Replicas, trial_app: TrialApp) -> None:
    records = run(replicas, trial_app, seconds=3, kills=1)
    found = violations(records)
    assert not found, "\n".join(found)
    assert len(records.kills) == 1
    assert {row.outcome for row in records.sent} >= {"saved", "conflict"}
    assert {reveal.status for reveal in records.reveals} >= {200}
