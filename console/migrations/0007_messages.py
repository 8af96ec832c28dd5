# Messages and labels only; no table changes.

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("console", "0006_sessions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="app",
            name="app_id",
            field=models.CharField(
                max_length=20,
                unique=True,
                validators=[
                    django.core.validators.RegexValidator(
                        "^d[a-z0-9]{1,19}\\Z",
                        "Enter the app ID as the Amplify console shows it: a d, then 1 to 19 lowercase letters and digits.",
                    )
                ],
                verbose_name="app ID",
            ),
        ),
        migrations.AlterField(
            model_name="subscription",
            name="kind",
            field=models.CharField(
                choices=[
                    ("guarded-change", "A protected secret is added, changed or removed"),
                    ("guarded-reveal", "Someone reveals a protected secret"),
                    ("reveal", "Someone reveals a secret on any branch"),
                    ("rights", "Members, groups, branches or their protection change"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterConstraint(
            model_name="member",
            name="a_person_or_a_group",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__isnull", False), ("user", None)),
                    models.Q(("group", None), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="a_person_or_a_group",
                violation_error_message="Choose a person or a group, not both.",
            ),
        ),
    ]
