"""Keys of the store and of second factors rotate while the console is in use (guarantee 39)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.core.checks import run_checks
from django.db import connections

from console.audit import reconcile
from console.audit.events import Action, attempt
from console.auth import encryption
from console.models import AuditEvent
from secrets_app.models import EmbeddedVersion
from secrets_app.store.embedded import rotation
from secrets_app.store.embedded.encryption import Keyring
from tests.factories import (
    create_command,
    delete_command,
    save_secrets,
    secret_paths,
    set_command,
    set_secret,
    stored_values,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db(transaction=True)
Manage = Callable[..., CommandResult]
NEW = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
ROUNDS = 6


@pytest.fixture
def old(settings: Any) -> str:
    """Return the key that encrypts everything."""
    return str(settings.ENCRYPTION_KEYS[0])


@pytest.fixture
def totp(world: World) -> Authenticator:
    """Give alice an authenticator app."""
    data = {"secret": encryption.encrypt("JBSWY3DPEHPK3PXP")}
    user = world.person("alice")
    return Authenticator.objects.create(user=user, type=Authenticator.Type.TOTP, data=data)


def key_ids() -> set[str]:
    """Return the ids of the keys that encrypt the store's versions."""
    return set(EmbeddedVersion.objects.values_list("key_id", flat=True))


def problems() -> list[str]:
    """Return the errors that would stop a start."""
    return [str(error.id) for error in run_checks(databases=["default"])]


@pytest.mark.both_databases
def test_it_works(
    world: World, totp: Authenticator, manage: Manage, settings: Any, old: str
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, old]
    rotated = manage("rotate_keys")
    assert rotated.code == 0
    assert "Re-encrypted secret versions: 4, second factors: 1." in rotated.out
    assert "The older keys are no longer needed." in rotated.out
    assert key_ids() == {Keyring([NEW]).newest}
    settings.ENCRYPTION_KEYS = [NEW]
    assert problems() == []
    assert stored_values(world, "API_KEY") == ("second value", None)
    assert stored_values(world, "TOKEN", world.main) == ("a token", "a token")
    totp.refresh_from_db()
    assert encryption.decrypt(totp.data["secret"]) == "JBSWY3DPEHPK3PXP"
    [event] = AuditEvent.objects.filter(action="keys.rotate")
    [end] = event.outcomes.all()
    assert (event.subject, end.outcome) == (Keyring([NEW]).newest, "succeeded")
    assert end.detail == "versions: 4, second factors: 1"


def test_old_key_alone_is_rejected_afterwards(
    world: World, manage: Manage, settings: Any, old: str
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, old]
    assert manage("rotate_keys").code == 0
    settings.ENCRYPTION_KEYS = [old]
    assert problems() == ["secrets_app.E002"]


def test_second_run_changes_nothing(
    world: World, totp: Authenticator, manage: Manage, settings: Any, old: str
) -> None:
    settings.ENCRYPTION_KEYS = [NEW, old]
    manage("rotate_keys")
    before = list(EmbeddedVersion.objects.order_by("pk").values_list("ciphertext"))
    assert "Re-encrypted secret versions: 0, second factors: 0." in manage("rotate_keys").out
    assert list(EmbeddedVersion.objects.order_by("pk").values_list("ciphertext")) == before


def test_more_than_a_batch(
    world: World, manage: Manage, settings: Any, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rotation, "BATCH", 2)
    settings.ENCRYPTION_KEYS = [NEW, old]
    assert "secret versions: 4," in manage("rotate_keys").out
    assert key_ids() == {Keyring([NEW]).newest}


def test_missing_old_key_changes_nothing(
    world: World, totp: Authenticator, manage: Manage, settings: Any
) -> None:
    before = list(EmbeddedVersion.objects.order_by("pk").values())
    settings.ENCRYPTION_KEYS = [NEW]
    refused = manage("rotate_keys")
    assert refused.code == 1
    assert "Keep the older keys:\n/amplify/shared/d1shop/API_KEY version 1" in refused.err
    assert list(EmbeddedVersion.objects.order_by("pk").values()) == before
    [event] = AuditEvent.objects.filter(action="keys.rotate")
    assert event.outcomes.get().outcome == "failed"


