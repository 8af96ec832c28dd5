"""One Save may come in several posts; a signed id holds them together."""

import uuid

from django.core.signing import BadSignature, Signer

from console.access.policy import Access


def change_set_token(access: Access, about: str = "") -> str:
    """Return a new change set's id, signed for this user, this app, and what it is `about`."""
    return _signer(access, about).sign(uuid.uuid4().hex)


def change_set_of(text: str, access: Access, about: str = "") -> uuid.UUID | None:
    """Return the id in a signed text, or None."""
    try:
        return uuid.UUID(_signer(access, about).unsign(text))
    except (BadSignature, ValueError):
        return None


def _signer(access: Access, about: str) -> Signer:
    return Signer(salt=f"change set of {access.actor.user_id} {access.app.app_id} {about}")
