"""Copy the values of parameters that belong to no known branch to the recycle bin.

The entries are committed with the removals' audit events, before anything is copied.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from django.conf import settings
from django.utils import timezone

from console.access.policy import Access
from console.audit.events import Action, Attempt, Target, attempt_all
from console.models import App, AuditEvent
from secrets_app import recycle_bin
from secrets_app.models import BinEntry, UnknownParameter
from secrets_app.recycle_bin import Conclusion, EndedCopy
from secrets_app.store.base import ParameterStore, Reading
from secrets_app.store.errors import Conflict
from secrets_app.writes import bin_copies
from secrets_app.writes.bin_copies import NotCopied
from secrets_app.writes.commands import NO_BIN
from secrets_app.writes.validation import NO_PATH


@dataclass(frozen=True)
class Claimed:
    """A parameter that is being removed: its branch, the removal's event, and its entry.

    `entry` is None if no copy is kept.
    """

    row: UnknownParameter
    branch: str
    event: AuditEvent
    entry: BinEntry | None = None


@dataclass
class Filled:
    """`going` have their copy or need none; `staying` are the others, each with the reason."""

    going: list[Claimed] = field(default_factory=list)
    staying: list[tuple[Claimed, NotCopied | Conflict]] = field(default_factory=list)


def question(app: App, key: str) -> str:
    """Return what to ask because no copy can be kept, whatever the store says, or ""."""
    if not settings.BIN_DAYS:
        return NO_BIN
    return "" if recycle_bin.has_path(app, key) else NO_PATH


def begin(access: Access, claimed: Sequence[Claimed]) -> list[Claimed]:
    """Write an entry and an audit event for each copy. The caller commits them."""
    targets = [Target(access.app.app_id, it.branch, it.row.path) for it in claimed]
    events = attempt_all(
        access.actor,
        (
            Attempt(Action.BIN_FILLED, target, it.row.version)
            for target, it in zip(targets, claimed, strict=True)
        ),
        change_set=claimed[0].event.change_set,
    )
    now = timezone.now()
    entries = BinEntry.objects.bulk_create(
        BinEntry(
            app=access.app,
            scope=it.branch,
            folder=it.row.folder,
            key=it.row.key,
            copy_id=recycle_bin.new_copy_id(),
            version=it.row.version,
            modified=it.row.modified,
            key_id=it.row.key_id,
            advanced=it.row.advanced,
            removed_at=now,
            removed_by=access.actor.label,
            change_set=it.event.change_set,
            removal=it.event,
            claim=event,
            due_at=now + recycle_bin.LONGEST,
        )
        for event, it in zip(events, claimed, strict=True)
    )
    return [
        Claimed(it.row, it.branch, it.event, entry)
        for it, entry in zip(claimed, entries, strict=True)
    ]


def fill(store: ParameterStore, claimed: Sequence[Claimed]) -> Filled:
    """Copy the values. Raises a StoreError if the next one would fail as well."""
    copied = [it for it in claimed if it.entry]
    readings = _read_together(store, [it.row.path for it in copied])
    filled = Filled()
    for it in claimed:
        try:
            if it.entry:
                _copy(store, it.row, it.entry, readings)
        except (NotCopied, Conflict) as reason:
            filled.staying.append((it, reason))
        else:
            filled.going.append(it)
    return filled


def conclusions(
    claimed: Iterable[Claimed], *, is_removed: bool = False, is_open: bool = False, detail: str = ""
) -> list[Conclusion]:
    """Keep or delete the entries, and return the outcomes of the copies."""
    return recycle_bin.conclude(
        EndedCopy(it.entry, is_removed, is_open, detail) for it in claimed if it.entry
    )


def _read_together(store: ParameterStore, paths: Sequence[str]) -> Mapping[str, Reading] | None:
    """Return what the paths hold, or None if one of them can't be read: then read one by one."""
    with suppress(*bin_copies.REASONS):
        return store.read(paths) if paths else {}
    return None


def _copy(
    store: ParameterStore,
    row: UnknownParameter,
    entry: BinEntry,
    readings: Mapping[str, Reading] | None,
) -> None:
    def read() -> Reading | None:
        found = (store.read([row.path]) if readings is None else readings).get(row.path)
        shown = (row.version, row.modified)
        if found and (found.parameter.version, found.parameter.modified) != shown:
            raise Conflict
        return found

    bin_copies.copy(store, entry, read)
