"""`manage.py sample_app`: create a sample app."""

import secrets
import uuid
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.access.actors import Actor, from_command_line
from console.catalog.services import add_branch, create_app
from console.lib.naming.names import SAMPLE_APP_IDS, PathProfile
from console.lib.results import DONE
from console.lib.stopping import finishing_current_step
from console.models import App, Stage, User
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save

BRANCHES = (
    {"name": "main", "stage": Stage.PRODUCTION, "production": True, "protected": True},
    {"name": "develop", "stage": Stage.DEVELOPMENT},
    {"name": "feature/login", "stage": Stage.EXPERIMENTAL},
)
SECRETS = (
    ("ALGOLIA_ADMIN_KEY", None),
    ("DATABASE_URL", None),
    ("SENDGRID_API_KEY", None),
    ("STRIPE_SECRET_KEY", None),
    ("DATABASE_URL", "main"),
    ("STRIPE_SECRET_KEY", "main"),
    ("DATABASE_URL", "develop"),
    ("GOOGLE_CLIENT_SECRET", "feature/login"),
)


class Command(BaseCommand):
    """Create a sample app, with random secrets and in the embedded store only."""

    help = "Create a sample app with branches, variables and, in the embedded store, secrets."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the operator who becomes the app's owner."""
        parser.add_argument("--owner", required=True, help="the email address of an operator")

    def handle(self, *args: Any, **options: Any) -> None:
        """Create the app."""
        owner = User.objects.filter(email=options["owner"].strip().lower()).first()
        if owner is None:
            raise CommandError("No user has this email address.")
        actor = from_command_line(owner)
        app = create_app(actor=actor, fields=_fields())
        for fields in BRANCHES:
            add_branch(actor=actor, app_id=app.app_id, fields=fields)
        if settings.PARAMETER_STORE != "ssm":  # never writes to an AWS account
            _add_secrets(actor, app)
        call_command("sample_variables", app=app.app_id, owner=owner.email, verbosity=0)
        if options["verbosity"]:
            self.stdout.write(f"Created {app}.")


def _fields() -> dict[str, str]:
    return {
        "app_id": SAMPLE_APP_IDS + secrets.token_hex(4),
        "name": "Sample shop",
        "repository": "github.com/example/sample-shop",
        "region": settings.AWS_REGION,
        "path_profile": PathProfile.BOTH,
    }


def _add_secrets(actor: Actor, app: App) -> None:
    branches = {branch.name: branch.pk for branch in app.branches.all()}
    commands = [
        SetSecret(
            token=str(number),
            key=key,
            branch_id=branches[branch] if branch else None,
            value=SecretValue(f"sample-{secrets.token_urlsafe(16)}"),
        )
        for number, (key, branch) in enumerate(SECRETS)
    ]
    with finishing_current_step():
        outcomes = save(actor=actor, app_id=app.app_id, commands=commands, change_set=uuid.uuid4())
    if problems := [outcome.message for outcome in outcomes if outcome.outcome not in DONE]:
        raise CommandError(" ".join(problems))
