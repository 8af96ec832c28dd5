"""Services for the values of self-managed hosting. Each checks the permission and records the act.

They raise Http404 for outsiders, PermissionDenied, ConfirmationRequired for a protected value, and
a StoreError: Rejected for an invalid name, Conflict, NotFound, OutcomeUnknown.
"""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from console.access import acts
from console.access.actors import Actor
from console.access.policy import Access, find_app
from console.audit.events import Action, Outcome, Recording, Target, recording
from console.audit.refusals import recording_denial
from console.models import AuditEvent
from secrets_app.hosting.places import (
    Kind,
    Place,
    branch_of,
    check_place,
    name_of,
    place_of,
    shared_folder,
    store_of,
    target_of,
)
from secrets_app.hosting_paths import stage_and_key
from secrets_app.reveal import ask_if_protected
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Conflict, NotFound, OutcomeUnknown, Rejected, StoreError
from secrets_app.store.named_values import NamedValue, NamedValues

LISTED_LATE = timedelta(minutes=10)  # twice the delay of Secrets Manager's list
ASKED = 50  # secrets that a page looks up by name
ABSENT = ""  # the version to expect of a value that should not exist yet
EXISTS = "A value with this name already exists. Reload to see it, then change it there."
CHANGED = "This value has changed since you opened it. Reload to see it, then save again."
GONE = "This value was removed since you opened it. Reload, then add it again."
EMPTY = "Enter a value. It can't be empty."
NOT_FOUND = "There is no value with this name here."
LOST = (
    "The response was lost, so the outcome of this change is unknown. Reload the page in a minute "
    "to see what is stored."
)
RESTORED_ONLY = "The secret was restored with its earlier value, but not changed. {}"

CREATED = {
    Kind.SECRET: Action.HOSTING_SECRET_CREATED,
    Kind.CONFIG: Action.HOSTING_CONFIG_CREATED,
}
_CHANGED = {
    Kind.SECRET: Action.HOSTING_SECRET_CHANGED,
    Kind.CONFIG: Action.HOSTING_CONFIG_CHANGED,
}
REMOVED = {
    Kind.SECRET: Action.HOSTING_SECRET_REMOVED,
    Kind.CONFIG: Action.HOSTING_CONFIG_REMOVED,
}
_REVEALED = {
    Kind.SECRET: Action.HOSTING_SECRET_REVEALED,
    Kind.CONFIG: Action.HOSTING_CONFIG_REVEALED,
}


@dataclass(frozen=True)
class HostingValue:
    """A value of a project. `value` is that of plain configuration, and None otherwise."""

    place: Place
    version: str
    modified: datetime | None
    encrypted: bool
    removed: bool
    value: SecretValue | None = None


@dataclass(frozen=True)
class Saved:
    """What a save wrote. `was_removed` if the secret was scheduled for deletion until then."""

    version: str
    is_new: bool
    was_removed: bool


def list_values(*, actor: Actor, app_id: str, kind: Kind) -> list[HostingValue]:
    """Return a project's values of one kind by stage and key. Decrypts nothing.

    Every member can see them, and the values of plain configuration.
    """
    access = find_app(actor, app_id)
    folder, store = shared_folder(access, kind), store_of(kind)
    listed = {it.name: it for it in store.list(folder)}
    if store.lists_late:
        for name in _names_written_lately(access, kind):
            listed.pop(name, None)
            if found_now := store.find(name):
                listed[name] = found_now
    found = [it for it in listed.values() if stage_and_key(folder, it.name)]
    plain = [it.name for it in found if not it.encrypted]
    values = parameter_store().read(plain) if plain else {}
    rows = []
    for it in found:
        stage, key = stage_and_key(folder, it.name) or ("", "")
        reading = values.get(it.name)
        value = reading.value if reading and not reading.parameter.encrypted else None
        place = Place(kind, stage, key)
        rows.append(HostingValue(place, it.version, it.modified, it.encrypted, it.removed, value))
    return sorted(rows, key=lambda row: (row.place.stage, row.place.key))


def get_value(*, actor: Actor, app_id: str, place: Place) -> SecretValue:
    """Return a value. Secrets and encrypted configuration are revealed, which is recorded first."""
    access = _find(actor, app_id, place)
    if place.kind is Kind.CONFIG:
        name, store = name_of(access, place), store_of(place.kind)
        found = store.find(name)
        if found is None:
            raise NotFound(NOT_FOUND)
        if not found.encrypted:
            now, value = store.read(name)
            if not now.encrypted:  # otherwise somebody replaced it in between
                return value
    action, branch = _REVEALED[place.kind], branch_of(access, place.stage)
    ask_if_protected(access, branch, action)
    target = _require(access, action, place)
    name, store = name_of(access, place), store_of(place.kind)
    with recording(actor, action, target):
        return store.read(name)[1]


def get_effective_value(*, actor: Actor, app_id: str, place: Place) -> tuple[Place, SecretValue]:
    """Return what a stage reads, and where that is: its own value, otherwise the shared one."""
    try:
        return place, get_value(actor=actor, app_id=app_id, place=place)
    except NotFound:
        if not place.stage:
            raise
    shared = replace(place, stage="")
    return shared, get_value(actor=actor, app_id=app_id, place=shared)


