"""The console's core."""

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db.models.signals import post_migrate

from console.audit import triggers


class ConsoleConfig(AppConfig):
    """Users, apps, branches, rights, audit."""

    name = "console"

    def ready(self) -> None:
        """Guard the audit tables after every migration, and seal what a request wrote to them."""
        post_migrate.connect(triggers.after_migrate, sender=self)
        from console.audit import chain
        from console.auth import signals

        signals.connect_receivers()
        request_finished.connect(chain.append_pending_links, dispatch_uid="chain")
