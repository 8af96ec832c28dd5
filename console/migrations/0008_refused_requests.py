"""Count refused requests beyond the ones that are recorded one by one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("console", "0007_messages")]

    operations = [
        migrations.CreateModel(
            name="RefusedRequests",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("actor", models.CharField(max_length=30)),
                ("app_id", models.CharField(blank=True, max_length=20)),
                ("minute", models.DateTimeField()),
                ("number", models.PositiveIntegerField(default=0)),
                ("event_id", models.BigIntegerField(null=True)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("actor", "app_id", "minute"), name="one_count_per_minute"
                    )
                ],
            },
        ),
    ]
