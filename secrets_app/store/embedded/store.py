"""The embedded store: does what SSM does, encrypted in the console's own database.

Whoever can write to the database can bring back an old state of a row as a whole; nothing short of
a second store would show it. He can't read a value, alter one, or move it to another path, another
version, or another life of the same path: each ciphertext is bound to all three.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from django.db import transaction
from django.db.models import F, FilteredRelation, Q

from secrets_app.models import EmbeddedParameter, EmbeddedVersion
from secrets_app.store.base import Parameter, Reading, SecretValue, Written
from secrets_app.store.embedded.encryption import Keyring, Sealed
from secrets_app.store.errors import AlreadyExists, Unreadable
from secrets_app.store.instrumentation import store_call
from secrets_app.store.limits import VERSIONS_KEPT, batches, check_put, distinct

_COUNT_UP = (
    "UPDATE secrets_app_embeddedparameter SET version = version + 1, modified = %s "
    "WHERE path = %s RETURNING id, path, version, modified"
)


class EmbeddedStore:
    """A ParameterStore in the Django database, whose own failures are no StoreErrors."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take ENCRYPTION_KEYS, newest first; raise ImproperlyConfigured where one is no key."""
        self._keyring = Keyring(keys)

    def missing_keys(self) -> set[str]:
        """Return the ids of keys that encrypted something stored and are not in ENCRYPTION_KEYS."""
        used = EmbeddedVersion.objects.values_list("key_id", flat=True).distinct()
        return set(used) - self._keyring.ids

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield what stands under any of the path prefixes, in one query."""
        wanted = distinct(prefixes)
        return _listing(tuple(f"{prefix}/" for prefix in wanted)) if wanted else iter(())

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return the parameters that exist among `paths`."""
        found: dict[str, Parameter] = {}
        for batch in batches(paths):
            with store_call("embedded", "current", len(batch)):
                rows = EmbeddedParameter.objects.filter(path__in=batch)
                found |= {row.path: _parameter(row) for row in rows}
        return found

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return the decrypted parameters that exist among `paths`, or raise Unreadable."""
        found: dict[str, Reading] = {}
        for batch in batches(paths):
            with store_call("embedded", "read", len(batch)):
                found |= {row.path: self._reading(row) for row in _with_ciphertext(batch)}
        return found

    def put(self, path: str, value: SecretValue, *, overwrite: bool) -> Written:
        """Write a value and return its version. Raises AlreadyExists without `overwrite`."""
        check_put(path, value)
        with store_call("embedded", "put", 1):
            with transaction.atomic(savepoint=False):
                row = _counted_up(path, datetime.now(UTC), overwrite)
                if row is not None:
                    self._add_version(row, value)
            if row is None:  # raised here, lest it take along what was written together with it
                raise AlreadyExists
        return Written(row.version, at=row.modified)

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters with all their versions and return the paths that were there."""
        removed: set[str] = set()
        for batch in batches(paths):
            with store_call("embedded", "remove", len(batch)), transaction.atomic(savepoint=False):
                rows = EmbeddedParameter.objects.select_for_update().filter(path__in=batch)
                there = {row.pk: row.path for row in rows.order_by("path")}
                EmbeddedParameter.objects.filter(pk__in=there).delete()
            removed.update(there.values())
        return removed

    def shared_transaction(self) -> AbstractContextManager[None]:
        """Return a transaction."""
        return transaction.atomic()

    def ping(self) -> None:
        """Return if the database answers for the store's table."""
        with store_call("embedded", "ping", 0):
            EmbeddedParameter.objects.exists()

    def _add_version(self, row: EmbeddedParameter, value: SecretValue) -> None:
        """Add the row's version and drop the one that is too old, as SSM does."""
        sealed = self._keyring.seal(value, place_of(row.pk, row.path, row.version))
        EmbeddedVersion.objects.create(
            parameter=row,
            version=row.version,
            key_id=sealed.key_id,
            nonce=sealed.nonce,
            ciphertext=sealed.ciphertext,
            modified=row.modified,
        )
        if row.version > VERSIONS_KEPT:
            row.versions.filter(version__lte=row.version - VERSIONS_KEPT).delete()

    def _reading(self, row: Any) -> Reading:
        if row.latest__key_id is None:  # the version's row was deleted behind our back
            raise Unreadable(code="VersionMissing")
        sealed = Sealed(row.latest__key_id, bytes(row.latest__nonce), bytes(row.latest__ciphertext))
        value = self._keyring.open(sealed, place_of(row.pk, row.path, row.version))
        return Reading(_parameter(row), value)


def place_of(pk: int, path: str, version: int) -> str:
    """What a ciphertext is bound to; the row's id, never used again, tells a path's lives apart."""
    return f"{pk}\n{version}\n{path}"


def _counted_up(path: str, now: datetime, overwrite: bool) -> EmbeddedParameter | None:
    """Return the path's row at its next version, locked till the transaction ends; None where it is
    there and not to be overwritten.
    """
    if overwrite and (row := _overwritten(path, now)):
        return row
    row = _locked(path, now)
    if row.version and not overwrite:
        return None
    row.version, row.modified = row.version + 1, now
    row.save()
    return row


def _overwritten(path: str, now: datetime) -> EmbeddedParameter | None:
    """Do it for a row that is there; None where there is none."""
    return next(iter(EmbeddedParameter.objects.raw(_COUNT_UP, [now, path])), None)


def _locked(path: str, now: datetime) -> EmbeddedParameter:
    """Return the path's row, locked till the transaction ends; with version 0 where it is new.

    One statement does it, so no other writer or remover comes between a look and an insert; of a
    row that is there it changes nothing.
    """
    EmbeddedParameter.objects.bulk_create(
        [EmbeddedParameter(path=path, version=0, modified=now)],
        update_conflicts=True,
        unique_fields=["path"],
        update_fields=["path"],
    )
    return EmbeddedParameter.objects.get(path=path)


def _parameter(row: Any) -> Parameter:
    return Parameter(row.path, row.version, row.modified)


def _listing(folders: tuple[str, ...]) -> Iterator[Parameter]:
    condition = Q()
    for folder in folders:
        condition |= Q(path__startswith=folder)
    with store_call("embedded", "list", len(folders)):
        rows = [*EmbeddedParameter.objects.filter(condition).order_by("path")]
    # SQLite's LIKE is blind to case, and SSM's paths are not
    yield from (_parameter(row) for row in rows if row.path.startswith(folders))


def _with_ciphertext(paths: Sequence[str]) -> Iterable[Any]:
    """Each parameter with its current version beside it, in one query, so that both agree."""
    latest = FilteredRelation("versions", condition=Q(versions__version=F("version")))
    return (
        EmbeddedParameter.objects.filter(path__in=paths)
        .annotate(latest=latest)
        .values_list(
            *("pk", "path", "version", "modified"),
            *("latest__key_id", "latest__nonce", "latest__ciphertext"),
            named=True,
        )
    )
