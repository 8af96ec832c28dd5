import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0024_dismissed_warnings"),
    ]

    operations = [
        migrations.CreateModel(
            name="PreviewCopy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("noun", models.CharField(max_length=20)),
                ("key", models.CharField(max_length=1011)),
                ("source_pk", models.BigIntegerField()),
                ("source_version", models.PositiveIntegerField()),
                ("source_at", models.DateTimeField(null=True)),
                ("copy_pk", models.BigIntegerField(null=True)),
                ("copy_version", models.PositiveIntegerField(null=True)),
                ("copy_at", models.DateTimeField(null=True)),
                ("change_set", models.UUIDField()),
                ("at", models.DateTimeField()),
                ("retry_at", models.DateTimeField(null=True)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="console.app",
                    ),
                ),
                (
                    "branch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preview_copies",
                        to="console.branch",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="console.branch",
                    ),
                ),
            ],
            options={
                "ordering": ["pk"],
            },
        ),
    ]
