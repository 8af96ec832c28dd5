"""Former names of tests.fixtures.stores, until every test uses the new ones."""

from tests.fixtures.stores import InterruptedStore as Interrupted
from tests.fixtures.stores import Killed
from tests.fixtures.stores import deny_access as denied
from tests.fixtures.stores import kill_process as killed
from tests.fixtures.stores import lose_response as lost
from tests.fixtures.stores import use_store as put_before

__all__ = ["Interrupted", "Killed", "denied", "killed", "lost", "put_before"]
