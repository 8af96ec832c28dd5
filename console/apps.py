"""Django's configuration of the core app."""

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_finished
from django.db.models.signals import post_migrate

from console.audit import triggers
from console.db import erasure
from console.lib.service_calls import Call


class ConsoleConfig(AppConfig):
    """Users, apps, branches, permissions and audit."""

    name = "console"

    def ready(self) -> None:
        """Register system checks and counters, and connect receivers of signals."""
        post_migrate.connect(triggers.after_migrate, sender=self)
        # These import models, which Django has only loaded now.
        from console.amplify.instrumentation import listeners
        from console.audit import chain
        from console.auth import signals
        from console.ops import shared_parameters, system_checks  # noqa: F401 - system checks

        signals.connect_receivers()
        request_finished.connect(chain.append_pending_links, dispatch_uid="chain")
        request_finished.connect(erasure.retry)
        if settings.METRICS_TOKEN:
            listeners.append(_measure)


def _measure(call: Call) -> None:
    from console.ops import metrics

    metrics.service_call_ended("amplify", call)
