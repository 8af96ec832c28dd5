"""The keys' rotation: what the console keeps encrypted itself comes under the newest key."""

from dataclasses import dataclass

from django.conf import settings

from console.access.actors import Actor
from console.audit.events import Action, Outcome, Target, recording
from console.auth.mfa import seal_anew
from secrets_app.store.embedded.encryption import Keyring
from secrets_app.store.embedded.rotation import ReencryptionResult, reencrypt_all


@dataclass(frozen=True)
class Rotated:
    """What came under the newest key, and what did not."""

    versions: ReencryptionResult
    factors: int
    lost_factors: int  # no key opens them, as before

    @property
    def whole(self) -> bool:
        """Say whether nothing needs an older key any more."""
        return not self.versions.left and not self.versions.unreadable


def rotate(*, actor: Actor) -> Rotated:
    """Encrypt the embedded store's versions, and the secrets of second factors, with the newest of
    ENCRYPTION_KEYS; one entry of the audit trail. Raises ImproperlyConfigured for a bad key.
    """
    keyring = Keyring(settings.ENCRYPTION_KEYS)
    with recording(actor, Action.KEYS_ROTATED, Target(subject=keyring.newest)) as entry:
        versions = reencrypt_all(keyring)
        rotated = Rotated(versions, *seal_anew())
        entry.detail = f"versions: {versions.done:,}, second factors: {rotated.factors:,}"
        if not rotated.whole:
            entry.outcome = Outcome.FAILED
            entry.detail += f", not done: {versions.left + len(versions.unreadable):,}"
    return rotated
