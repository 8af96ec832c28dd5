"""Two consoles, 20 people, and kill -9: nothing lost, nothing unaudited, no false conflict.

`make bench` runs it for a minute.
"""

import pytest

from tests.soak.replicas.proof import complaints
from tests.soak.replicas.trial import Scene, Site, run


@pytest.mark.slow
@pytest.mark.postgres
def test_it_works(replicas: Site, scene: Scene) -> None:
    records = run(replicas, scene, seconds=6, kills=2)
    assert complaints(records) == []
    assert len(records.kills) == 2
    assert {sent.answer for sent in records.sent} >= {"saved", "conflict"}
    assert {reveal.status for reveal in records.reveals} >= {200}
