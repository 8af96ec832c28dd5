"""Give apps room for the identifier of a standalone backend, and the kind that has one."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0026_hosting_project"),
    ]

    operations = [
        migrations.AlterField(
            model_name="app",
            name="app_id",
            field=models.CharField(max_length=128, unique=True, verbose_name="app ID"),
        ),
        migrations.AlterField(
            model_name="app",
            name="path_profile",
            field=models.CharField(
                choices=[
                    ("both", "both"),
                    ("documented", "documented"),
                    ("backend", "backend"),
                    ("standalone", "standalone"),
                ],
                default="both",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="auditevent",
            name="app_id",
            field=models.CharField(blank=True, max_length=128),
        ),
        migrations.AlterField(
            model_name="refusedrequests",
            name="app_id",
            field=models.CharField(blank=True, max_length=128),
        ),
    ]
