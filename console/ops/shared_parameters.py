"""Find branches that share parameters: a check of the doctor, and a system check at start.

None can be added (console/catalog/checks.py), but a database may have some from before, or from
elsewhere. The stricter permissions then apply to both, so a start is not prevented.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from django.core.checks import CheckMessage, Tags, Warning, register
from django.db import connections

from console.access.branches import shared_folders
from console.lib.health import CheckResult
from console.models import Branch

SHOWN = 5
HINT = (
    "The stricter permissions of these branches apply to all of them. Rename one in Git, add it "
    "here under its new name with values of its own, and delete the old branch. Don't remove its "
    "secrets: they are also the other branch's."
)


def find_shared() -> Iterator[tuple[str, list[Branch]]]:
    """Yield each folder that several branches of an app have, deleted ones too."""
    # Only columns that the first version had: the system check runs before migrations.
    columns = ("name", "deleted_at", "app__app_id", "app__path_profile")
    rows = Branch.objects.select_related("app").only(*columns).order_by("app_id", "pk")
    for app, branches in groupby(rows, key=lambda branch: branch.app):
        yield from shared_folders(app, branches).items()


def branch_folders() -> CheckResult:
    """Check that no two branches of an app have the same folder in the parameter store."""
    found = [*find_shared()]
    if not found:
        return CheckResult.ok("Branches", "No two branches share parameters.")
    in_use = [sum(branch.deleted_at is None for branch in sharing) for _, sharing in found]
    result = CheckResult.error if max(in_use) > 1 else CheckResult.warning
    return result("Branches", _describe(found), HINT)


@register(Tags.database)
def shared_parameters(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Warn about branches that share parameters."""
    tables = connections["default"].introspection.table_names
    if "default" not in (databases or ()) or Branch._meta.db_table not in tables():
        return []
    found = [*find_shared()]
    return [Warning(_describe(found), hint=HINT, id="console.W001")] if found else []


def _describe(found: Sequence[tuple[str, list[Branch]]]) -> str:
    shown = [
        f"{' and '.join(map(str, sharing))} of {sharing[0].app.app_id} ({folder})"
        for folder, sharing in found[:SHOWN]
    ]
    more = f"; and {len(found) - SHOWN:,} more" if len(found) > SHOWN else ""
    return f"Branches that share parameters: {'; '.join(shown)}{more}."
