"""System check at start: the keys of the embedded store are complete."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from secrets_app.models import EmbeddedVersion


@register(Tags.database)
def encryption_keys(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Prevent a start with a missing key, which would look as if the secrets were lost."""
    if settings.PARAMETER_STORE != "embedded" or "default" not in (databases or ()):
        return []
    from secrets_app.store.embedded.store import EmbeddedStore

    try:
        store = EmbeddedStore(settings.ENCRYPTION_KEYS)
    except ImproperlyConfigured as error:
        return [Error(str(error), id="secrets_app.E001")]
    if EmbeddedVersion._meta.db_table not in connections["default"].introspection.table_names():
        return []  # the database has not been migrated yet
    if missing := store.missing_keys():
        return [Error(_missing(len(missing)), id="secrets_app.E002")]
    return []


def _missing(count: int) -> str:
    return (
        f"ENCRYPTION_KEYS is missing {count} of the keys that encrypt the embedded store. Nothing "
        "was changed. Add the old key after the new one, separated by a comma."
    )
