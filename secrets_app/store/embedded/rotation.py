"""Another key for the embedded store: every version's ciphertext anew, while the store is in use.

A row that is under the newest key is done, so who was killed goes on where he ended. A batch waits
for no other writer, and nobody waits for it longer than its hundred rows take.
"""

from dataclasses import dataclass, field
from time import sleep

from django.db import transaction
from django.db.models import QuerySet

from secrets_app.models import EmbeddedVersion
from secrets_app.store.embedded.encryption import Keyring, Sealed
from secrets_app.store.embedded.store import place_of
from secrets_app.store.errors import Unreadable

BATCH = 100  # rows that a transaction takes
PASSES = 20  # over what others held, or wrote with an older key meanwhile
PAUSE = 0.1  # seconds between two


@dataclass
class ReencryptionResult:
    """How many versions are under the newest key now, and which can't be read with any."""

    done: int = 0
    unreadable: dict[int, str] = field(default_factory=dict)  # by row: path and version
    left: int = 0  # that others still hold, or still write with an older key


def reencrypt_all(keyring: Keyring) -> ReencryptionResult:
    """Encrypt with the newest key what is under others. What can't be read stays as it is."""
    result = ReencryptionResult()
    for number in range(PASSES):
        sleep(PAUSE if number else 0)
        _pass(keyring, result)
        older = _older(keyring).values_list("pk", flat=True)
        result.left = len(set(older) - result.unreadable.keys())
        if not result.left:
            break
    return result


def _pass(keyring: Keyring, result: ReencryptionResult) -> None:
    last = 0
    while rows := _batch(keyring, last, result):
        last = rows[-1]


@transaction.atomic
def _batch(keyring: Keyring, last: int, result: ReencryptionResult) -> list[int]:
    """Do the next rows after `last`; return their numbers."""
    rows = _older(keyring).filter(pk__gt=last).select_related("parameter").order_by("pk")
    # skip_locked: who waits while others wait for him is in a deadlock with a removal
    taken = list(rows.select_for_update(of=("self",), skip_locked=True)[:BATCH])
    for row in taken:
        try:
            _do(keyring, row)
            result.done += 1
        except Unreadable:
            result.unreadable[row.pk] = f"{row.parameter.path} version {row.version}"
    return [row.pk for row in taken]


def _do(keyring: Keyring, row: EmbeddedVersion) -> None:
    place = place_of(row.parameter_id, row.parameter.path, row.version)
    value = keyring.open(Sealed(row.key_id, bytes(row.nonce), bytes(row.ciphertext)), place)
    sealed = keyring.seal(value, place)
    row.key_id, row.nonce, row.ciphertext = sealed.key_id, sealed.nonce, sealed.ciphertext
    row.save(update_fields=["key_id", "nonce", "ciphertext"])


def _older(keyring: Keyring) -> QuerySet[EmbeddedVersion]:
    return EmbeddedVersion.objects.exclude(key_id=keyring.newest)
