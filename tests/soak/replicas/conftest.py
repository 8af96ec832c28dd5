"""Two consoles on the tests' PostgreSQL and on one parameter store."""

from collections.abc import Iterator

import pytest

from console.audit import chain
from tests.soak.replicas.trial import Scene, Site, site


@pytest.fixture(scope="module")
def replicas(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run two consoles for all tests of a file."""
    with site(tmp_path_factory.mktemp("replicas")) as where:
        yield where


@pytest.fixture
def scene(replicas: Site, transactional_db: None) -> Iterator[Scene]:
    """Return an app and people in the consoles' database, and empty the parameter store."""
    replicas.moto.reset()
    replicas.journal.write_text("")
    yield Scene.make()
    # Else a console's thread does, which goes on while the tables are emptied: seals of nothing
    chain.append_links(all_rows=True)
