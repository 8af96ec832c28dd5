"""The console's core."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate

from console import triggers


class ConsoleConfig(AppConfig):
    """Users, apps, branches, rights, audit."""

    name = "console"

    def ready(self) -> None:
        """Guard the audit tables after every migration."""
        post_migrate.connect(triggers.after_migrate, sender=self)
        from console import accounts

        accounts.listen()
