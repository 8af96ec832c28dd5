from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0025_preview_copies"),
    ]

    operations = [
        migrations.AddField(
            model_name="app",
            name="hosting_project",
            field=models.CharField(blank=True, default="", max_length=214),
            preserve_default=False,
        ),
        migrations.AddConstraint(
            model_name="app",
            constraint=models.UniqueConstraint(
                condition=models.Q(("hosting_project", ""), _negated=True),
                fields=("hosting_project",),
                name="one_app_per_hosting_project",
            ),
        ),
    ]
