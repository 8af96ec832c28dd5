"""Former names of tests.fixtures.stores, until every test uses the new ones."""

from tests.fixtures.stores import StoreCalls as StoreCalls
from tests.fixtures.stores import interrupted as interrupted
