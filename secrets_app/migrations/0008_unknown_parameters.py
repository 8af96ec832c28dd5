"""Add the parameters of an app that belong to no known branch."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0012_connections"), ("secrets_app", "0007_background_work")]

    operations = [
        migrations.CreateModel(
            name="UnknownParameter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("folder", models.CharField(max_length=1011)),
                ("key", models.CharField(max_length=1011)),
                ("version", models.PositiveIntegerField()),
                ("modified", models.DateTimeField()),
                ("encrypted", models.BooleanField(default=True)),
                ("modified_by", models.CharField(blank=True, max_length=2048)),
                ("claimed_until", models.DateTimeField(null=True)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unknown_parameters",
                        to="console.app",
                    ),
                ),
                (
                    "claim",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="console.auditevent",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            "unknownparameter",
            models.UniqueConstraint(
                fields=["app", "folder", "key"], name="one_row_per_unknown_parameter"
            ),
        ),
    ]
