"""A parameter store that behaves like SSM, encrypted in Branchkeep's own database.

Someone with write access to the database can't read a value, alter it, or move it to another path,
version or parameter: each ciphertext is bound to all three. They can roll a row back to an earlier
state as a whole, which only a second store could reveal.
"""

from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import reduce
from itertools import chain
from operator import or_
from typing import Any

from django.db import connection, transaction
from django.db.models import CharField, F, FilteredRelation, Q, Value
from django.db.models.functions import Concat

from console.db.text_times import as_text
from secrets_app.models import EmbeddedParameter, EmbeddedVersion
from secrets_app.store.base import (
    KeptVersion,
    Parameter,
    Reading,
    SecretValue,
    Stamp,
    Written,
)
from secrets_app.store.embedded.encryption import Ciphertext, Keyring
from secrets_app.store.errors import AlreadyExists, Unreadable
from secrets_app.store.instrumentation import store_call
from secrets_app.store.limits import VERSIONS_KEPT, batches, check_put, distinct, valid_path

_INCREMENT_SQL = (
    "UPDATE secrets_app_embeddedparameter SET version = version + 1, modified = %s "
    "WHERE path = %s RETURNING id, path, version, modified"
)
_CREATE_SQL = (
    "INSERT INTO secrets_app_embeddedparameter (modified, path, version) VALUES (%s, %s, 1) "
    "ON CONFLICT (path) DO NOTHING RETURNING id, path, version, modified"
)
_DELETE_SQL = "DELETE FROM secrets_app_embeddedparameter WHERE path IN ({}) RETURNING id, path"
# What the open shared transaction still has to insert. None outside of one.
_unsaved: ContextVar[list[EmbeddedVersion] | None] = ContextVar("_unsaved", default=None)


# One text per row: tuples of three columns take half as long again.
_STAMP = Concat(
    "path", Value(" "), "version", Value(" "), as_text("modified"), output_field=CharField()
)


class EmbeddedStore:
    """A ParameterStore in the Django database. Failures of the database are no StoreErrors."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Read ENCRYPTION_KEYS, the newest first. Raises ImproperlyConfigured for a bad key."""
        self._keyring = Keyring(keys)

    def missing_keys(self) -> set[str]:
        """Return the ids of keys that stored values need and ENCRYPTION_KEYS lacks."""
        used = EmbeddedVersion.objects.values_list("key_id", flat=True).distinct()
        return set(used) - self._keyring.ids

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield the parameters under any of the path prefixes, in one query."""
        return chain.from_iterable(self.pages(prefixes))

    def pages(self, prefixes: Iterable[str]) -> Iterator[Sequence[Parameter]]:
        """Yield all of them at once."""
        folders = distinct(prefixes)
        return _pages(folders) if folders else iter(())

    def stamps(self, prefixes: Iterable[str]) -> Set[Stamp]:
        """Return the stamps of the parameters under any of the path prefixes, in one query."""
        folders = distinct(prefixes)
        with store_call("embedded", "list", len(folders)):
            rows = EmbeddedParameter.objects.filter(_below(folders))
            return set(rows.values_list(_STAMP, flat=True))

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return those of `paths` that exist, by path."""
        found: dict[str, Parameter] = {}
        for batch in batches(paths):
            with store_call("embedded", "current", len(batch)):
                rows = EmbeddedParameter.objects.filter(path__in=batch)
                found |= {row.path: _parameter(row) for row in rows}
        return found

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return those of `paths` that exist, decrypted, by path. Raises Unreadable."""
        found: dict[str, Reading] = {}
        _insert_unsaved()
        for batch in batches(paths):
            with store_call("embedded", "read", len(batch)):
                found |= {row.path: self._reading(row) for row in _rows_with_ciphertext(batch)}
        return found

    def versions(self, path: str) -> Sequence[KeptVersion]:
        """Return the versions that are kept, newest first. Decrypts nothing."""
        rows = EmbeddedVersion.objects.filter(parameter__path=valid_path(path))
        _insert_unsaved()
        with store_call("embedded", "versions", 1):
            kept = rows.order_by("-version").values_list("version", "modified")
            return [KeptVersion(Parameter(path, *row)) for row in kept]

    def read_version(self, path: str, version: int) -> Reading | None:
        """Return one version, decrypted, or None if it isn't kept. Raises Unreadable."""
        rows = EmbeddedVersion.objects.filter(parameter__path=valid_path(path), version=version)
        _insert_unsaved()
        with store_call("embedded", "read_version", 1):
            row = rows.first()
            if row is None:
                return None
            context = ciphertext_context(row.parameter_id, path, version)
            encrypted = Ciphertext(row.key_id, bytes(row.nonce), bytes(row.ciphertext))
            value = self._keyring.decrypt(encrypted, context)
            return Reading(Parameter(path, version, row.modified), value)

    def put(
        self,
        path: str,
        value: SecretValue,
        *,
        overwrite: bool,
        key_id: str = "",
        advanced: bool = False,
        encrypted: bool = True,
    ) -> Written:
        """Write a value and return its version. Raises AlreadyExists without `overwrite`.

        Encrypts with the newest of ENCRYPTION_KEYS, whatever the others say. There are no tiers.
        """
        check_put(path, value)
        with store_call("embedded", "put", 1):
            with transaction.atomic(savepoint=False):
                row = _next_version(path, datetime.now(UTC), overwrite)
                if row is not None:
                    self._add_version(row, value)
            # Raised outside the block: inside, it would roll back an enclosing shared_transaction.
            if row is None:
                raise AlreadyExists
        return Written(row.version, at=row.modified)

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters with all their versions. Return the paths that existed."""
        removed: set[str] = set()
        _insert_unsaved()
        for batch in batches(paths):
            with store_call("embedded", "remove", len(batch)), transaction.atomic(savepoint=False):
                removed |= _delete(batch)
        return removed

    @contextmanager
    def shared_transaction(self) -> Iterator[bool]:
        """Run a transaction, which the store's own writes join. It inserts their values at once."""
        with transaction.atomic():
            token = _unsaved.set([])
            try:
                yield True
                _insert_unsaved()
            finally:
                _unsaved.reset(token)

    def ping(self) -> None:
        """Raise unless the database answers."""
        with store_call("embedded", "ping", 0):
            EmbeddedParameter.objects.exists()

    def _add_version(self, row: EmbeddedParameter, value: SecretValue) -> None:
        encrypted = self._keyring.encrypt(value, ciphertext_context(row.pk, row.path, row.version))
        version = EmbeddedVersion(
            parameter=row,
            version=row.version,
            key_id=encrypted.key_id,
            nonce=encrypted.nonce,
            ciphertext=encrypted.ciphertext,
            modified=row.modified,
        )
        unsaved = _unsaved.get()
        if unsaved is None:
            _insert([version])
        else:
            unsaved.append(version)

    def _reading(self, row: Any) -> Reading:
        if row.latest__key_id is None:  # someone deleted the version's row from the database
            raise Unreadable(code="VersionMissing")
        encrypted = Ciphertext(
            row.latest__key_id, bytes(row.latest__nonce), bytes(row.latest__ciphertext)
        )
        value = self._keyring.decrypt(encrypted, ciphertext_context(row.pk, row.path, row.version))
        return Reading(_parameter(row), value)


