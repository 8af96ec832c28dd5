from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0022_preview_rules"),
    ]

    operations = [
        migrations.AddField(
            model_name="keynote",
            name="kind",
            field=models.CharField(blank=True, max_length=20),
        ),
        migrations.AddField(
            model_name="keynote",
            name="rule",
            field=models.TextField(blank=True),
        ),
    ]
