"""Second factors: who has one, who needs one, and how they are replaced and removed."""

from enum import StrEnum

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from console.access.actors import Actor
from console.access.policy import Role, memberships
from console.audit.events import Action, Target, recording
from console.auth import encryption
from console.auth.mfa import recovery_codes
from console.models import User

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_LABELS = {
    Authenticator.Type.TOTP: "an authenticator app",
    Authenticator.Type.WEBAUTHN: "a passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


class Required(StrEnum):
    """Who must have a second factor (REQUIRE_MFA)."""

    OFF = "off"
    MAINTAINERS = "maintainers"
    ALL = "all"


def factor_label(authenticator: Authenticator) -> str:
    """Return the factor's display name."""
    return _LABELS[authenticator.type]


def has_factor(user: User) -> bool:
    """Return True if the user signs in with a second factor."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def must_enroll(actor: Actor, user: User) -> bool:
    """Return True if the user must set up a second factor before anything else."""
    required = settings.REQUIRE_MFA
    if required == Required.OFF or has_factor(user):
        return False
    return required == Required.ALL or user.is_superuser or _maintains(actor)


def _maintains(actor: Actor) -> bool:
    return memberships(actor).filter(role__in=[Role.MAINTAINER, Role.OWNER]).exists()


def replace_recovery_codes(*, actor: Actor, user: User) -> list[str]:
    """Replace all of the user's recovery codes; return the new ones, to be shown once."""
    with recording(actor, Action.FACTOR_ADDED, Target(subject="new recovery codes")):
        return recovery_codes.generate(user)


def reencrypt_secrets() -> tuple[int, int]:
    """Re-encrypt the secrets of authenticator apps with the newest key, one transaction each.

    Returns how many were re-encrypted, and how many no key decrypts; those are kept.
    """
    reencrypted = unreadable = 0
    for pk in Authenticator.objects.filter(type=Authenticator.Type.TOTP).values_list(
        "pk", flat=True
    ):
        try:
            reencrypted += _reencrypt_one(pk)
        except PermissionDenied:
            unreadable += 1
    return reencrypted, unreadable


@transaction.atomic
def _reencrypt_one(pk: int) -> bool:
    found = Authenticator.objects.select_for_update().filter(pk=pk).first()
    ciphertext = encryption.reencrypted(found.data["secret"]) if found else None
    if found and ciphertext:
        found.data["secret"] = ciphertext
        found.save(update_fields=["data"])
    return ciphertext is not None