def read_by(stage: str, values: Iterable[HostingValue]) -> list[HostingValue]:
    """Return what a stage reads of these, by key: its own values, and the shared ones it lacks.

    A removed secret counts as its own value: until it is deleted, the stage gets an error.
    """
    rows = [it for it in values if it.place.stage in {"", stage}]
    found = {it.place.key: it for it in sorted(rows, key=lambda row: row.place.stage)}
    return [found[key] for key in sorted(found)]


def set_value(
    *, actor: Actor, app_id: str, place: Place, value: SecretValue, expected: str | None = None
) -> Saved:
    """Write a value.

    `expected` is the version that it is based on, ABSENT for a new one. None overwrites, as `ampx`
    does. A secret that is scheduled for deletion is restored first.
    """
    access = _find(actor, app_id, place)
    target = _require(access, CREATED[place.kind], place)
    if not value.reveal():
        raise Rejected(EMPTY)
    name, store = name_of(access, place), store_of(place.kind)
    found = store.find(name)
    was_removed = found is not None and found.removed
    current = found.version if found and not was_removed else ABSENT
    action = _CHANGED[place.kind] if current else CREATED[place.kind]
    with _recording(actor, action, target):
        if expected is not None and expected != current:
            raise Conflict(_conflict(expected, current))
        if found is None:
            version = store.create(name, value)
        elif was_removed:
            version = _replace_removed(store, found, value)
        else:
            version = store.replace(found, value, is_guarded=expected is not None)
    return Saved(version, not current, was_removed)


def remove_value(*, actor: Actor, app_id: str, place: Place, expected: str | None = None) -> None:
    """Remove a value. `expected` is the version that was shown; None accepts any."""
    access, action = _find(actor, app_id, place), REMOVED[place.kind]
    target = _require(access, action, place)
    name, store = name_of(access, place), store_of(place.kind)
    found = store.find(name)
    with _recording(actor, action, target):
        if found is None or found.removed:
            raise NotFound(NOT_FOUND)
        if expected is not None and expected != found.version:
            raise Conflict(CHANGED)
        store.remove(found)


def restore_secret(*, actor: Actor, app_id: str, place: Place) -> None:
    """Restore a secret that is scheduled for deletion."""
    access, action = _find(actor, app_id, place), Action.HOSTING_SECRET_RESTORED
    target = _require(access, action, place)
    name, store = name_of(access, place), store_of(place.kind)
    if not store.can_restore:
        raise Rejected("Removed configuration can't be restored. Add it again.")
    found = store.find(name)
    with _recording(actor, action, target):
        if found is None:
            raise NotFound(NOT_FOUND)
        if found.removed:  # otherwise somebody has restored it
            store.restore(found)


def _names_written_lately(access: Access, kind: Kind) -> set[str]:
    """Return the names that Branchkeep may have written since what a listing shows.

    The last ASKED at most, because each takes a call.
    """
    since, prefix = timezone.now() - LISTED_LATE, f"hosting_{kind}."
    events = AuditEvent.objects.filter(
        app_id=access.app.app_id, action__startswith=prefix, at__gt=since
    )
    events = events.exclude(action=_REVEALED[kind]).exclude(outcomes__outcome=Outcome.DENIED)
    by_value = events.order_by().values("branch", "subject").annotate(last=Max("pk"))
    rows = by_value.order_by("-last").values_list("branch", "subject")[:ASKED]
    found = filter(None, (place_of(access, kind, *row) for row in rows))
    return {name_of(access, place) for place in found}


def _find(actor: Actor, app_id: str, place: Place) -> Access:
    """Return the actor's access to the app. Raises Rejected for an invalid place."""
    access = find_app(actor, app_id)
    check_place(access, place)
    return access


def _require(access: Access, action: Action, place: Place) -> Target:
    """Return the target of an act. Raises PermissionDenied, which is recorded."""
    target = target_of(access, place)
    with recording_denial(access.actor, action, target):
        acts.require(access, action, branch_of(access, place.stage))
    return target


def _conflict(expected: str, current: str) -> str:
    if expected == ABSENT:
        return EXISTS
    return GONE if current == ABSENT else CHANGED


def _replace_removed(store: NamedValues, found: NamedValue, value: SecretValue) -> str:
    store.restore(found)
    try:
        return store.replace(found, value, is_guarded=True)
    except OutcomeUnknown:
        raise
    except StoreError as error:
        raise type(error)(RESTORED_ONLY.format(error.message), code=error.code) from None


@contextmanager
def _recording(actor: Actor, action: Action, target: Target) -> Iterator[Recording]:
    """Do what `recording` does. A lost response is recorded as unknown, and raised with LOST.

    Nothing settles it later: the next listing shows what is stored.
    """
    lost = None
    with recording(actor, action, target, change_set=uuid.uuid4()) as entry:
        try:
            yield entry
        except OutcomeUnknown as error:
            entry.outcome, entry.detail, lost = Outcome.UNKNOWN, error.code, error
    if lost is not None:
        raise OutcomeUnknown(LOST, code=lost.code)
