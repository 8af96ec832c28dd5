"""Add what the background works from: unfinished mirrors, and passes that it runs."""

from typing import Any

from django.db import migrations, models
from django.db.models import F
from django.utils import timezone


def mark_unfinished_mirrors(apps: Any, schema_editor: Any) -> None:
    """Mark mirrors that still hold what an earlier write of ours gave them.

    Nobody changed such a mirror since (`mirror_of` would be 0), and the newer value is ours too.
    """
    secrets = apps.get_model("secrets_app", "Secret").objects
    behind = secrets.filter(version__gt=0, mirror_of__gt=0).exclude(mirror_of=F("version"))
    behind.exclude(changed_by="").update(mirror_due_at=timezone.now())


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0006_unencrypted_parameters")]

    operations = [
        migrations.AddField("revalidation", "held_until", models.DateTimeField(null=True)),
        migrations.AddField("revalidation", "listed", models.PositiveIntegerField(default=0)),
        migrations.AddField("revalidation", "expected", models.PositiveIntegerField(default=0)),
        migrations.AddField("revalidation", "is_waiting", models.BooleanField(default=False)),
        migrations.AddField("secret", "mirror_due_at", models.DateTimeField(null=True)),
        migrations.AddIndex(
            "secret",
            models.Index(
                fields=["app", "mirror_due_at"],
                condition=models.Q(mirror_due_at__isnull=False),
                name="unfinished_mirrors",
            ),
        ),
        migrations.RunPython(mark_unfinished_mirrors, migrations.RunPython.noop),
    ]
