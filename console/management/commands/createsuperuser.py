"""Replaces Django's `createsuperuser`, which would set a password without a trace."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser


class Command(BaseCommand):
    """Refuses, and names the command to use."""

    help = "Use `manage.py account operator EMAIL` instead."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--email")
        parser.add_argument("--noinput", "--no-input", action="store_true")

    def handle(self, *args: Any, **options: Any) -> None:
        """Raise CommandError."""
        raise CommandError(
            "Branchkeep doesn't set passwords for people. Run `manage.py account operator EMAIL`, "
            "which makes a one-time link and records it."
        )
