"""Second factors: who has one, who has to, and what becomes of them."""

from enum import StrEnum

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import transaction

from console.access.actors import Actor
from console.access.policy import Role, memberships, require_operator
from console.audit.events import Action, Target, recording
from console.auth import encryption, recovery_codes
from console.models import User

_FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_NAMES = {
    Authenticator.Type.TOTP: "an authenticator app",
    Authenticator.Type.WEBAUTHN: "a passkey",
    Authenticator.Type.RECOVERY_CODES: "recovery codes",
}


class Required(StrEnum):
    """Who has to have a second factor (REQUIRE_MFA)."""

    OFF = "off"
    MAINTAINERS = "maintainers"
    ALL = "all"


def name_of(authenticator: Authenticator) -> str:
    """Return what people call it."""
    return _NAMES[authenticator.type]


def has_factor(user: User) -> bool:
    """Say whether the user's sign-in asks for more than a password."""
    return bool(Authenticator.objects.filter(user=user, type__in=_FACTORS).exists())


def must_set_up(actor: Actor, user: User) -> bool:
    """Say whether the user has to set up a second factor before anything else."""
    required = settings.REQUIRE_MFA
    if required == Required.OFF or has_factor(user):
        return False
    return required == Required.ALL or user.is_superuser or _maintains(actor)


def _maintains(actor: Actor) -> bool:
    return memberships(actor).filter(role__in=[Role.MAINTAINER, Role.OWNER]).exists()


def new_codes(*, actor: Actor, user: User) -> list[str]:
    """Give the user new recovery codes in the place of all he had; return them to be shown."""
    with recording(actor, Action.FACTOR_ADDED, Target(subject="new recovery codes")):
        return recovery_codes.make(user)


def remove(*, actor: Actor, authenticator: Authenticator) -> None:
    """Take a factor from its user, as an operator does for who lost it.

    With the last one go the recovery codes, which stand for nothing then. Raises PermissionDenied
    for an actor who is no operator.
    """
    user = authenticator.user
    target = Target(subject=f"{name_of(authenticator)} of {user.email}")
    with recording(actor, Action.FACTOR_REMOVED, target), transaction.atomic():
        require_operator(actor)
        authenticator.delete()
        if not has_factor(user):
            Authenticator.objects.filter(user=user).delete()


def seal_anew() -> tuple[int, int]:
    """Seal the apps' secrets with the newest key, each in a transaction of its own.

    Returns how many were sealed by an older one, and how many no key opens: those stay.
    """
    done = lost = 0
    for pk in Authenticator.objects.filter(type=Authenticator.Type.TOTP).values_list("pk"):
        try:
            done += _seal_one_anew(pk[0])
        except PermissionDenied:
            lost += 1
    return done, lost


@transaction.atomic
def _seal_one_anew(pk: int) -> bool:
    found = Authenticator.objects.select_for_update().filter(pk=pk).first()
    sealed = encryption.sealed_anew(found.data["secret"]) if found else None
    if found and sealed:
        found.data["secret"] = sealed
        found.save(update_fields=["data"])
    return sealed is not None
