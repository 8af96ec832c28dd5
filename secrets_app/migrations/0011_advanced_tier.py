"""Add which secrets are in SSM's Advanced tier."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0010_recycle_bin")]

    operations = [
        migrations.AddField(model, "advanced", models.BooleanField(default=False))
        for model in ("secret", "binentry")
    ]
