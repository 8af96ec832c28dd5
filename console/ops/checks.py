"""The doctor's checks of what the core stands on: database, clock, hosts, files, backups, trail.

Each takes nothing, asks no parameter store, changes nothing and returns a Finding.
secrets_app/ops/doctor.py adds the store's, and runs them all.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import disk_usage

from django.conf import settings
from django.core.checks import Tags, run_checks
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone
from django.utils.timesince import timesince

from console.audit import chain, triggers
from console.audit.events import Action, Outcome
from console.db import prepared_statements
from console.lib.health import Finding, broken, fine, look, skipped
from console.lib.paths import VAR_DIR
from console.models import AuditEvent, AuditOutcome, AuditSeal

DISK_LOW, DISK_FULL = 1 << 30, 100 << 20  # bytes
BACKUP_AGE = timedelta(days=2)
SKEW = timedelta(seconds=30)
SEALED_WITHIN = timedelta(minutes=10)
UNPROXIED = (
    "Set TRUSTED_PROXIES to the number of proxies. Until then, rate limits and the activity see "
    "the proxy's address instead of each user's."
)


def database() -> Finding:
    """Say which database answers, and whether it works as the console needs it."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            return _sqlite(str(cursor.fetchone()[0]))
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0])
        cursor.execute("SHOW transaction_isolation")
        isolation = str(cursor.fetchone()[0])
    seen = f"PostgreSQL {version} answered. Isolation level: “{isolation}”."
    if prepared_statements.are_lost():
        return broken(
            "Database",
            f"{seen} Prepared statements are lost between transactions.",
            prepared_statements.NO_SESSIONS,
        )
    if isolation != "read committed":
        return look(
            "Database",
            seen,
            "Set the isolation level to “read committed”, which Branchkeep requires.",
        )
    return fine("Database", seen)


def _sqlite(journal: str) -> Finding:
    seen = f"SQLite answered. Journal mode: “{journal}”."
    if journal != "wal":
        todo = (
            "Move the database to a local disk. SQLite supports write-ahead logging (“wal”) only "
            "there."
        )
        return broken("Database", seen, todo)
    return fine(
        "Database", f"{seen} SQLite works on one machine; use PostgreSQL for several replicas."
    )


def disk() -> Finding:
    """Say how much room SQLite has left; PostgreSQL's disk is not ours to see."""
    if connection.vendor != "sqlite":
        return skipped("Disk", "The database runs on another machine. Monitor its disk there.")
    free = disk_usage(_database_file().parent).free
    seen = f"{free / (1 << 30):,.1f} GB free on the database's disk."
    todo = "Free some disk space. Nothing can be saved on a full disk."
    if free < DISK_FULL:
        return broken("Disk", seen, todo)
    return look("Disk", seen, todo) if free < DISK_LOW else fine("Disk", seen)


def _database_file() -> Path:
    return Path(str(connection.settings_dict["NAME"])).resolve()


def migrations() -> Finding:
    """Say whether the tables are those of this version."""
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(f"{step.app_label} {step.name}" for step, _ in plan[:5])
        todo = "Run `manage.py migrate`, or restart Branchkeep, which runs it."
        return broken("Migrations", f"{len(plan)} not applied, starting with: {names}.", todo)
    return fine("Migrations", "All migrations are applied.")


def clock() -> Finding:
    """Hold this machine's clock against the database's."""
    if connection.vendor == "sqlite":
        return fine("Clock", "The database uses this machine's clock.")
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        theirs: datetime = cursor.fetchone()[0]
    return told_of_clock("Clock", "database", theirs.astimezone(UTC) - before)


def told_of_clock(name: str, whose: str, off: timedelta) -> Finding:
    """Return what it means that a clock is `off` from ours."""
    seconds = round(off.total_seconds())
    if abs(off) <= SKEW:
        return fine(name, f"In step with the {whose}'s clock ({seconds:+} s).")
    todo = (
        "Synchronize both clocks with NTP. Sessions, second factors, leases and AWS signatures "
        "depend on them."
    )
    return broken(name, f"The {whose}'s clock differs by {seconds:+,} s.", todo)


