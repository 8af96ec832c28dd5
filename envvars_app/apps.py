"""Django's configuration of this app."""

from django.apps import AppConfig


class EnvvarsConfig(AppConfig):
    """Environment variables and build settings."""

    name = "envvars_app"
    verbose_name = "Environment variables"

    def ready(self) -> None:
        """Register the variables as a source of a branch's environment."""
        from console.environment.sources import register
        from envvars_app.environment_source import VariableSource

        register(VariableSource())
