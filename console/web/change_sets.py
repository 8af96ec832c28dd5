"""Sign change set ids. A save may arrive in several posts, and the signed id ties them together."""

import uuid

from django.core.signing import BadSignature, Signer
from django.template.defaultfilters import pluralize
from django.urls import reverse

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


def saved_sentence(noun: str, saved: int, removed: list[str]) -> str:
    """Return what a save did, such as "2 secrets saved, API_KEY removed.", or "" for nothing.

    Takes the number of rows that were saved, and the keys of those that were removed.
    """
    parts = [f"{saved} {noun}{pluralize(saved)} saved"] if saved else []
    if removed:
        one = len(removed) == 1
        parts.append(f"{removed[0] if one else f'{len(removed)} {noun}s'} removed")
    return ", ".join(parts) + "." if parts else ""


def undo_address(access: Access, change_set: uuid.UUID) -> str:
    """Return the page that undoes a change set with one post, for the message after a save.

    A view passes it to the message as `extra_tags`.
    """
    return reverse("change_set", args=[access.app.app_id, change_set])


def _signer(access: Access, purpose: str) -> Signer:
    return Signer(salt=f"change set of {access.actor.user_id} {access.app.app_id} {purpose}")
