import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("console", "0009_session_hashes"),
    ]

    operations = [
        migrations.AddField(
            model_name="subscription",
            name="wanted",
            field=models.BooleanField(default=True),
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
                    (
                        "account",
                        "How a member signs in changes, or single sign-on adds a person to a group",
                    ),
                ],
                max_length=20,
            ),
        ),
        migrations.CreateModel(
            name="AccountLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("password", "a new password"),
                            ("factors", "the removal of second factors"),
                        ],
                        max_length=10,
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("expires_at", models.DateTimeField()),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="links",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("user", "kind"), name="one_link_per_user_and_kind"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                (
                    "proof",
                    models.CharField(
                        choices=[
                            ("owners", "nothing: only owners confirm"),
                            ("password", "the password"),
                            ("factor", "a second factor"),
                        ],
                        max_length=10,
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("confirmed", models.ManyToManyField(related_name="+", to="console.app")),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="suspension",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
    ]
