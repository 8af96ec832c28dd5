"""`manage.py send_notices`: send the mails on chosen events that wait."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from console.cli.terminal import Exit
from console.models import Notice
from console.notifications.outbox import NO_MAIL
from console.notifications.worker import one_round


class Command(BaseCommand):
    """Do once what the server does every 20 seconds: after the mail server was put right, say."""

    help = "Send notification mails that are due, and report what is still waiting."

    def handle(self, *args: Any, **options: Any) -> None:
        """Print how many; end with 5 where the mail server did not answer."""
        if not settings.MAIL:
            raise CommandError(NO_MAIL, returncode=Exit.STORE)
        done = one_round()
        waiting = Notice.objects.values("user_id", "app_id").distinct().count()
        self.stdout.write(
            f"Sent: {done.sent:,}. Rejected by the mail server: {done.refused:,}. Waiting: "
            f"{waiting:,}."
        )
        if done.away:
            raise CommandError(
                "The mail server did not answer or rejected the sign-in. Check EMAIL_URL. "
                "Waiting mails will be sent later.",
                returncode=Exit.STORE,
            )