def ciphertext_context(pk: int, path: str, version: int) -> str:
    """Return the context that a ciphertext is bound to.

    The row's id is never reused, so it distinguishes a parameter from a re-created one.
    """
    return f"{pk}\n{version}\n{path}"


def _next_version(path: str, now: datetime, overwrite: bool) -> EmbeddedParameter | None:
    """Return the path's row, locked, at its next version. None if a creation finds one.

    Single statements, so that no other writer can come between two of them.
    """
    while True:
        for statement in (_INCREMENT_SQL, _CREATE_SQL) if overwrite else (_CREATE_SQL,):
            for row in EmbeddedParameter.objects.raw(statement, [now, path]):
                return row
        if not overwrite:
            return None


def _insert_unsaved() -> None:
    if unsaved := _unsaved.get():
        _insert(unsaved)
        unsaved.clear()


def _insert(versions: Sequence[EmbeddedVersion]) -> None:
    """Insert versions, and drop the oldest beyond VERSIONS_KEPT, as SSM does."""
    EmbeddedVersion.objects.bulk_create(versions)
    too_old = [
        Q(parameter=it.parameter_id, version__lte=it.version - VERSIONS_KEPT)
        for it in versions
        if it.version > VERSIONS_KEPT
    ]
    if too_old:
        EmbeddedVersion.objects.filter(reduce(or_, too_old)).delete()


def _delete(paths: Sequence[str]) -> set[str]:
    """Delete parameters with all their versions. Return the paths that existed."""
    # The parameters first, so that no other writer adds a version in between. The database checks
    # the versions' references when the transaction ends.
    places = ", ".join(["%s"] * len(paths))
    statement = _DELETE_SQL.format(places)
    rows = {row.pk: row.path for row in EmbeddedParameter.objects.raw(statement, paths)}
    if rows:
        EmbeddedVersion.objects.filter(parameter__in=rows).delete()
    return set(rows.values())


def _parameter(row: Any) -> Parameter:
    return Parameter(row.path, row.version, row.modified)


def _pages(folders: Sequence[str]) -> Iterator[Sequence[Parameter]]:
    with store_call("embedded", "list", len(folders)):
        rows = EmbeddedParameter.objects.filter(_below(folders)).order_by("path")
        page = [_parameter(row) for row in rows]
    yield page


def _below(folders: Sequence[str]) -> Q:
    """Return the condition of parameters below the folders, in a form that uses the index.

    SQLite's LIKE would read the whole table, and ignore case. PostgreSQL compares by language.
    """
    after = chr(ord("/") + 1)
    if connection.vendor == "sqlite":
        ranges = (Q(path__gt=f"{it}/", path__lt=f"{it}{after}") for it in folders)
    else:
        ranges = (Q(path__startswith=f"{it}/") for it in folders)
    return reduce(or_, ranges)


def _rows_with_ciphertext(paths: Sequence[str]) -> Iterable[Any]:
    """Return parameters with their current version, in one query, so that both match."""
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
