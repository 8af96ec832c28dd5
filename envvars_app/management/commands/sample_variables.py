"""`manage.py sample_variables`: add sample variables to an app."""

import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from console.access.actors import from_command_line
from console.access.policy import find_app
from console.lib.results import DONE
from console.models import User
from envvars_app.variables.commands import SetVariable
from envvars_app.variables.save import save

VARIABLES = (
    ("API_URL", None, "https://api.shop.example/v1"),
    ("API_URL", "develop", "https://api.dev.shop.example/v1"),
    ("IMAGE_CDN_URL", None, "https://img.shop.example"),
    ("LOG_LEVEL", None, "warn"),
    ("LOG_LEVEL", "develop", "debug"),
    ("NEXT_PUBLIC_NEW_CHECKOUT", None, "false"),
    ("NEXT_PUBLIC_NEW_CHECKOUT", "feature/login", "true"),
    ("NEXT_PUBLIC_SHOP_NAME", None, "Sample shop"),
    ("_BUILD_TIMEOUT", None, "30"),
)


class Command(BaseCommand):
    """Add sample variables to an app. `sample_app` calls it."""

    help = "Add sample variables to an app."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app and the member to add the variables as."""
        parser.add_argument("--app", required=True, help="app ID or identifier")
        parser.add_argument(
            "--owner", required=True, help="the email address of a member who can edit variables"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Add the variables."""
        owner = User.objects.filter(email=options["owner"].strip().lower()).first()
        if owner is None:
            raise CommandError("No user has this email address.")
        actor, app_id = from_command_line(owner), options["app"]
        branches = {b.name: b.pk for b in find_app(actor, app_id).app.branches.all()}
        commands = [
            SetVariable(str(number), key=key, branch_id=branches.get(branch or ""), value=value)
            for number, (key, branch, value) in enumerate(VARIABLES)
        ]
        outcomes = save(actor=actor, app_id=app_id, commands=commands, change_set=uuid.uuid4())
        if problems := [o.message for o in outcomes if o.outcome not in DONE]:
            raise CommandError(" ".join(problems))
