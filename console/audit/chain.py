"""The hash chain over the audit trail: one link per row, each over its row and the link before.

Rows are written as if there were no chain, so no act waits for it or can deadlock through it. Links
are appended when a request or command has ended, by one process at a time
(console/audit/chain_worker.py). The next process, or the check, links what a killed process left.
Until then only the row's own signature (console/conf/signing.py) protects it: it can't be changed
or forged, but its deletion goes unnoticed.

A link is an AuditSeal.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, NamedTuple

import structlog
from django.db import DatabaseError, connection, transaction
from django.db.models import Count, Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from console.audit import forwarding, stored_rows
from console.conf import signing
from console.db import text_times
from console.models import AuditEvent, AuditOutcome, AuditSeal

TABLES: dict[str, Any] = {"auditevent": AuditEvent, "auditoutcome": AuditOutcome}
BATCH = 500  # rows of each table per transaction
LARGE_BATCH = 2_000  # for all rows at once, and links to check
BATCHES = 2  # after a request, so that it doesn't pay for a backlog; the next one continues
LOOKBACK = 1_000  # ids; PostgreSQL hands out ids in another order than rows are committed
# A forged link can occupy the next number, or have one too large for any database.
APPEND_ERRORS = (DatabaseError, OverflowError)
_LOCK = 7_108_341_902  # an arbitrary advisory lock number, unique in this database
_START = "start"
# Plain SQL: bulk_create takes three times as long for each row.
_INSERT = (
    f'INSERT INTO {AuditSeal._meta.db_table} (id, "table", row_id, at, digest) '  # noqa: S608 - ours
    "VALUES (%s, %s, %s, %s, %s)"
)

log = structlog.get_logger()
_thread = threading.local()


def mark_pending() -> None:
    """Note that this thread writes audit rows. Rolled back rows need no link."""
    transaction.on_commit(_set_pending)


def _set_pending() -> None:
    _thread.pending = True


def clear_pending() -> None:
    """Forget what this thread has written."""
    _thread.pending = False


def pop_pending() -> bool:
    """Return True if this thread has written audit rows since the last call."""
    pending = getattr(_thread, "pending", False)
    clear_pending()
    return pending


def append_pending_links(**_: Any) -> None:
    """Append links if this thread has written audit rows.

    Receives request_finished; commands call it at their end.
    """
    if pop_pending():
        try_append_links()


def try_append_links() -> None:
    """Append links. On an error, or with a large backlog, the next call continues."""
    try:
        append_links()
    except APPEND_ERRORS as error:
        log.warning("audit.not_sealed", error=type(error).__name__)


def append_links(*, all_rows: bool = False) -> int:
    """Append missing links and return their number.

    `all_rows` covers every row, however old; otherwise only recent rows, in two batches at most.
    """
    number = 0
    passed: dict[str, int] | None = {} if all_rows else None
    for _ in count() if all_rows else range(BATCHES):
        added, last = _append_batch(passed)
        number += added
        if last:
            forwarding.write_head(last)
        # A short batch can be followed by more: rows older than the signatures come by themselves.
        if added < (1 if all_rows else BATCH):
            break
    return number


@transaction.atomic
def _append_batch(passed: dict[str, int] | None) -> tuple[int, AuditSeal | None]:
    """Append the next links. Return their number, and the last one.

    `passed` are the ids by table up to which this run has looked, so that it reads each row once.
    None is for recent rows only.
    """
    _lock_chain()
    rows = [_Unlinked(table, *row) for table in TABLES for row in _unlinked_rows(table, passed)]
    # Rows older than the signatures come first. After them, a row without a signature is a forgery.
    chosen = [row for row in rows if not row.mark] or rows
    if not chosen:
        return 0, None
    if passed is not None and len(chosen) == len(rows):
        passed |= {row.table: row.pk for row in rows}
    return len(chosen), _insert_links(chosen, head())


class _Unlinked(NamedTuple):
    table: str
    pk: int
    mark: str
    content: str


def _lock_chain() -> None:
    """Let one process append until the transaction ends. SQLite has a single writer anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        # Give up rather than keep a request waiting; the next one continues.
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _unlinked_rows(table: str, passed: dict[str, int] | None) -> Iterator[tuple[int, str, str]]:
    links = AuditSeal.objects.filter(table=table)
    rows = TABLES[table].objects.filter(~Exists(links.filter(row_id=OuterRef("pk")))).order_by("pk")
    if passed is None:
        # A scan of the whole table after each request would take longer and longer.
        newest = links.aggregate(newest=Max("row_id"))["newest"] or 0
        return stored_rows.read_back(rows.filter(pk__gt=newest - LOOKBACK)[:BATCH])
    if table in passed:
        rows = rows.filter(pk__gt=passed[table])
    return stored_rows.read_back(rows[:LARGE_BATCH])


