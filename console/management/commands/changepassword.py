"""Replaces Django's `changepassword`, which would set a password without a trace."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Refuses, and names the command to use."""

    help = "Use `manage.py account link EMAIL` instead."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", nargs="?")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raise CommandError."""
        raise CommandError(
            "Branchkeep doesn't set passwords for people. Run `manage.py account link EMAIL`, "
            "which makes a one-time link and records it."
        )
