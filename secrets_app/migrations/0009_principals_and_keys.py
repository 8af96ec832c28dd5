"""Add who wrote a secret outside Branchkeep, and which KMS keys encrypt it."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0008_unknown_parameters")]

    operations = [
        migrations.AddField(
            "secret", name, models.CharField(blank=True, default="", max_length=2048), False
        )
        for name in ("modified_by", "key_id", "mirror_key_id")
    ]
