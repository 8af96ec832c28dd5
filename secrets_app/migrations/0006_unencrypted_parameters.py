"""Add whether a secret's parameter is one that the store doesn't encrypt."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0005_lease_stage")]

    operations = [
        migrations.AddField(
            model_name="secret",
            name="unencrypted",
            field=models.BooleanField(default=False),
        ),
    ]
