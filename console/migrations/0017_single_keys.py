from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0016_theme_and_time_zone"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="single_keys",
            field=models.BooleanField(default=True),
        ),
    ]
