"""Sign change set ids. A save may arrive in several posts, and the signed id ties them together."""

import uuid

from django.core.signing import BadSignature, Signer

from console.access.policy import Access


def change_set_token(access: Access, purpose: str = "") -> str:
    """Return a new change set id, signed for this user, app and `purpose`."""
    return _signer(access, purpose).sign(uuid.uuid4().hex)


def change_set_of(text: str, access: Access, purpose: str = "") -> uuid.UUID | None:
    """Return the id in a signed text, or None if the signature doesn't match."""
    try:
        return uuid.UUID(_signer(access, purpose).unsign(text))
    except (BadSignature, ValueError):
        return None


def _signer(access: Access, purpose: str) -> Signer:
    return Signer(salt=f"change set of {access.actor.user_id} {access.app.app_id} {purpose}")
