from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("envvars_app", "0002_amplify_sync")]

    operations = [
        migrations.AddField(
            model_name="variable",
            name="expires_at",
            field=models.DateTimeField(db_index=True, null=True),
        ),
    ]