def hosts() -> Finding:
    """Say under which names the console answers, and whom it believes about addresses."""
    names = ", ".join(settings.ALLOWED_HOSTS)
    if settings.LOCAL:
        return fine("Hosts", f"Reachable from this machine only: {names}.")
    if not (settings.PROXIES.count or settings.PROXIES.networks):
        return look("Hosts", f"Serving {names}. No proxy is trusted.", UNPROXIED)
    return fine("Hosts", f"Serving {names}, behind trusted proxies.")


def tls() -> Finding:
    """Say whether cookies and headers are those of a deployment."""
    if settings.LOCAL:
        seen = "Local use: plain HTTP, cookies without Secure."
        debug = look("TLS and cookies", f"{seen} DEBUG is on.", "Unset DEBUG.")
        return debug if settings.DEBUG else fine("TLS and cookies", seen)
    warnings = run_checks(tags=[Tags.security], include_deployment_checks=True)
    if told := [it.msg for it in warnings if not it.is_silenced()]:
        todo = "Use Branchkeep's own settings module, or fix these settings."
        return broken("TLS and cookies", " ".join(told), todo)
    days = settings.SECURE_HSTS_SECONDS // 86_400
    seen = f"Cookies are sent over HTTPS only; HSTS is set for {days} days."
    return fine("TLS and cookies", seen)


def files() -> Finding:
    """Say whether the folders and files with keys and data are this account's alone."""
    there = [path for path in _private() if path.exists()]
    open_to_others = [path for path in there if path.stat().st_mode & 0o077]
    if open_to_others:
        names = ", ".join(f"{it} ({it.stat().st_mode & 0o777:04o})" for it in open_to_others)
        todo = "Remove other accounts' permissions: chmod 700 for folders, chmod 600 for files."
        return broken("Files", f"Other accounts on this machine can read {names}.", todo)
    return fine("Files", f"{len(there)} checked: only this account has access.")


def _private() -> Iterator[Path]:
    yield VAR_DIR
    yield VAR_DIR / "keys.env"
    if connection.vendor == "sqlite":
        file = _database_file()
        yield from (file.parent, *(Path(f"{file}{end}") for end in ("", "-wal", "-shm")))


def backups() -> Finding:
    """Say how old the newest backup is that the console made."""
    done = AuditOutcome.objects.filter(
        outcome=Outcome.SUCCEEDED, event__action=Action.BACKUP_MADE
    ).order_by("-event_id")
    last = done.first()
    todo = (
        "Run `manage.py backup` every day. Keep the backups and their key away from this "
        "machine. If another tool backs up the database, check there."
    )
    if last is None:
        return look("Backups", "No backup by `manage.py backup` yet.", todo)
    seen = f"The newest backup was made {timesince(last.at)} ago."
    if timezone.now() - last.at > BACKUP_AGE:
        return look("Backups", seen, todo)
    return fine("Backups", seen)


def trail() -> Finding:
    """Say whether the audit trail is guarded and sealed; `verify_audit` reads it all."""
    todo = "Run `manage.py verify_audit` to find the affected rows."
    if missing := triggers.missing(connection):
        seen = f"{len(missing)} of the triggers that make it append-only are missing or disabled."
        return broken("Audit trail", seen, f"Run `manage.py migrate`. {todo}")
    if not _is_sealed():
        return look("Audit trail", "The newest entries should be sealed by now, but are not.", todo)
    head = chain.head()
    if head is None:
        return fine("Audit trail", "Append-only. Nothing is sealed yet.")
    seen = f"Append-only. The newest of {head.id:,} seals was made {timesince(head.at)} ago."
    return fine("Audit trail", seen)


def _is_sealed() -> bool:
    """Say whether the newest entry is sealed of those that should be by now."""
    due = AuditEvent.objects.filter(at__lt=timezone.now() - SEALED_WITHIN).order_by("id").last()
    return not due or AuditSeal.objects.filter(table="auditevent", row_id=due.pk).exists()


CHECKS: dict[str, Callable[[], Finding]] = {
    "Database": database,
    "Disk": disk,
    "Migrations": migrations,
    "Clock": clock,
    "Hosts": hosts,
    "TLS and cookies": tls,
    "Files": files,
    "Backups": backups,
    "Audit trail": trail,
}
WITHOUT_DATABASE = {"Disk", "Hosts", "TLS and cookies", "Files"}
