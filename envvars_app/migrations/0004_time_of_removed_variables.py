"""Removed variables leave the recycle bin after a while. Those of before have 30 days from now."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import migrations
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone


def give_time(apps: Any, schema_editor: Any) -> None:
    """Put into the recycle bin what the list of removed variables showed as restorable."""
    variables = apps.get_model("envvars_app", "Variable").objects
    versions = apps.get_model("envvars_app", "VariableVersion").objects
    live = variables.filter(app=OuterRef("app"), key=OuterRef("key"), removed_at=None)
    exists = Exists(live.filter(branch=OuterRef("branch"))) | (
        Q(branch=None) & Exists(live.filter(branch=None))
    )
    is_erased = Exists(versions.filter(variable=OuterRef("pk"), forgotten=True))
    end = timezone.now() + timedelta(days=max(settings.BIN_DAYS, 30))
    rows = variables.filter(~exists, ~is_erased, removed_at__isnull=False)
    rows.update(expires_at=end)


class Migration(migrations.Migration):
    dependencies = [("envvars_app", "0003_recycle_bin")]

    # Apart from the new column: PostgreSQL creates no index on rows that a transaction has changed.
    operations = [migrations.RunPython(give_time, migrations.RunPython.noop, elidable=True)]
