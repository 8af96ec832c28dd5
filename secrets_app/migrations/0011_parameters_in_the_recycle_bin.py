from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("secrets_app", "0010_recycle_bin"),
    ]

    operations = [
        migrations.AddField(
            model_name="binentry",
            name="folder",
            field=models.CharField(blank=True, default="", max_length=1011),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="unknownparameter",
            name="key_id",
            field=models.CharField(blank=True, default="", max_length=2048),
            preserve_default=False,
        ),
    ]
