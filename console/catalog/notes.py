"""Notes and labels of keys, which all secrets and variables of a key share.

Everyone whose role allows changes on any branch may write them, and every member reads them. The
audit trail says who changed them and when; the texts are in their own table, because people
sometimes paste a secret, and only there it can be erased (docs/adr/0055).
"""

from collections.abc import Collection, Sequence

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Action, Target, audited_transaction, recording
from console.db.erasure import erase_deleted
from console.lib.text.invisible import without_invisible
from console.lib.text.labels import labels_problem, split_labels
from console.models import App, KeyNote

FIELDS = ("note", "labels", "kind", "rule")
NOTE_LIMIT = 2_000  # characters
TOO_LONG = f"A note can have {NOTE_LIMIT:,} characters at most. Shorten it."


class NoteConflict(ValidationError):
    """The note has changed since the page was rendered."""

    def __init__(self, by: str) -> None:
        super().__init__(
            f"{by} changed the note or type after you opened this page. The history shows it "
            "first. To replace it with yours, save again."
        )


def set_note(*, actor: Actor, app_id: str, key: str, note: str, labels: str, base: int) -> None:
    """Set the note and labels of a key. `base` is the version that the page showed, 0 for none.

    Raises Http404, PermissionDenied, NoteConflict, or ValidationError for invalid input.
    """
    access = find_app(actor, app_id)
    text, words = _checked(note, labels)
    shown = versions_of(access.app, key).filter(version=base).first()
    if text == (shown.note if shown else "") and words == (shown.label_list if shown else []):
        return
    target = Target(app_id, subject=key)
    with recording(
        actor, Action.NOTE_CHANGED, target, version_before=max(base, 0) or None
    ) as record:
        access.require_writer()
        stored = f" {' '.join(words)} " if words else ""
        append(access, key, base, note=text, labels=stored)
        record.version_after = base + 1
        record.detail = _summary(shown, text, words)


def append(access: Access, key: str, base: int, **changes: str) -> None:
    """Add a version after `base` that differs by these changes. The caller records it first.

    Raises NoteConflict if that isn't the current one anymore.
    """
    now = {"changed_at": timezone.now(), "changed_by": access.actor.label}
    current = versions_of(access.app, key).filter(current=True)
    shown = current.filter(version=base).first()
    kept = {name: getattr(shown, name) for name in FIELDS} if shown else {}
    try:
        with transaction.atomic():
            is_current = current.filter(version=base).update(current=False) == (base != 0)
            if is_current:
                fields = {**kept, **changes, **now, "version": base + 1}
                KeyNote.objects.create(app=access.app, key=key, **fields)
    except IntegrityError:  # someone else was faster
        is_current = False
    if not is_current:
        other = current.first()
        raise NoteConflict(other.changed_by if other else "Someone")


def erase_earlier(*, actor: Actor, app_id: str, key: str) -> int:
    """Erase the earlier versions for good. Return their number."""
    access = find_app(actor, app_id)
    with audited_transaction(actor, Action.NOTE_ERASED, Target(app_id, subject=key)):
        access.require_writer()
        number, _ = versions_of(access.app, key).filter(current=False).delete()
        erase_deleted()
        return number


def versions_of(app: App, key: str) -> QuerySet[KeyNote]:
    """Return all versions of a key's note, the newest first."""
    return KeyNote.objects.filter(app=app, key=key)


def notes_of(app: App, keys: Collection[str]) -> dict[str, KeyNote]:
    """Return what is known about these keys, by key. Keys of which nothing is are left out."""
    rows = current_of(app, keys).values()
    return {row.key: row for row in rows if row.note or row.labels or row.kind}


def current_of(app: App, keys: Collection[str]) -> dict[str, KeyNote]:
    """Return the current versions of these keys, also those that hold nothing anymore."""
    rows = KeyNote.objects.filter(app=app, current=True, key__in=keys)
    return {row.key: row for row in rows}


def keys_about(app: App, q: str) -> QuerySet[KeyNote, str]:
    """Return the keys whose note or labels contain a text."""
    found = Q(note__icontains=q) | Q(labels__icontains=q)
    return KeyNote.objects.filter(found, app=app, current=True).values_list("key", flat=True)


def keys_by_label(app: App) -> dict[str, list[str]]:
    """Return the keys that have each label. Takes one query."""
    rows = KeyNote.objects.filter(app=app, current=True).exclude(labels="")
    found: dict[str, list[str]] = {}
    for key, labels in rows.order_by("key").values_list("key", "labels"):
        for label in labels.split():
            found.setdefault(label, []).append(key)
    return found


def _checked(note: str, labels: str) -> tuple[str, list[str]]:
    if len(note) > 2 * NOTE_LIMIT:  # before any work: line breaks count twice in a browser
        raise ValidationError({"note": TOO_LONG})
    text, words = without_invisible(note), split_labels(labels)
    if len(text) > NOTE_LIMIT:
        raise ValidationError({"note": TOO_LONG})
    if problem := labels_problem(words):
        raise ValidationError({"labels": problem})
    return text, words


def _summary(shown: KeyNote | None, text: str, words: Sequence[str]) -> str:
    """Return what changed, for the audit trail: nothing that was typed, which may hold a secret."""
    before = set(shown.label_list) if shown else set()
    added, removed = len({*words} - before), len(before - {*words})
    changes = {
        "the note": text != (shown.note if shown else ""),
        f"{added} {'label' if added == 1 else 'labels'} added": added,
        f"{removed} {'label' if removed == 1 else 'labels'} removed": removed,
    }
    return ", ".join(words for words, is_true in changes.items() if is_true)
