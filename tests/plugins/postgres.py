"""Which tests run on which database.

`make test` runs everything on SQLite, and then on PostgreSQL (tests/with_postgres.py) what is
marked `both_databases` or `postgres`.
"""

from pathlib import Path

import pytest
from django.conf import settings

BOTH = {"services", "audit"}  # folders in tests/ whose every test runs on both
HOW = "needs PostgreSQL: .venv/bin/python -m tests.with_postgres FILE"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark by folder, and skip what needs a server where there is none."""
    tests = Path(__file__).parent.parent
    on_postgres = settings.DATABASES["default"]["ENGINE"].endswith("postgresql")
    for item in items:
        if item.path.relative_to(tests).parts[0] in BOTH:
            item.add_marker("both_databases")
        if item.get_closest_marker("postgres") and not on_postgres:
            item.add_marker(pytest.mark.skip(reason=HOW))
