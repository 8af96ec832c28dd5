"""Former name of tests.factories.without_table, until every test uses the new one."""

from tests.factories import without_table as table_away

__all__ = ["table_away"]
