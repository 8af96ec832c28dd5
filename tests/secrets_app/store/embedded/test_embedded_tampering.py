"""The embedded store against someone who can write to the database but has no key."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import F

from secrets_app.models import EmbeddedParameter, EmbeddedVersion
from secrets_app.store.base import SecretValue
from secrets_app.store.embedded.store import EmbeddedStore
from secrets_app.store.errors import Unreadable

pytestmark = pytest.mark.both_databases

MINE, YOURS = "/amplify/d1/main/mine", "/amplify/d1/main/yours"


@pytest.fixture
def store(embedded_store: EmbeddedStore) -> EmbeddedStore:
    """Return a store with two parameters of two versions each."""
    for path in (MINE, YOURS):
        for text in ("first", "second"):
            embedded_store.put(path, SecretValue(f"{text} of {path}"), overwrite=True)
    return embedded_store


def test_it_works(store: EmbeddedStore) -> None:
    readings = store.read([MINE, YOURS])
    assert readings[MINE].value.reveal() == f"second of {MINE}"


def swap_parameters() -> None:
    mine, yours = (EmbeddedParameter.objects.get(path=path).pk for path in (MINE, YOURS))
    EmbeddedVersion.objects.filter(parameter_id=mine).update(version=F("version") + 100)
    EmbeddedVersion.objects.filter(parameter_id=yours).update(parameter_id=mine)
    EmbeddedVersion.objects.filter(version__gt=100).update(
        parameter_id=yours, version=F("version") - 100
    )


def swap_paths() -> None:
    with connection.cursor() as cursor:
        for old, new in ((MINE, "-"), (YOURS, MINE), ("-", YOURS)):
            cursor.execute(
                "UPDATE secrets_app_embeddedparameter SET path = %s WHERE path = %s", [new, old]
            )


def replay_an_old_version() -> None:
    old = EmbeddedVersion.objects.get(parameter__path=MINE, version=1)
    EmbeddedVersion.objects.filter(parameter__path=MINE, version=2).update(
        nonce=old.nonce, ciphertext=old.ciphertext
    )


def flip_a_bit() -> None:
    row = EmbeddedVersion.objects.get(parameter__path=MINE, version=2)
    row.ciphertext = bytes([row.ciphertext[0] ^ 1, *row.ciphertext[1:]])
    row.save()


def cut_the_nonce() -> None:
    EmbeddedVersion.objects.filter(parameter__path=MINE).update(nonce=b"short")


def empty_the_ciphertext() -> None:
    EmbeddedVersion.objects.filter(parameter__path=MINE).update(ciphertext=b"")


def delete_the_version() -> None:
    EmbeddedVersion.objects.filter(parameter__path=MINE, version=2).delete()


def rename_the_key() -> None:
    EmbeddedVersion.objects.filter(parameter__path=MINE).update(key_id="0123456789abcdef")


@pytest.mark.parametrize(
    "tamper",
    [
        swap_parameters,
        swap_paths,
        replay_an_old_version,
        flip_a_bit,
        cut_the_nonce,
        empty_the_ciphertext,
        delete_the_version,
        rename_the_key,
    ],
)
def test_an_altered_row_does_not_decrypt(store: EmbeddedStore, tamper: Callable[[], None]) -> None:
    tamper()
    with pytest.raises(Unreadable) as refusal:
        store.read([MINE])
    assert refusal.value.message == Unreadable.message


def test_a_removed_parameter_can_not_be_replayed(store: EmbeddedStore) -> None:
    store.remove([YOURS])
    store.put(YOURS, SecretValue("leaked"), overwrite=False)
    old = EmbeddedVersion.objects.get(parameter__path=YOURS)
    store.remove([YOURS])
    store.put(YOURS, SecretValue("rotated"), overwrite=False)
    EmbeddedVersion.objects.filter(parameter__path=YOURS).update(
        nonce=old.nonce, ciphertext=old.ciphertext
    )
    with pytest.raises(Unreadable):
        store.read([YOURS])


def test_equal_values_have_different_ciphertexts(store: EmbeddedStore) -> None:
    for path in (MINE, YOURS):
        store.put(path, SecretValue("the same"), overwrite=True)
    rows = EmbeddedVersion.objects.filter(version=3)
    assert len({bytes(row.ciphertext) for row in rows}) == 2
    assert len({bytes(row.nonce) for row in EmbeddedVersion.objects.all()}) == 6


def test_the_tables_contain_no_value(store: EmbeddedStore) -> None:
    for row in EmbeddedVersion.objects.all():
        assert b"second" not in bytes(row.ciphertext) + bytes(row.nonce)
