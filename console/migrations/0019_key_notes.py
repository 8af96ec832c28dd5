import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0017_single_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="KeyNote",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=1011)),
                ("version", models.PositiveIntegerField()),
                ("note", models.TextField(blank=True)),
                ("labels", models.CharField(blank=True, max_length=500)),
                ("changed_at", models.DateTimeField()),
                ("changed_by", models.CharField(max_length=254)),
                ("current", models.BooleanField(default=True)),
                (
                    "app",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="key_notes",
                        to="console.app",
                    ),
                ),
            ],
            options={
                "ordering": ["-version"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("app", "key", "version"), name="one_note_per_version"
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("current", True)),
                        fields=("app", "key"),
                        name="one_current_note",
                    ),
                ],
            },
        ),
    ]
