"""Two consoles, 20 people, and kill -9: nothing lost, nothing unaudited, no false conflict.

`make bench` runs it for a minute.
"""

import pytest

from tests.replicas.proof import complaints
from tests.replicas.trial import Scene, Site, run


@pytest.mark.slow
@pytest.mark.postgres
def test_it_works(replicas: Site, scene: Scene) -> None:
    records = run(replicas, scene, seconds=8, kills=2)
    assert complaints(records) == []
    answers = {sent.answer for sent in records.sent}
    assert answers >= {"saved", "removed", "conflict", ""}  # "": cut off by a kill
    assert {reveal.status for reveal in records.reveals} >= {200}
