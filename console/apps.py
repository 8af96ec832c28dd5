"""Django's configuration of the core app."""

from django.apps import AppConfig
from django.core.signals import request_finished
from django.db.models.signals import post_migrate

from console.audit import triggers


class ConsoleConfig(AppConfig):
    """Users, apps, branches, permissions and audit."""

    name = "console"

    def ready(self) -> None:
        """Connect triggers to migrations, audit events to sign-ins, and chain links to requests.

        Registers the system check, too.
        """
        post_migrate.connect(triggers.after_migrate, sender=self)
        # These import models, which Django has only loaded now.
        from console.audit import chain
        from console.auth import signals
        from console.ops import shared_parameters  # noqa: F401 - registers its system check

        signals.connect_receivers()
        request_finished.connect(chain.append_pending_links, dispatch_uid="chain")
