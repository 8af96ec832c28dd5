"""`manage.py setup_link`: print the one-time link to the set-up page."""

import os
from typing import Any

from django.core.management.base import CommandError

from console.auth.bootstrap import link_path
from console.cli.base import ConsoleCommand
from console.conf.base_url import base_url


class Command(ConsoleCommand):
    """Print the link under which the first operator is created."""

    help = "Print the one-time set-up link, as long as Branchkeep has no users."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the link, or raise CommandError if a user exists."""
        path = link_path()
        if not path:
            raise CommandError("Branchkeep is already set up. Sign in instead.")
        self.stdout.write(base_url(os.environ.get("PORT", "8000")) + path)
