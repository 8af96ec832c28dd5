"""The doctor's checks, passing and failing; test_doctor_store.py has those of the store."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone

from console.audit import chain, triggers
from console.audit.events import Action, Outcome
from console.lib.health import CheckResult
from console.lib.paths import BASE_DIR
from console.lib.proxies import parse_proxies
from console.models import AuditEvent, AuditOutcome
from console.ops import checks as core
from secrets_app.models import EmbeddedVersion, Secret
from secrets_app.ops import doctor
from tests.factories import set_secret
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24="
OTHER_KEY = "YW5vdGhlci1rZXktYW5vdGhlci1rZXktYW5vdGhlci0="
Examined = Callable[[], dict[str, CheckResult]]


@pytest.fixture
def var_folder(db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Use a var/ as `make run` creates it instead of this machine's."""
    tmp_path.chmod(0o700)
    (tmp_path / "keys.env").touch(0o600)
    monkeypatch.setattr(core, "VAR_DIR", tmp_path)
    if connection.vendor == "sqlite":
        for file in core._database_file().parent.glob("test*.sqlite3*"):
            with suppress(FileNotFoundError):  # another worker's WAL ends with its connection
                file.chmod(0o600)
    return tmp_path


@pytest.fixture
def run_checks(var_folder: Path) -> Examined:
    """Return a function that runs the checks and gives the results by name."""
    return lambda: {finding.name: finding for finding in doctor.examine(ask_store=True)}


@pytest.fixture
def deployment_settings(settings: Any) -> Any:
    """Apply the settings of a deployment."""
    settings.LOCAL, settings.ALLOWED_HOSTS = False, ["console.example.org", "testserver"]
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = True
    settings.SECURE_HSTS_SECONDS = 31_536_000
    return settings


def command(*arguments: str) -> str:
    """Return the command's output, even if it fails."""
    lines: list[str] = []
    output = SimpleNamespace(write=lines.append, flush=lambda: None, isatty=lambda: False)
    try:
        call_command("doctor", *arguments, stdout=output)
    except CommandError as refusal:
        lines.append(f"{refusal.returncode}: {refusal}")
    return "".join(lines)


def record_backup(days: int, outcome: Outcome = Outcome.SUCCEEDED) -> None:
    """Record a backup of some days ago."""
    event = AuditEvent.objects.create(action=Action.BACKUP_MADE, actor_kind="test", actor="test")
    then = timezone.now() - timedelta(days=days)
    AuditOutcome.objects.bulk_create([AuditOutcome(event=event, outcome=outcome, at=then)])
    with connection.cursor() as cursor:  # auto_now_add; the triggers would not let us change it
        cursor.execute("DROP TRIGGER IF EXISTS console_auditoutcome_no_update")
    AuditOutcome.objects.filter(event=event).update(at=then)


@pytest.mark.both_databases
def test_it_works(run_checks: Examined, world: World) -> None:
    found = run_checks()
    states = {name: str(finding.state) for name, finding in found.items()}
    assert states.pop("Disk") in {"ok", "skipped"}
    assert states.pop("Database role") == ("ok" if connection.vendor == "sqlite" else "warning")
    assert states == {
        **dict.fromkeys(("Database", "Migrations", "Clock", "Hosts", "TLS and cookies"), "ok"),
        "Open files": "ok",
        **dict.fromkeys(("Files", "Audit trail", "Branches", "Keys"), "ok"),
        **dict.fromkeys(("Open outcomes", "Mirrors", "Recycle bin"), "ok"),
        **dict.fromkeys(("Store: list", "Store: look up", "Store: older versions"), "ok"),
        **{"Connected apps": "ok", "Amplify": "skipped"},
        **dict.fromkeys(("Store: write", "Store: decrypt", "Store: remove"), "skipped"),
        "Backups": "warning",
    }


def test_command(var_folder: Path) -> None:
    output = command()
    assert "Database: ok. SQLite answered" in output
    assert "Backups: warning. No backup by" in output
    (var_folder / "keys.env").chmod(0o644)
    output = command()
    assert "Files: error." in output
    assert output.endswith("1: Some checks failed. Each error above says what to do.")


