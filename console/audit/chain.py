"""The hash chain over the audit trail: one link per row, each over its row and the link before.

Rows are written as if there were no chain, so no act waits for it or can deadlock through it. Links
are appended when a request or command has ended, by one process at a time
(console/audit/chain_worker.py). The next process, or the check, links what a killed process left.
Until then only the row's own signature (console/conf/signing.py) protects it: it can't be changed
or forged, but its deletion goes unnoticed.

A link is an AuditSeal.
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
BATCH = 500  # rows of each table per transaction
BATCHES = 2  # after a request, so that it doesn't pay for a backlog; the next one continues
LOOKBACK = 1_000  # ids; PostgreSQL hands out ids in another order than rows are committed
# A forged link can occupy the next number, or have one too large for any database.
APPEND_ERRORS = (DatabaseError, OverflowError)
_LOCK = 7_108_341_902  # an arbitrary advisory lock number, unique in this database
_START = "start"

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
    for _ in count() if all_rows else range(BATCHES):
        added = _append_batch(all_rows)
        number += len(added)
        if added:
            forwarding.write_head(added[-1])
        # A short batch can be followed by more: rows older than the signatures come by themselves.
        if len(added) < (1 if all_rows else BATCH):
            break
    return number


@transaction.atomic
def _append_batch(all_rows: bool) -> list[AuditSeal]:
    _lock_chain()
    rows = [row for table in TABLES for row in _unlinked_rows(table, all_rows)]
    last, links = AuditSeal.objects.order_by("id").last(), []
    # Rows older than the signatures come first. After them, a row without a signature is a forgery.
    for row in [row for row in rows if not row.mark] or rows:
        last = _make_link(row, last)
        links.append(last)
    return AuditSeal.objects.bulk_create(links)


def _lock_chain() -> None:
    """Let one process append until the transaction ends. SQLite has a single writer anyway."""
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        # Give up rather than keep a request waiting; the next one continues.
        cursor.execute("SET LOCAL lock_timeout = '5s'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _unlinked_rows(table: str, all_rows: bool) -> Any:
    links = AuditSeal.objects.filter(table=table)
    rows = TABLES[table].objects.filter(~Exists(links.filter(row_id=OuterRef("pk"))))
    if not all_rows:
        # A scan of the whole table after each request would take longer and longer.
        newest = links.aggregate(newest=Max("row_id"))["newest"] or 0
        rows = rows.filter(pk__gt=newest - LOOKBACK)
    return rows.order_by("pk")[:BATCH]


def _make_link(row: Any, last: AuditSeal | None) -> AuditSeal:
    link = AuditSeal(
        id=last.id + 1 if last else 1,
        table=row._meta.model_name,
        row_id=row.pk,
        at=timezone.now(),
    )
    previous, content = last.digest if last else _START, signing.canonical_json(row)
    link.digest = signing.sign_text(_signed_text(link, row.mark, content, previous))
    return link


def _signed_text(link: Any, mark: str, content: str, previous: str) -> str:
    """Return the text that a link signs. Only the content is free text, so it comes last."""
    header = f"{previous} {link.id} {signing.json_value(link.at)} {link.table} {link.row_id}"
    return f"{header} {mark or '-'} {content}"


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
        signing_began = signing_began or bool(row and row.mark)
        previous, number = link.digest, link.id
    if number < upto:
        yield Problem(f"link {number + 1}", f"Links up to number {upto} are missing.")
    # A copied row has a valid signature. Only the duplicate gives it away.
    yield from _copied_rows()


@dataclass(frozen=True, slots=True)
class _StoredRow:
    mark: str
    content: str


def _links_with_rows(upto: int) -> Iterator[tuple[Any, _StoredRow | None]]:
    """Yield each link with its row, or None if the row is missing."""
    number, fields = 0, ("id", "table", "row_id", "at", "digest")
    links = AuditSeal.objects.order_by("id")
    while batch := list(
        links.filter(id__gt=number, id__lte=upto).values_list(*fields, named=True)[:BATCH]
    ):
        rows: dict[tuple[str, int], _StoredRow] = {}
        for table, model in TABLES.items():
            linked = model.objects.filter(pk__in=[it.row_id for it in batch if it.table == table])
            for pk, mark, content in signing.read_back(linked.order_by()):
                rows[table, pk] = _StoredRow(mark, content)
        for link in batch:
            yield link, rows.get((link.table, link.row_id))
        number = batch[-1].id


def _problem_of(
    link: Any, row: _StoredRow, previous: str, signing_began: bool, keys: dict[str, str]
) -> str:
    """Return what is wrong with a row or its link, or ""."""
    if unknown := next((m[:8] for m in (row.mark, link.digest) if m and m[:8] not in keys), ""):
        return f"The row is signed with the key {unknown}, which is not in AUDIT_KEYS."
    if not row.mark and signing_began:
        return "Branchkeep did not write this row: it has no signature."
    if row.mark and not signing.is_content_valid(row.content, row.mark, keys):
        return "The signature is not valid: the row was changed, or Branchkeep did not write it."
    if not signing.is_valid(_signed_text(link, row.mark, row.content, previous), link.digest, keys):
        return f"Link {link.id} does not match: this row or an earlier one was changed."
    return ""


def _copied_rows() -> Iterator[Problem]:
    """Yield rows that carry another row's signature."""
    for table, model in TABLES.items():
        duplicates = model.objects.exclude(mark="").order_by().values("mark")
        for row in duplicates.annotate(last=Max("pk"), number=Count("pk")).filter(number__gt=1):
            yield Problem(f"{table} {row['last']}", "The row is a copy of another row.")


def _name(link: Any) -> str:
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