def _insert_links(rows: Sequence[_Unlinked], last: AuditSeal | None) -> AuditSeal:
    """Insert a link for each row, and return the last one."""
    first, previous = (last.id + 1, last.digest) if last else (1, _START)
    at = timezone.now()
    at_text, at_value = signing.json_value(at), connection.ops.adapt_datetimefield_value(at)
    links = []
    for number, row in enumerate(rows, start=first):
        text = _signed_text(number, at_text, row.table, row.pk, row.mark, row.content, previous)
        previous = signing.sign_text(text)
        links.append((number, row.table, row.pk, at_value, previous))
    with connection.cursor() as cursor:
        cursor.executemany(_INSERT, links)
    return AuditSeal(first + len(rows) - 1, rows[-1].table, rows[-1].pk, at, previous)


def _signed_text(
    number: int, at: object, table: str, pk: int, mark: str, content: str, previous: str
) -> str:
    """Return the text that a link signs. Only the content is free text, so it comes last."""
    return f"{previous} {number} {at} {table} {pk} {mark or '-'} {content}"


@dataclass(frozen=True)
class Problem:
    """A row, by table and number, or a link that is not as it was written, and the reason."""

    where: str
    reason: str


def find_problems(upto: int) -> Iterator[Problem]:
    """Yield what doesn't match, up to the link `upto`, in the order of the chain."""
    previous, signing_began, number = _START, False, 0
    keys = signing.keys()
    for link, row in _links_with_rows(upto):
        if link.id != number + 1:
            yield Problem(f"link {number + 1}", f"Links before number {link.id} are missing.")
        if row is None:
            yield Problem(_name(link), "The row was deleted or renumbered.")
        elif reason := _problem_of(link, row, previous, signing_began, keys):
            yield Problem(_name(link), reason)
        signing_began = signing_began or bool(row and row[0])
        previous, number = link.digest, link.id
    if number < upto:
        yield Problem(f"link {number + 1}", f"Links up to number {upto} are missing.")
    # A copied row has a valid signature. Only the duplicate gives it away.
    yield from _copied_rows()


class _Link(NamedTuple):
    id: int
    table: str
    row_id: int
    at: str
    digest: str


def _links_with_rows(upto: int) -> Iterator[tuple[_Link, tuple[str, str] | None]]:
    """Yield each link with its row's signature and content, or None if the row is missing."""
    number = 0
    links = AuditSeal.objects.order_by("id").values_list(
        "id", "table", "row_id", text_times.as_text("at"), "digest"
    )
    while batch := [_Link(*it) for it in links.filter(id__gt=number, id__lte=upto)[:LARGE_BATCH]]:
        rows: dict[tuple[str, int], tuple[str, str]] = {}
        for table in TABLES:
            linked = _rows(table, [it.row_id for it in batch if it.table == table])
            for pk, mark, content in stored_rows.read_back(linked):
                rows[table, pk] = mark, content
        for link in batch:
            yield link, rows.get((link.table, link.row_id))
        number = batch[-1].id


def _rows(table: str, ids: Sequence[int]) -> QuerySet[Any]:
    """Return at least the rows with these ids. A range of them is faster than a list."""
    rows: QuerySet[Any] = TABLES[table].objects.order_by()
    if ids and max(ids) - min(ids) < 4 * len(ids):
        return rows.filter(pk__range=(min(ids), max(ids)))
    return rows.filter(pk__in=ids)


def _problem_of(
    link: _Link, row: tuple[str, str], previous: str, signing_began: bool, keys: dict[str, str]
) -> str:
    """Return what is wrong with a row or its link, or ""."""
    mark, content = row
    for key in (mark[:8], link.digest[:8]):
        if key and key not in keys:
            return f"The row is signed with the key {key}, which is not in AUDIT_KEYS."
    if not mark and signing_began:
        return "Branchkeep did not write this row: it has no signature."
    if mark and not signing.is_content_valid(content, mark, keys):
        return "The signature is not valid: the row was changed, or Branchkeep did not write it."
    at = stored_rows.canonical_time(link.at)
    text = _signed_text(link.id, at, link.table, link.row_id, mark, content, previous)
    if not signing.is_valid(text, link.digest, keys):
        return f"Link {link.id} does not match: this row or an earlier one was changed."
    return ""


def _copied_rows() -> Iterator[Problem]:
    """Yield rows that carry another row's signature."""
    for table, model in TABLES.items():
        duplicates = model.objects.exclude(mark="").order_by().values("mark")
        for row in duplicates.annotate(last=Max("pk"), number=Count("pk")).filter(number__gt=1):
            yield Problem(f"{table} {row['last']}", "The row is a copy of another row.")


def _name(link: _Link) -> str:
    return f"{link.table} {link.row_id}"


def head() -> AuditSeal | None:
    """Return the newest link. A copy kept elsewhere shows later whether the end was cut off."""
    return AuditSeal.objects.order_by("id").last()


def contains_link(kept: str) -> bool:
    """Return True if the chain still has the link `kept`, written as "NUMBER:DIGEST"."""
    number, _, digest = kept.partition(":")
    # No database integer has more than 18 digits here, and a longer one would raise an error.
    known = number.isdecimal() and len(number) < 19
    return known and AuditSeal.objects.filter(id=int(number), digest=digest).exists()
