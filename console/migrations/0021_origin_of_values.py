from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0020_index_of_change_sets"),
    ]

    operations = [
        migrations.AddField(
            model_name="auditevent",
            name="origin",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["app_id", "subject"],
                condition=models.Q(origin__isnull=False),
                name="audit_of_a_copy",
            ),
        ),
    ]
