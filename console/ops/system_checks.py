"""System check before `manage.py migrate` and at start: the database isn't a newer version's."""

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from console.db import versions


@register(Tags.database)
def database_version(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Prevent an older version from migrating a newer one's database."""
    problem = versions.newer_database() if "default" in (databases or ()) else ""
    return [Error(problem, hint=versions.HINT, id="console.E001")] if problem else []
