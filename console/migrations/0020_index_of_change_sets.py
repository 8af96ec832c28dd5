from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0019_key_notes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditevent",
            index=models.Index(
                fields=["change_set", "id"],
                condition=models.Q(change_set__isnull=False),
                name="audit_of_a_change_set",
            ),
        ),
    ]
