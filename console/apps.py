"""Django's configuration of the core app."""

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db.models.signals import post_migrate

from console.audit import triggers
from console.db import erasure


class ConsoleConfig(AppConfig):
    """Users, apps, branches, permissions and audit."""

    name = "console"

    def ready(self) -> None:
        """Register system checks, and connect receivers of migrations, sign-ins and requests."""
        post_migrate.connect(triggers.after_migrate, sender=self)
        # These import models, which Django has only loaded now.
        from console.audit import chain
        from console.auth import signals
        from console.ops import shared_parameters, system_checks  # noqa: F401 - system checks

        signals.connect_receivers()
        request_finished.connect(chain.append_pending_links, dispatch_uid="chain")
        request_finished.connect(erasure.retry)
