from typing import Any, ClassVar

from django.db import migrations

import console.models.apps
from console.lib.naming.natural import natural_key


def fill(apps: Any, schema_editor: Any) -> None:
    branches = apps.get_model("console", "Branch").objects
    for pk, name in branches.values_list("pk", "name"):
        branches.filter(pk=pk).update(sort_key=natural_key(name))


class Migration(migrations.Migration):
    dependencies: ClassVar[list[Any]] = [("console", "0010_account_links")]

    operations: ClassVar[list[Any]] = [
        migrations.AddField(
            model_name="branch",
            name="sort_key",
            field=console.models.apps.NaturalKeyField(default=b"", editable=False),
            preserve_default=False,
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="branch",
            options={"ordering": ["sort_key"], "verbose_name_plural": "branches"},
        ),
    ]
