"""Two consoles on the tests' PostgreSQL database and on one parameter store."""

from collections.abc import Iterator

import pytest

from console.audit import chain
from tests.soak.replicas.trial import Replicas, TrialApp, create_trial_app, running_replicas


@pytest.fixture(scope="module")
def replicas(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Run two consoles for all tests of a file."""
    with running_replicas(tmp_path_factory.mktemp("replicas")) as consoles:
        yield consoles


@pytest.fixture
def trial_app(replicas: Replicas, transactional_db: None) -> Iterator[TrialApp]:
    """Empty the parameter store, and return an app with users in the consoles' database."""
    replicas.moto.reset()
    replicas.journal.write_text("")
    yield create_trial_app()
    # Otherwise the consoles' own threads would append links while the tables are emptied
    chain.append_links(all_rows=True)
