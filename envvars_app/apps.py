"""Django's configuration of this app."""

from django.apps import AppConfig


class EnvvarsConfig(AppConfig):
    """Environment variables and build settings."""

    name = "envvars_app"
    verbose_name = "Environment variables"
