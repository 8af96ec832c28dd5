"""The doctor's checks of the deployment: database, clock, hosts, files, backups, audit trail.

Checks take no arguments, call no parameter store and change nothing. secrets_app/ops/doctor.py adds
checks of the store and runs them all.
"""

import resource
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
from console.db import prepared_statements, versions
from console.lib.clock import is_within
from console.lib.health import CheckResult
from console.lib.paths import VAR_DIR
from console.models import AuditEvent, AuditOutcome, AuditSeal
from console.ops.shared_parameters import branch_folders

DISK_LOW, DISK_FULL = 1 << 30, 100 << 20  # bytes
FILES_LOW = 1024
BACKUP_AGE = timedelta(days=2)
MAX_SKEW = timedelta(seconds=30)
LINKED_WITHIN = timedelta(minutes=10)
UNPROXIED = (
    "Set TRUSTED_PROXIES to the number of proxies. Until then, rate limits and the activity see "
    "the proxy's address instead of each user's."
)


def database() -> CheckResult:
    """Check that the database answers and has the settings that Branchkeep requires."""
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            cursor.execute("PRAGMA journal_mode")
            return _sqlite(str(cursor.fetchone()[0]))
        cursor.execute("SHOW server_version")
        version = str(cursor.fetchone()[0])
        cursor.execute("SHOW transaction_isolation")
        isolation = str(cursor.fetchone()[0])
    message = f"PostgreSQL {version} answered. Isolation level: “{isolation}”."
    if prepared_statements.are_lost():
        return CheckResult.error(
            "Database",
            f"{message} Prepared statements are lost between transactions.",
            prepared_statements.NO_SESSIONS,
        )
    if isolation != "read committed":
        return CheckResult.warning(
            "Database",
            message,
            "Set the isolation level to “read committed”, which Branchkeep requires.",
        )
    return CheckResult.ok("Database", message)


def database_role() -> CheckResult:
    """Check that Branchkeep doesn't connect to PostgreSQL as a superuser."""
    name = "Database role"
    if connection.vendor == "sqlite":
        return CheckResult.ok(name, "SQLite has no roles.")
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, rolsuper FROM pg_roles WHERE rolname = current_user")
        role, is_superuser = cursor.fetchone()
    if is_superuser:
        hint = (
            "Connect as a role that owns only its schema, as docs/deploy.md shows: a superuser can "
            "read the server's files and run programs there."
        )
        return CheckResult.warning(name, f"“{role}” is a superuser of PostgreSQL.", hint)
    return CheckResult.ok(name, f"“{role}” is not a superuser.")


def _sqlite(journal: str) -> CheckResult:
    message = f"SQLite answered. Journal mode: “{journal}”."
    if journal != "wal":
        hint = (
            "Move the database to a local disk. SQLite supports write-ahead logging (“wal”) only "
            "there."
        )
        return CheckResult.error("Database", message, hint)
    return CheckResult.ok(
        "Database", f"{message} SQLite works on one machine; use PostgreSQL for several replicas."
    )


def disk() -> CheckResult:
    """Check the free space for SQLite. PostgreSQL's disk can't be seen from here."""
    if connection.vendor != "sqlite":
        return CheckResult.skipped(
            "Disk", "The database runs on another machine. Monitor its disk there."
        )
    free = disk_usage(_database_file().parent).free
    message = f"{free / (1 << 30):,.1f} GB free on the database's disk."
    hint = "Free some disk space. Nothing can be saved on a full disk."
    if free < DISK_FULL:
        return CheckResult.error("Disk", message, hint)
    return (
        CheckResult.warning("Disk", message, hint)
        if free < DISK_LOW
        else CheckResult.ok("Disk", message)
    )


def _database_file() -> Path:
    return Path(str(connection.settings_dict["NAME"])).resolve()


def migrations() -> CheckResult:
    """Check that this version's migrations are applied, and no others."""
    if problem := versions.newer_database():
        return CheckResult.error("Migrations", problem, versions.HINT)
    executor = MigrationExecutor(connection)
    if plan := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        names = ", ".join(f"{step.app_label} {step.name}" for step, _ in plan[:5])
        hint = "Run `manage.py migrate`, or restart Branchkeep, which runs it."
        return CheckResult.error(
            "Migrations", f"{len(plan)} not applied, starting with: {names}.", hint
        )
    return CheckResult.ok("Migrations", "All migrations are applied.")


def clock() -> CheckResult:
    """Compare the clock of this machine with stored times and with the database's clock."""
    newest = AuditEvent.objects.order_by("-pk").first()
    ahead = newest.at - timezone.now() if newest else timedelta()
    if ahead > MAX_SKEW:
        message = f"The newest activity entry is dated {round(ahead.total_seconds()):,} s ahead."
        hint = (
            "The clock of this machine was set back, or another replica's is ahead. Synchronize "
            "them with NTP. Until the clock has caught up, times in the activity overlap."
        )
        return CheckResult.warning("Clock", message, hint)
    if connection.vendor == "sqlite":
        return CheckResult.ok("Clock", "The database uses this machine's clock.")
    with connection.cursor() as cursor:
        before = timezone.now()
        cursor.execute("SELECT clock_timestamp()")
        database_time: datetime = cursor.fetchone()[0]
    return clock_skew_result("Clock", "database", database_time.astimezone(UTC) - before)


def clock_skew_result(name: str, peer: str, skew: timedelta) -> CheckResult:
    """Return the result for a peer (database, store) whose clock differs from ours by `skew`."""
    seconds = round(skew.total_seconds())
    if abs(skew) <= MAX_SKEW:
        return CheckResult.ok(name, f"In step with the {peer}'s clock ({seconds:+} s).")
    hint = (
        "Synchronize both clocks with NTP. Sessions, second factors, leases and AWS signatures "
        "depend on them."
    )
    return CheckResult.error(name, f"The {peer}'s clock differs by {seconds:+,} s.", hint)


