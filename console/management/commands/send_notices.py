"""`manage.py send_notices`: send the queued notification mails."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError

from console.cli.base import ConsoleCommand
from console.cli.terminal import Exit
from console.models import Notice
from console.notifications.outbox import NO_MAIL
from console.notifications.worker import run_once


class Command(ConsoleCommand):
    """Do once what the server does every 20 seconds, such as after the mail server was fixed."""

    help = "Send notification mails that are due, and report what is still waiting."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the numbers. Exits with Exit.STORE if the mail server didn't answer."""
        if not settings.MAIL:
            raise CommandError(NO_MAIL, returncode=Exit.STORE)
        result = run_once()
        waiting = Notice.objects.values("user_id", "app_id").distinct().count()
        self.stdout.write(
            f"Sent: {result.sent:,}. Rejected by the mail server: {result.refused:,}. Waiting: "
            f"{waiting:,}."
        )
        if result.server_unavailable:
            raise CommandError(
                "The mail server did not answer or rejected the sign-in. Check EMAIL_URL. "
                "Waiting mails will be sent later.",
                returncode=Exit.STORE,
            )
