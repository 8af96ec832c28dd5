"""`manage.py purge_bin`: delete for good what has expired in the recycle bin."""

from typing import Any

from django.core.management.base import CommandError

from console.audit import chain
from console.cli.base import ConsoleCommand
from console.cli.terminal import Exit
from console.workflows.bin_worker import clean_up


class Command(ConsoleCommand):
    """Do at once what the server does every minute."""

    help = (
        "Delete for good the secrets and variables whose time in the recycle bin is over, and "
        "finish what was interrupted there. The server does this by itself."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many were deleted. Exits with 5 if the store doesn't answer."""
        done = clean_up()
        chain.append_pending_links()
        self.stdout.write(f"Deleted for good: {done.purged:,}. Finished: {done.finished:,}.")
        if done.problem:
            raise CommandError(done.problem, returncode=Exit.STORE)