def test_command_as_json(var_folder: Path) -> None:
    findings = json.loads(command("--format", "json"))
    assert {"name", "state", "message", "hint"} == set(findings[0])
    assert findings[0]["state"] == "ok"


def test_page_does_not_call_the_store(
    var_folder: Path, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    page = client_for("olga").get("/operation/doctor/")
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert "SQLite answered" in page.text
    assert store_calls() == 0
    assert "Works." in client_for("olga").post("/operation/doctor/").text
    assert store_calls.operations == ["ping", "current", "versions"]


def test_commands_are_code_and_the_rest_is_escaped(
    var_folder: Path, client_for: Callable[[str], Client], settings: Any
) -> None:
    settings.ALLOWED_HOSTS = ["testserver", "<b>bold", "`<i>`"]
    text = client_for("olga").get("/operation/doctor/").text
    assert "No backup by <code>manage.py backup</code> yet." in text
    assert "Run <code>manage.py backup</code> every day" in text
    assert "testserver, &lt;b&gt;bold, <code>&lt;i&gt;</code>." in text


def test_check_that_raises_stops_no_other(run_checks: Examined, world: World) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_auditoutcome RENAME TO away")
    found = run_checks()
    assert (found["Backups"].state, found["Backups"].message) == (
        "error", "This check failed (OperationalError).",
    )  # fmt: skip
    assert found["Keys"].state == "ok"


def test_database_unavailable() -> None:
    """Checks that need it are skipped, the others run."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    environment["TEST_DATABASE_URL"] = "postgres://console:CANARY@127.0.0.1:1/console"
    command = [sys.executable, "manage.py", "doctor", "--write", "--format", "json"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=BASE_DIR)
    states = {finding["name"]: finding["state"] for finding in json.loads(run.stdout)}
    assert run.returncode == 1
    assert (states["Database"], states["Migrations"], states["Hosts"]) == (
        "error", "skipped", "ok",
    )  # fmt: skip
    assert states["Store"] == "error"
    assert "CANARY" not in run.stdout + run.stderr


# Database, disk, migrations, clock


def test_wrong_journal_mode(db: None) -> None:
    finding = core._sqlite("delete")
    assert finding.state == "error"
    assert "local disk" in finding.hint


@pytest.mark.parametrize(
    ("free", "state"), [(2 << 30, "ok"), (1 << 29, "warning"), (1 << 20, "error")]
)
def test_disk_space(
    run_checks: Examined, monkeypatch: pytest.MonkeyPatch, free: int, state: str
) -> None:
    monkeypatch.setattr(core, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert run_checks()["Disk"].state == state


def test_missing_migration(run_checks: Examined) -> None:
    newest = MigrationRecorder.Migration.objects.filter(app="secrets_app").latest("name")
    newest.delete()
    finding = run_checks()["Migrations"]
    assert finding.state == "error"
    assert f"secrets_app {newest.name}" in finding.message


@pytest.mark.postgres
def test_superuser(run_checks: Examined) -> None:
    """The tests' own role is one; tests/image/test_compose_role.py has the other case."""
    finding = run_checks()["Database role"]
    assert finding.state == "warning"
    assert "is a superuser of PostgreSQL" in finding.message
    assert "owns only its schema" in finding.hint


def test_newer_database(run_checks: Examined) -> None:
    MigrationRecorder.Migration.objects.create(app="console", name="9999_of_the_future")
    finding = run_checks()["Migrations"]
    assert finding.state == "error"
    assert "console.9999_of_the_future" in finding.message
    assert finding.hint.startswith("Start the newer version.")


@pytest.mark.parametrize(
    ("seconds", "state"), [(0, "ok"), (-29, "ok"), (31, "error"), (-4000, "error")]
)
def test_clock_skew(seconds: int, state: str) -> None:
    finding = core.clock_skew_result("Clock", "database", timedelta(seconds=seconds))
    assert finding.state == state
    assert f"{seconds:+,} s" in finding.message


# Hosts, TLS, files


def test_deployment_without_a_trusted_proxy(run_checks: Examined, deployment_settings: Any) -> None:
    finding = run_checks()["Hosts"]
    assert finding.state == "warning"
    assert "TRUSTED_PROXIES" in finding.hint
    deployment_settings.PROXIES = parse_proxies("1")
    assert run_checks()["Hosts"].state == "ok"


@pytest.mark.parametrize(
    ("most", "state"),
    [(60, "warning"), (1023, "warning"), (1024, "ok"), (resource.RLIM_INFINITY, "ok")],
)
def test_limit_of_open_files(
    run_checks: Examined, monkeypatch: pytest.MonkeyPatch, most: int, state: str
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (min(most, 60), most))
    finding = run_checks()["Open files"]
    assert finding.state == state
    assert ("LimitNOFILE=" in finding.hint) == (state == "warning")


def test_deployment_without_secure_cookies(run_checks: Examined, deployment_settings: Any) -> None:
    assert run_checks()["TLS and cookies"].state == "ok"
    deployment_settings.SESSION_COOKIE_SECURE = False
    finding = run_checks()["TLS and cookies"]
    assert finding.state == "error"
    assert "SESSION_COOKIE_SECURE" in finding.message


def test_debug_on_localhost(run_checks: Examined, settings: Any) -> None:
    settings.DEBUG = True
    assert run_checks()["TLS and cookies"].state == "warning"


@pytest.mark.parametrize("name", ["", "keys.env"])
def test_file_readable_by_others(run_checks: Examined, var_folder: Path, name: str) -> None:
    (var_folder / name).chmod(0o750 if not name else 0o640)
    finding = run_checks()["Files"]
    assert finding.state == "error"
    assert str(var_folder / name) in finding.message
    assert "chmod" in finding.hint


# Backups, trail


@pytest.mark.parametrize(
    ("days", "outcome", "state", "seen"),
    [
        (0, Outcome.SUCCEEDED, "ok", "The newest backup was made"),
        (3, Outcome.SUCCEEDED, "warning", "3 days"),
        (0, Outcome.FAILED, "warning", "No backup by"),
    ],
)
def test_backups(run_checks: Examined, days: int, outcome: Outcome, state: str, seen: str) -> None:
    record_backup(days, outcome)
    finding = run_checks()["Backups"]
    assert finding.state == state
    assert seen in finding.message.replace("\xa0", " ")


def test_missing_trigger(run_checks: Examined) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER console_auditevent_no_delete")
    finding = run_checks()["Audit trail"]
    assert finding.state == "error"
    assert "1 of the triggers" in finding.message


def test_unlinked_audit_rows(run_checks: Examined) -> None:
    AuditEvent.objects.create(action="test", actor_kind="test", actor="test")
    chain.append_links()
    assert "newest of 1 links" in run_checks()["Audit trail"].message
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER console_auditevent_no_update")
    event = AuditEvent.objects.create(action="test", actor_kind="test", actor="test")
    AuditEvent.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(hours=1))
    triggers.create(connection)
    finding = run_checks()["Audit trail"]
    assert (finding.state, "verify_audit" in finding.hint) == ("warning", True)


# Keys, what is left open


def test_missing_key(run_checks: Examined, settings: Any, world: World) -> None:
    set_secret(world, "SECRET")
    assert run_checks()["Keys"].state == "ok"
    settings.ENCRYPTION_KEYS = [OTHER_KEY]
    finding = run_checks()["Keys"]
    assert finding.state == "error"
    assert EmbeddedVersion.objects.count() == 1
    assert OTHER_KEY not in str(finding)
    settings.ENCRYPTION_KEYS = ["nonsense"]
    finding = run_checks()["Keys"]
    assert finding.state == "error"
    assert "nonsense" not in str(finding)


def test_interrupted_save(run_checks: Examined, world: World) -> None:
    row = set_secret(world, "SECRET")
    event = AuditEvent.objects.first()
    Secret.objects.filter(pk=row.pk).update(claim=event, claimed_until=timezone.now())
    finding = run_checks()["Open outcomes"]
    assert finding.state == "warning"
    assert "settle" in finding.hint