def hosts() -> CheckResult:
    """Check the host names that are served, and that a proxy is configured for them."""
    names = ", ".join(settings.ALLOWED_HOSTS)
    if settings.LOCAL:
        return CheckResult.ok("Hosts", f"Reachable from this machine only: {names}.")
    if not (settings.PROXIES.count or settings.PROXIES.networks):
        return CheckResult.warning("Hosts", f"Serving {names}. No proxy is trusted.", UNPROXIED)
    return CheckResult.ok("Hosts", f"Serving {names}, behind trusted proxies.")


def open_files() -> CheckResult:
    """Check how many files, and with them connections, this account's processes may open."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return CheckResult.ok("Open files", "The number of open files isn't limited.")
    message = f"A process may open {most:,} files. Each connection needs one."
    if most < FILES_LOW:
        return CheckResult.warning(
            "Open files",
            message,
            f"Allow {FILES_LOW:,} or more: LimitNOFILE= with systemd, --ulimit nofile= with "
            "Docker. With fewer, slow clients push others out sooner.",
        )
    return CheckResult.ok("Open files", message)


def tls() -> CheckResult:
    """Run Django's security checks, unless only this machine can reach the console."""
    if settings.LOCAL:
        message = "Local use: plain HTTP, cookies without Secure."
        debug = CheckResult.warning("TLS and cookies", f"{message} DEBUG is on.", "Unset DEBUG.")
        return debug if settings.DEBUG else CheckResult.ok("TLS and cookies", message)
    warnings = run_checks(tags=[Tags.security], include_deployment_checks=True)
    if problems := [it.msg for it in warnings if not it.is_silenced()]:
        hint = "Use Branchkeep's own settings module, or fix these settings."
        return CheckResult.error("TLS and cookies", " ".join(problems), hint)
    days = settings.SECURE_HSTS_SECONDS // 86_400
    message = f"Cookies are sent over HTTPS only; HSTS is set for {days} days."
    return CheckResult.ok("TLS and cookies", message)


def files() -> CheckResult:
    """Check that no other account can read the files and folders with keys and data."""
    existing = [path for path in _private() if path.exists()]
    open_to_others = [path for path in existing if path.stat().st_mode & 0o077]
    if open_to_others:
        names = ", ".join(f"{it} ({it.stat().st_mode & 0o777:04o})" for it in open_to_others)
        hint = "Remove other accounts' permissions: chmod 700 for folders, chmod 600 for files."
        return CheckResult.error("Files", f"Other accounts on this machine can read {names}.", hint)
    return CheckResult.ok("Files", f"{len(existing)} checked: only this account has access.")


def _private() -> Iterator[Path]:
    yield VAR_DIR
    yield VAR_DIR / "keys.env"
    if connection.vendor == "sqlite":
        file = _database_file()
        yield from (file.parent, *(Path(f"{file}{end}") for end in ("", "-wal", "-shm")))


def backups() -> CheckResult:
    """Check the age of the newest backup made with `manage.py backup`."""
    done = AuditOutcome.objects.filter(
        outcome=Outcome.SUCCEEDED, event__action=Action.BACKUP_MADE
    ).order_by("-event_id")
    last = done.first()
    hint = (
        "Run `manage.py backup` every day. Keep the backups and their key away from this "
        "machine. If another tool backs up the database, check there."
    )
    if last is None:
        return CheckResult.warning("Backups", "No backup by `manage.py backup` yet.", hint)
    message = f"The newest backup was made {_age(last.at)} ago."
    if not is_within(BACKUP_AGE, timezone.now() - last.at):
        return CheckResult.warning("Backups", message, hint)
    return CheckResult.ok("Backups", message)


def trail() -> CheckResult:
    """Check the audit trail's triggers and chain. `verify_audit` reads every row."""
    hint = "Run `manage.py verify_audit` to find the affected rows."
    if missing := triggers.missing(connection):
        message = (
            f"{len(missing)} of the triggers that keep it append-only are missing, disabled or "
            "changed."
        )
        return CheckResult.error("Audit trail", message, f"Run `manage.py migrate`. {hint}")
    if not _is_linked():
        return CheckResult.warning(
            "Audit trail",
            "The hash chain does not cover the newest entries yet.",
            hint,
        )
    head = chain.head()
    if head is None:
        return CheckResult.ok("Audit trail", "Append-only. The hash chain is empty.")
    message = f"Append-only. The newest of {head.id:,} links was made {_age(head.at)} ago."
    return CheckResult.ok("Audit trail", message)


def _age(at: datetime) -> str:
    """Return how long ago a time was, in words. `timesince` alone says "0 minutes"."""
    recent = timezone.now() - at < timedelta(minutes=1)
    return "less than a minute" if recent else timesince(at)


def _is_linked() -> bool:
    """Return True if the chain covers the newest event that it should cover by now."""
    due = AuditEvent.objects.filter(at__lt=timezone.now() - LINKED_WITHIN).order_by("id").last()
    return not due or AuditSeal.objects.filter(table="auditevent", row_id=due.pk).exists()


CHECKS: dict[str, Callable[[], CheckResult]] = {
    "Database": database,
    "Database role": database_role,
    "Disk": disk,
    "Migrations": migrations,
    "Clock": clock,
    "Hosts": hosts,
    "Open files": open_files,
    "TLS and cookies": tls,
    "Files": files,
    "Backups": backups,
    "Audit trail": trail,
    "Branches": branch_folders,
}
WITHOUT_DATABASE = {"Disk", "Hosts", "Open files", "TLS and cookies", "Files"}
