"""Add how far the write that holds a row's lease has come."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0004_answered_at")]

    operations = [
        migrations.AddField(
            model_name="secret",
            name="claim_stage",
            field=models.CharField(
                blank=True,
                choices=[
                    ("taken", "Taken"),
                    ("called", "Called"),
                    ("lost", "Lost"),
                    ("late", "Late"),
                    ("mirror", "Mirror"),
                ],
                default="",
                max_length=6,
            ),
        ),
    ]
