"""Add which parameters are in SSM's Advanced tier."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("secrets_app", "0011_parameters_in_the_recycle_bin")]

    operations = [
        migrations.AddField(model, name, models.BooleanField(default=False))
        for model, name in (
            ("secret", "advanced"),
            ("secret", "mirror_advanced"),
            ("binentry", "advanced"),
            ("unknownparameter", "advanced"),
        )
    ]
