"""Whether this version knows everything in the database.

An older version must not use a newer one's tables: it would leave out what it doesn't know, such as
a newer version's protection of a branch.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Model

from console.lib.paths import BASE_DIR

# Tables without a model: sign-in limits, and Django's record of migrations
NO_MODELS = {"console_cache", "django_migrations"}
# Django apps that were removed, whose migrations older databases still list
PAST_APPS = {"sessions", "usersessions"}
NEWER = (
    "A newer version of Branchkeep, or another program, changed the database: this version does "
    "not know {}."
)
HINT = (
    "Start the newer version. To go back to this one, restore a backup that this version made into "
    "a new database."
)


def refuse_newer_database() -> None:
    """Raise ImproperlyConfigured if the database has migrations or tables of a newer version."""
    if problem := newer_database():
        raise ImproperlyConfigured(f"{problem} {HINT}")


def newer_database() -> str:
    """Return which migrations or tables only a newer version can have made, or ""."""
    applied = MigrationRecorder(connection).applied_migrations()
    migrations = [f"the migration {app}.{name}" for app, name in unknown_migrations(applied)]
    unknown = migrations or [f"the table {name}" for name in _unknown_tables()]
    return NEWER.format(", ".join(unknown)) if unknown else ""


def unknown_migrations(migrations: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return those of the migrations, as (app, name), that this version doesn't have."""
    ours = MigrationLoader(None).disk_migrations or {}
    known = {*ours, *(old for migration in ours.values() for old in migration.replaces)}
    return sorted(key for key in set(migrations) - known if key[0] not in PAST_APPS)


def models_of(registry: Any) -> list[type[Model]]:
    """Return the models of all tables, many-to-many tables included, sorted by table name."""
    models = registry.get_models(include_auto_created=True)
    tables = {model._meta.db_table: model for model in models if not model._meta.proxy}
    return [tables[name] for name in sorted(tables)]


def models_at(loader: MigrationLoader, migrations: Iterable[tuple[str, str]]) -> Any:
    """Return an app registry with the models as of these migrations."""
    return loader.project_state(ends_of(loader, migrations)).apps


def ends_of(
    loader: MigrationLoader, migrations: Iterable[tuple[str, str]]
) -> list[tuple[str, str]]:
    """Return the migrations that no other one of them depends on."""
    nodes = loader.graph.node_map
    there = {key for key in migrations if key in nodes}
    return [key for key in sorted(there) if not there & {it.key for it in nodes[key].children}]


def _unknown_tables() -> list[str]:
    """Return tables with a name of ours that neither this version nor the database's own has."""
    unknown = _our_tables() - _tables(apps)
    if unknown:  # a migration that is not applied yet may remove or rename them
        loader = MigrationLoader(connection)
        unknown -= _tables(models_at(loader, loader.applied_migrations or ()))
    return sorted(unknown)


def _our_tables() -> set[str]:
    prefixes = tuple(
        f"{config.label}_"
        for config in apps.get_app_configs()
        if Path(config.path).parent == BASE_DIR
    )
    return {name for name in connection.introspection.table_names() if name.startswith(prefixes)}


def _tables(registry: Any) -> set[str]:
    return NO_MODELS | {model._meta.db_table for model in models_of(registry)}
