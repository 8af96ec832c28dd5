"""Key rotation: re-encrypts everything that Branchkeep encrypts with the newest key."""

from dataclasses import dataclass

from django.conf import settings

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, recording
from console.auth.mfa.factors import reencrypt_secrets
from console.db.erasure import erase_deleted
from secrets_app.store.embedded.encryption import Keyring
from secrets_app.store.embedded.rotation import ReencryptionResult, reencrypt_all


@dataclass(frozen=True)
class RotationResult:
    """What was re-encrypted, and what was not. `factors` are second factors of users."""

    versions: ReencryptionResult
    factors: int
    lost_factors: int  # no key decrypts them

    @property
    def is_complete(self) -> bool:
        """Return True if nothing needs an older key anymore."""
        return not self.versions.remaining and not self.versions.unreadable


def rotate(*, actor: Actor) -> RotationResult:
    """Re-encrypt the embedded store and users' second factors with the newest of ENCRYPTION_KEYS.

    Audited as one event. Raises ImproperlyConfigured for an invalid key.
    """
    keyring = Keyring(settings.ENCRYPTION_KEYS)
    with recording(actor, Action.KEYS_ROTATED, Target(subject=keyring.newest)) as entry:
        versions = reencrypt_all(keyring)
        rotated = RotationResult(versions, *reencrypt_secrets())
        entry.detail = f"versions: {versions.reencrypted:,}, second factors: {rotated.factors:,}"
        if not rotated.is_complete:
            entry.outcome = Outcome.FAILED
            entry.detail += f", not done: {versions.remaining + len(versions.unreadable):,}"
    erase_deleted()  # what the old key opens
    return rotated
