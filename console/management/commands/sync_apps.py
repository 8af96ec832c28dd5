"""`manage.py sync_apps`: refresh connected apps from Amplify, and push what waits."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from console.cli.base import ConsoleCommand
from console.cli.terminal import Exit
from console.workflows.connected_apps.refreshing import Refreshed, sync_all


class Command(ConsoleCommand):
    """Do for all connected apps what their pages do when they are looked at, such as by a timer.

    It acts for nobody: what it finds was done in Amplify, and what it pushes, somebody saved.
    """

    help = "Refresh connected apps from Amplify, and push saved variables that wait."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add --app."""
        parser.add_argument("--app", default="", help="only this app ID; otherwise all")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line per app. Exits with Exit.STORE if Amplify didn't take part in one."""
        results = []
        for result in sync_all(options["app"]):
            self.stdout.write(f"{result.app.app_id}: {_in_words(result)}")
            results.append(result)
        if options["app"] and not results:
            raise CommandError(
                "No connected app has this app ID. Connect it in its general settings first.",
                returncode=Exit.DENIED,
            )
        if any(result.problem for result in results):
            raise CommandError(
                "Not every app could be synchronized. What waits is pushed by the next run.",
                returncode=Exit.STORE,
            )


def _in_words(result: Refreshed) -> str:
    """Return what happened, such as "Branches: 2 added. Variables: 3 pushed, 1 waiting."."""
    pushed = result.pushed
    numbers = [(pushed.done, "pushed"), (pushed.waiting, "waiting"), (pushed.left, "to decide")]
    values = ", ".join(f"{number:,} {word}" for number, word in numbers if number)
    branches = result.plan.in_words() if result.plan else ""
    words = [
        f"{branches}." if branches else "",
        f"Values: {values}." if values else "",
        result.problem,
    ]
    return " ".join(filter(None, words)) or "Nothing changed."
