"""Django's configuration of this app."""

from django.apps import AppConfig
from django.conf import settings
from django.core.signals import request_finished

from console.lib.service_calls import Call


class SecretsConfig(AppConfig):
    """Secrets, their projection and the parameter stores."""

    name = "secrets_app"
    verbose_name = "Secrets"

    def ready(self) -> None:
        """Register checks, branches' folders, environment source, worker and call counters."""
        from console.access.branches import register_folders
        from console.conf import background
        from console.environment.sources import register
        from secrets_app.environment_source import SecretSource
        from secrets_app.ops import call_stats, system_checks  # noqa: F401
        from secrets_app.paths import branch_folders
        from secrets_app.store.instrumentation import listeners
        from secrets_app.sync import worker

        register(SecretSource())
        background.register(worker.start)
        register_folders("secret", branch_folders)
        listeners.append(call_stats.record)
        request_finished.connect(call_stats.flush_if_due, dispatch_uid="traffic")
        if settings.METRICS_TOKEN:
            listeners.append(_measure)


def _measure(call: Call) -> None:
    from console.ops import metrics

    metrics.service_call_ended("store", call)
