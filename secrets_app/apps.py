"""The secrets."""

from django.apps import AppConfig


class SecretsConfig(AppConfig):
    """Secrets, their projection and the parameter stores."""

    name = "secrets_app"

    def ready(self) -> None:
        """Register the checks."""
        from secrets_app import checks  # noqa: F401 - importing registers them
