"""Django's configuration of this app."""

from django.apps import AppConfig


class EnvvarsConfig(AppConfig):
    """Environment variables and build settings."""

    name = "envvars_app"
    verbose_name = "Environment variables"

    def ready(self) -> None:
        """Register what a branch's environment and a connected app get from here."""
        from console.amplify import pushes, snapshots
        from console.environment import build_files, sources
        from envvars_app.amplify_sync import disconnecting as disconnecting  # its receiver
        from envvars_app.amplify_sync.pulling import take_in
        from envvars_app.amplify_sync.pushing import push
        from envvars_app.environment_source import VariableSource

        sources.register(VariableSource())
        build_files.register("envvars_app.buildspec.uses")
        snapshots.register(take_in)
        pushes.register(push)
