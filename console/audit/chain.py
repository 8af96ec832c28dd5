"""The chain over the audit trail: a seal for each row, each seal over the row and the seal before.

Rows are written as if there were no chain: no attempt waits for it, and none can meet a deadlock
through it. The seals are appended when a request or a command has ended, by one process at a time
(console/audit/sealing_worker.py); what a killed process left is sealed by the next one, or by the
check. Until then a row is guarded by its own mark (console/conf/signing.py), so that no row can be
changed or made up in between.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef
from django.utils import timezone

from console.audit import forwarding
from console.conf import signing
from console.models import AuditEvent, AuditOutcome, AuditSeal

TABLES: dict[str, Any] = {"auditevent": AuditEvent, "auditoutcome": AuditOutcome}
BATCH = 500  # rows of each table that one transaction seals
BATCHES = 2  # after a request; who comes next goes on
REACH = 1_000  # ids of PostgreSQL are given in another order than rows are committed
# What a forged seal can lead to: a number that is taken, or one that no database takes
CANNOT_SEAL = (DatabaseError, OverflowError)
_LOCK = 7_108_341_902  # any number that no other program locks in this database
_START = "start"

log = structlog.get_logger()
_here = threading.local()


def expect() -> None:
    """Note that this thread writes to the trail; what is rolled back needs no seal."""
    transaction.on_commit(_expect)


def _expect() -> None:
    _here.written = True


def forget() -> None:
    """Expect nothing any more."""
    _here.written = False


def wrote() -> bool:
    """Say whether this thread wrote anything to the trail, and expect nothing any more."""
    written = getattr(_here, "written", False)
    forget()
    return written


def seal_written(**_: Any) -> None:
    """Seal, if this thread wrote anything. Receives request_finished; commands call it last."""
    if wrote():
        try_to_seal()


def try_to_seal() -> None:
    """Seal. Where the database does not let us, or there is very much, the next one goes on."""
    try:
        seal()
    except CANNOT_SEAL as error:
        log.warning("audit.not_sealed", error=type(error).__name__)


def seal(*, everywhere: bool = False) -> int:
    """Append missing seals and return how many; `everywhere` all of them, for rows of any age."""
    number = 0
    for _ in count() if everywhere else range(BATCHES):
        added = _seal_batch(everywhere)
        number += len(added)
        if added:
            forwarding.tell_head(added[-1])
        if len(added) < (1 if everywhere else BATCH):
            break
    return number


@transaction.atomic
def _seal_batch(everywhere: bool) -> list[AuditSeal]:
    _wait_for_the_others()
    rows = [row for table in TABLES for row in _unsealed(table, everywhere)]
    last, seals = AuditSeal.objects.order_by("id").last(), []
    # What was there before there were marks comes first: after it, a row without one is forged
    for row in [row for row in rows if not row.mark] or rows:
        last = _seal_of(row, last)
        seals.append(last)
    return AuditSeal.objects.bulk_create(seals)


def _wait_for_the_others() -> None:
    """Let one process seal at a time, to the end of the transaction. SQLite has one writer."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _unsealed(table: str, everywhere: bool) -> Any:
    seals = AuditSeal.objects.filter(table=table)
    rows = TABLES[table].objects.filter(~Exists(seals.filter(row_id=OuterRef("pk"))))
    if not everywhere:
        newest = seals.aggregate(newest=Max("row_id"))["newest"] or 0
        rows = rows.filter(pk__gt=newest - REACH)
    return rows.order_by("pk")[:BATCH]


def _seal_of(row: Any, last: AuditSeal | None) -> AuditSeal:
    seal = AuditSeal(
        id=last.id + 1 if last else 1,
        table=row._meta.model_name,
        row_id=row.pk,
        at=timezone.now(),
    )
    seal.digest = signing.sign_text(_text(seal, row, last.digest if last else _START))
    return seal


def _text(seal: AuditSeal, row: Any, before: str) -> str:
    """Return what a seal is made over. Only the content is free text, and it comes last."""
    of_seal = f"{before} {seal.id} {signing.json_value(seal.at)} {seal.table} {seal.row_id}"
    return f"{of_seal} {row.mark or '-'} {signing.canonical_json(row)}"


@dataclass(frozen=True)
class Broken:
    """What does not fit: a row by table and number, or a seal, and why."""

    where: str
    why: str


def broken(upto: int) -> Iterator[Broken]:
    """Yield what does not fit up to a seal's number, in the order of the chain."""
    before, marked, number = _START, False, 0
    for seal, row in _sealed(upto):
        if seal.id != number + 1:
            yield Broken(f"seal {number + 1}", f"Seals before number {seal.id} are missing.")
        if row is None:
            yield Broken(_name(seal), "The row was deleted or renumbered.")
        elif why := _why_broken(seal, row, before, marked):
            yield Broken(_name(seal), why)
        marked = marked or bool(row and row.mark)
        before, number = seal.digest, seal.id
    if number < upto:
        yield Broken(f"seal {number + 1}", f"Seals up to number {upto} are missing.")
    yield from _copies()


def _sealed(upto: int) -> Iterator[tuple[AuditSeal, Any]]:
    """Yield each seal with its row, or None where there is none."""
    number = 0
    while seals := list(
        AuditSeal.objects.filter(id__gt=number, id__lte=upto).order_by("id")[:BATCH]
    ):
        rows = {
            table: TABLES[table].objects.in_bulk([s.row_id for s in seals if s.table == table])
            for table in TABLES
        }
        for seal in seals:
            yield seal, rows.get(seal.table, {}).get(seal.row_id)
        number = seals[-1].id


def _why_broken(seal: AuditSeal, row: Any, before: str, marked: bool) -> str:
    """Return why a row or its seal is not what was written, or nothing."""
    keys = signing.keys()
    if unknown := next((m[:8] for m in (row.mark, seal.digest) if m and m[:8] not in keys), ""):
        return f"The row is signed with the key {unknown}, which is not in AUDIT_KEYS."
    if not row.mark and marked:
        return "Branchkeep did not write this row: it has no signature."
    if row.mark and not signing.is_row_valid(row):
        return "The signature is not valid: the row was changed, or Branchkeep did not write it."
    if not signing.is_valid(_text(seal, row, before), seal.digest):
        return f"Seal {seal.id} does not match: this row or an earlier one was changed."
    return ""


def _copies() -> Iterator[Broken]:
    """Yield rows that carry another row's mark."""
    for table, model in TABLES.items():
        twice = model.objects.exclude(mark="").order_by().values("mark")
        for row in twice.annotate(last=Max("pk"), number=Count("pk")).filter(number__gt=1):
            yield Broken(f"{table} {row['last']}", "The row is a copy of another row.")


def _name(seal: AuditSeal) -> str:
    return f"{seal.table} {seal.row_id}"


def head() -> AuditSeal | None:
    """Return the newest seal: kept elsewhere, it tells later whether the end was cut off."""
    return AuditSeal.objects.order_by("id").last()


def holds(kept: str) -> bool:
    """Say whether the chain still has the seal that somebody kept, "NUMBER:DIGEST"."""
    number, _, digest = kept.partition(":")
    known = number.isdecimal() and len(number) < 19
    return known and AuditSeal.objects.filter(id=int(number), digest=digest).exists()
