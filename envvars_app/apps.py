"""The environment variables."""

from django.apps import AppConfig


class EnvvarsConfig(AppConfig):
    """Environment variables, build settings, formats of files."""

    name = "envvars_app"
    verbose_name = "Environment variables"
