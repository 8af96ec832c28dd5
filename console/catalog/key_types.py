"""Types of keys: which values the secrets and variables of a key may have, on every branch.

A type is stored beside the key's note. Every save checks it. It could reveal something about
a stored secret, so only those who may reveal and change every value of the app may set one
(docs/adr/0063).
"""

from functools import cached_property

from django.core.exceptions import ValidationError

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Access, Permission, find_app
from console.audit.events import Action, Target, recording
from console.audit.refusals import recording_denial
from console.catalog import notes
from console.lib.value_types.types import InvalidType, ValueType
from console.models import App, KeyNote

NO_KIND = "A rule needs a type. Choose one, or leave the rule empty."


def set_type(*, actor: Actor, app_id: str, key: str, kind: str, rule: str, base: int) -> None:
    """Set the type of a key, "" for none. `base` is the version that the page showed, 0 for none.

    Stored values stay as they are. Raises Http404, PermissionDenied, NoteConflict, or
    ValidationError for invalid input.
    """
    access, target = find_app(actor, app_id), Target(app_id, subject=key)
    with recording_denial(actor, Action.TYPE_CHANGED, target):
        require_setter(access)
    new = _parsed(kind, rule)
    shown = notes.versions_of(access.app, key).filter(version=base).first()
    if new == (shown.value_type if shown else None):
        return
    before = max(base, 0) or None
    with recording(actor, Action.TYPE_CHANGED, target, version_before=before) as record:
        chosen = {"kind": str(new.kind), "rule": new.rule} if new else {"kind": "", "rule": ""}
        notes.append(access, key, base, **chosen)
        record.version_after = base + 1
        record.detail = f"to {new.kind}" if new else "removed"  # a rule may hold a secret


def require_setter(access: Access) -> None:
    """Raise PermissionDenied unless the actor may reveal and change every value of the app."""
    acts.require(access, Action.TYPE_CHANGED)  # on All branches
    access.require_on(Permission.WRITE, None)


def may_set(access: Access) -> bool:
    """Return True if the actor may set types."""
    return all(access.may_on(it, None) for it in (Permission.REVEAL, Permission.WRITE))


class KeyTypes:
    """The types of an app's keys. Takes one query, when the first value is checked."""

    def __init__(self, app: App) -> None:
        self._app = app

    @cached_property
    def by_key(self) -> dict[str, ValueType]:
        """Return the types that there are, by key."""
        rows = KeyNote.objects.filter(app=self._app, current=True).exclude(kind="")
        found = ((row.key, row.value_type) for row in rows.only("key", "kind", "rule"))
        return {key: type_ for key, type_ in found if type_ is not None}

    def problem(self, key: str, value: str) -> str:
        """Return why a value can't be saved under a key, or "". It never repeats the value."""
        type_ = self.by_key.get(key)
        return type_.problem(value) if type_ else ""


def _parsed(kind: str, rule: str) -> ValueType | None:
    if not (kind or rule.strip()):
        return None
    if not kind:
        raise ValidationError({"rule": NO_KIND})
    try:
        return ValueType.parse(kind, rule)
    except InvalidType as refusal:
        raise ValidationError({refusal.field: str(refusal)}) from None
