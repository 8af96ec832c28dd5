"""The cache's table, which is no model: rate limits count in it, shared by every process."""

from typing import Any, ClassVar

from django.core.management import call_command
from django.db import migrations


def create(apps: Any, schema_editor: Any) -> None:
    """Create the table on the database that is migrated."""
    call_command("createcachetable", database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies: ClassVar[list[tuple[str, str]]] = [("console", "0001_initial")]
    operations: ClassVar[list[Any]] = [migrations.RunPython(create, migrations.RunPython.noop)]
