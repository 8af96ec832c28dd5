"""Sign change set ids. A save may arrive in several posts, and the signed id ties them together.

An id takes rows for a day after its first, as long as a repeated post is answered as the first time
(`console.web.repeats`). What is posted with it later gets an id that follows from it, so the rows
of that save stay together too, and nothing is added to what others may have looked at since.
"""

import uuid
from datetime import timedelta

from django.core.signing import BadSignature, Signer
from django.template.defaultfilters import pluralize
from django.urls import reverse
from django.utils import timezone

from console.access.policy import Access
from console.models import AuditEvent
from console.web.repeats import REMEMBERED

TAKES_ROWS_FOR = timedelta(seconds=REMEMBERED)


def change_set_token(access: Access, purpose: str = "") -> str:
    """Return a new change set id, signed for this user, app and `purpose`."""
    return _signer(access, purpose).sign(uuid.uuid4().hex)


def change_set_of(text: str, access: Access, purpose: str = "") -> uuid.UUID | None:
    """Return the id for rows that are posted with a signed text, None if that isn't genuine.

    Takes one query.
    """
    try:
        posted = uuid.UUID(_signer(access, purpose).unsign(text))
    except (BadSignature, ValueError):
        return None
    rows = AuditEvent.objects.filter(change_set=posted).order_by("pk")
    first = rows.values_list("at", flat=True).first()
    if first is None or (periods := (timezone.now() - first) // TAKES_ROWS_FOR) < 1:
        return posted
    return uuid.uuid5(posted, str(periods))


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