def test_tampered_version_is_reported(
    world: World, manage: Manage, settings: Any, old: str
) -> None:
    row = EmbeddedVersion.objects.filter(parameter__path=secret_paths(world, "API_KEY")[0]).latest(
        "pk"
    )
    EmbeddedVersion.objects.filter(pk=row.pk).update(ciphertext=b"not what it was")
    settings.ENCRYPTION_KEYS = [NEW, old]
    rotated = manage("rotate_keys")
    assert rotated.code == 1
    assert "secret versions: 3," in rotated.out
    assert "/amplify/shared/d1shop/API_KEY version 2" in rotated.err
    row.refresh_from_db()
    assert (bytes(row.ciphertext), row.key_id) == (b"not what it was", Keyring([old]).newest)


def test_undecryptable_second_factor_is_reported(
    world: World, totp: Authenticator, manage: Manage, settings: Any, old: str
) -> None:
    Authenticator.objects.filter(pk=totp.pk).update(data={"secret": "lost"})
    settings.ENCRYPTION_KEYS = [NEW, old]
    rotated = manage("rotate_keys")
    assert rotated.code == 0
    assert "Second factors that no key decrypts, as before: 1." in rotated.err


def test_invalid_key(world: World, manage: Manage, settings: Any, old: str) -> None:
    settings.ENCRYPTION_KEYS = ["no key", old]
    refused = manage("rotate_keys")
    assert refused.code == 5
    assert "Key 1 in ENCRYPTION_KEYS is not 32 bytes" in refused.err


def test_interrupted_rotation_is_settled(
    world: World, manage: Manage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconcile, "MIN_AGE", timedelta(0))
    event = attempt(world.actor("alice"), Action.KEYS_ROTATED)
    assert manage("settle").code == 0
    end = event.outcomes.get()
    assert (end.outcome, end.detail[-34:]) == ("settled", "Run rotate_keys again to continue.")


@pytest.mark.slow
@pytest.mark.both_databases
def test_concurrent_saves_and_removals(
    world: World, manage: Manage, settings: Any, old: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(10):
        set_secret(world, f"KEY_{number}", f"value {number}", world.dev)
    monkeypatch.setattr(rotation, "BATCH", 2)
    enough = Event()
    with ThreadPoolExecutor(2) as threads:
        savers = [threads.submit(_use, world, name, enough) for name in ("alice", "bob")]
        for number in range(ROUNDS):
            settings.ENCRYPTION_KEYS = [NEW, old] if number % 2 else [old, NEW]
            manage("rotate_keys")
        enough.set()
        assert min(saver.result() for saver in savers) > 0
    settings.ENCRYPTION_KEYS = [NEW, old]
    assert manage("rotate_keys").code == 0
    settings.ENCRYPTION_KEYS = [NEW]
    assert problems() == []
    rows = world.app.secrets.filter(branch=world.dev, version__gt=0)
    values = {row.key: stored_values(world, row.key, world.dev)[0] for row in rows}
    assert {
        key: value for key, value in values.items() if not str(value).startswith("value ")
    } == {}
    assert len(values) >= 9


def _use(world: World, name: str, enough: Event) -> int:
    """Change and remove secrets until `enough` is set; return how often."""
    number = 0
    try:
        while not enough.is_set() or not number:
            row = world.app.secrets.filter(branch=world.dev, version__gt=0).order_by("?")[0]
            change = set_command(row, f"value {number}") if name == "alice" else delete_command(row)
            save_secrets(world, change, by=name)
            if name == "bob":
                save_secrets(world, create_command(row.key, "value again", world.dev), by=name)
            number += 1
    finally:
        connections.close_all()
    return number
