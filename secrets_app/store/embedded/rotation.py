"""Re-encryption of the embedded store with the newest key, while the store is in use.

Rows with the newest key are skipped, so an interrupted run continues where it stopped. Batches skip
rows that others have locked (docs/adr/0008-rotation-skips-locked-rows.md).
"""

from dataclasses import dataclass, field
from time import sleep

from django.db import transaction
from django.db.models import QuerySet

from secrets_app.models import EmbeddedVersion
from secrets_app.store.embedded.encryption import Ciphertext, Keyring
from secrets_app.store.embedded.store import ciphertext_context
from secrets_app.store.errors import Unreadable

BATCH = 100  # rows per transaction, which is how long another writer may have to wait
PASSES = 20  # each retries rows that were locked, or written with an older key in the meantime
PAUSE = 0.1  # seconds between passes


@dataclass
class ReencryptionResult:
    """The number of versions that were re-encrypted, and those that no key can read."""

    reencrypted: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)  # row id to path and version
    remaining: int = 0  # still locked, or still being written with an older key


def reencrypt_all(keyring: Keyring) -> ReencryptionResult:
    """Re-encrypt all versions with the newest key. Leaves versions that no key can read."""
    result = ReencryptionResult()
    for number in range(PASSES):
        sleep(PAUSE if number else 0)
        _run_pass(keyring, result)
        outdated = _outdated(keyring).values_list("pk", flat=True)
        result.remaining = len(set(outdated) - result.unreadable.keys())
        if not result.remaining:
            break
    return result


def _run_pass(keyring: Keyring, result: ReencryptionResult) -> None:
    last_pk = 0
    while rows := _batch(keyring, last_pk, result):
        last_pk = rows[-1]


@transaction.atomic
def _batch(keyring: Keyring, last_pk: int, result: ReencryptionResult) -> list[int]:
    """Re-encrypt the next rows after `last_pk`. Return their ids."""
    rows = _outdated(keyring).filter(pk__gt=last_pk).select_related("parameter").order_by("pk")
    # Without skip_locked this could deadlock with a removal, which locks rows in another order.
    rows_locked = list(rows.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    for row in rows_locked:
        try:
            _reencrypt_row(keyring, row)
            result.reencrypted += 1
        except Unreadable:
            result.unreadable[row.pk] = f"{row.parameter.path} version {row.version}"
    return [row.pk for row in rows_locked]


def _reencrypt_row(keyring: Keyring, row: EmbeddedVersion) -> None:
    context = ciphertext_context(row.parameter_id, row.parameter.path, row.version)
    value = keyring.decrypt(
        Ciphertext(row.key_id, bytes(row.nonce), bytes(row.ciphertext)), context
    )
    encrypted = keyring.encrypt(value, context)
    row.key_id, row.nonce, row.ciphertext = encrypted.key_id, encrypted.nonce, encrypted.ciphertext
    row.save(update_fields=["key_id", "nonce", "ciphertext"])


def _outdated(keyring: Keyring) -> QuerySet[EmbeddedVersion]:
    return EmbeddedVersion.objects.exclude(key_id=keyring.newest)
