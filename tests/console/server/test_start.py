"""`python -m console.server.start`, as `make run` and the image run it, in a copy of the code."""

import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from console.lib.paths import BASE_DIR
from console.server.start import OPEN_FILES

PARTS = ("console", "secrets_app", "envvars_app", "templates", "static")
FIRST = r"Set up Branchkeep here, within a day: (http://127\.0\.0\.1:\d+/setup/\S+/)"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def code_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the console's code, without var/."""
    folder = tmp_path_factory.mktemp("code_copy")
    for part in PARTS:
        shutil.copytree(BASE_DIR / part, folder / part)
    return folder


@pytest.fixture
def used_copy(code_copy: Path) -> Path:
    """Return the copy, in which the console has been started before."""
    if not (code_copy / "var/static/staticfiles.json").exists():
        with running(code_copy):
            pass
    return code_copy


def start(code_copy: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start the console on a free port, with only these environment variables."""
    return subprocess.Popen(
        [sys.executable, "-m", "console.server.start"],
        cwd=code_copy,
        env={"PATH": os.environ["PATH"], "PORT": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(code_copy: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the console; give its process and the line it printed."""
    with start(code_copy, **environment) as process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)


def start_error(code_copy: Path, **environment: str) -> str:
    """Return the error message of a start that must fail."""
    with start(code_copy, **environment) as process:
        output, complaint = process.communicate(timeout=300)
    assert (process.returncode, output) == (1, "")
    return complaint


def mode(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return path.stat().st_mode & 0o777


def test_it_works(code_copy):
    with running(code_copy) as (process, line):
        setup = re.fullmatch(FIRST, line.strip())[1]
        with urllib.request.urlopen(setup, timeout=60) as page:  # noqa: S310 - FIRST says where
            assert page.status == 200
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
        files, most = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert files >= min(OPEN_FILES, most if most >= 0 else OPEN_FILES)
    assert process.returncode == 0
    assert mode(code_copy / "var") == 0o700
    assert {mode(file) for file in (code_copy / "var").glob("*.*")} == {0o600}


@pytest.mark.exhaustive
def test_second_start_keeps_everything(used_copy):
    keys = (used_copy / "var/keys.env").read_bytes()
    collected = (used_copy / "var/static/staticfiles.json").stat().st_mtime_ns
    (used_copy / "var").chmod(0o755)
    with running(used_copy) as (_, line):
        assert re.fullmatch(FIRST, line.strip())
    assert (used_copy / "var/keys.env").read_bytes() == keys
    assert (used_copy / "var/static/staticfiles.json").stat().st_mtime_ns == collected
    assert mode(used_copy / "var") == 0o700  # private again


def test_changed_static_file_is_collected(used_copy):
    (used_copy / "static/css/tokens.css").write_text("/* new */")
    with running(used_copy):
        pass
    manifest = (used_copy / "var/static/staticfiles.json").read_text()
    name = re.search(r'"css/tokens\.css": "([^"]+)"', manifest)[1]
    assert (used_copy / "var/static" / name).read_text() == "/* new */"


def test_failed_check_stops_the_start(code_copy):
    """Environment variables take precedence over var/keys.env."""
    complaint = start_error(code_copy, ENCRYPTION_KEYS="CANARY")
    assert complaint.startswith("Branchkeep can't start.")
    assert "ENCRYPTION_KEYS" in complaint
    assert "CANARY" not in complaint


def test_port_in_use(code_copy):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        complaint = start_error(code_copy, PORT=port)
    assert complaint.startswith(f"Branchkeep can't listen on 127.0.0.1, port {port} (Address")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("port", ["http", "65536"])
def test_invalid_port(code_copy, port):
    assert (
        start_error(code_copy, PORT=port)
        == f"PORT is “{port}”. Set it to a number from 1 to 65535.\n"
    )


def test_invalid_setting_stops_the_start(code_copy):
    complaint = start_error(code_copy, PARAMETER_STORE="vault")
    assert complaint.startswith("Branchkeep can't start. PARAMETER_STORE is “vault”.")
    assert "Traceback" not in complaint


@pytest.mark.parametrize(
    "hosts",
    ["console.example.com:8443", "https://console.example.com"],
)
def test_hosts_in_another_form_stop_the_start(code_copy, hosts):
    complaint = start_error(code_copy, ALLOWED_HOSTS=hosts)
    assert complaint.startswith(f"Branchkeep can't start. ALLOWED_HOSTS contains “{hosts}”")
    assert ": ALLOWED_HOSTS=console.example.com. If the address has a port" in complaint
    assert complaint.count("\n") == 1


def test_invalid_address_makes_no_keys(code_copy, tmp_path):
    fresh = shutil.copytree(code_copy, tmp_path / "fresh", ignore=shutil.ignore_patterns("var"))
    complaint = start_error(fresh, BASE_URL="http://console.example.com")
    assert complaint.startswith("Branchkeep can't start. BASE_URL is “http://console.example.com”.")
    assert not (fresh / "var/keys.env").exists()


def test_address_below_a_path(code_copy):
    with running(code_copy, BASE_URL="http://localhost:8000/branchkeep") as (_, line):
        assert line.strip().startswith(
            "Set up Branchkeep here, within a day: http://localhost:8000/branchkeep/setup/"
        )


def test_unavailable_database_stops_the_start(code_copy):
    complaint = start_error(code_copy, DATABASE_URL="postgres://console:CANARY@127.0.0.1:1/console")
    assert complaint.startswith("Branchkeep can't start. connection failed")
    assert "Traceback" not in complaint
    assert "CANARY" not in complaint


def test_read_only_folder(code_copy, tmp_path):
    """For example a folder of the host in a container. A file of that name stops even root."""
    fresh = shutil.copytree(code_copy, tmp_path / "fresh", ignore=shutil.ignore_patterns("var"))
    (fresh / "var").touch()
    complaint = start_error(fresh)
    assert complaint.startswith("Branchkeep can't start. [Errno 17] File exists:")
    assert complaint.endswith("be able to write to it and its files.\n")


def test_missing_database_folder(code_copy, tmp_path):
    complaint = start_error(code_copy, DATABASE_URL=f"sqlite:///{tmp_path}/none/console.sqlite3")
    assert complaint.startswith("Branchkeep can't start. unable to open database file. The folder")
    assert complaint.count("\n") == 1


def test_deployment_provides_its_own_keys(code_copy, tmp_path):
    fresh = shutil.copytree(code_copy, tmp_path / "fresh", ignore=shutil.ignore_patterns("var"))
    complaint = start_error(fresh, ALLOWED_HOSTS="console.example.com")
    assert complaint.startswith("Branchkeep can't start. SECRET_KEY is not set.")
    assert not (fresh / "var/keys.env").exists()


def test_old_sqlite_is_rejected(code_copy: Path) -> None:
    """Enterprise Linux 9 has one, although its Python is recent enough."""
    older = "import sqlite3; sqlite3.sqlite_version_info = (3, 34, 1)"
    run = f"{older}; import runpy; runpy.run_module('console.server.start', run_name='__main__')"
    started = subprocess.run(
        [sys.executable, "-c", run],
        cwd=code_copy,
        env={"PATH": os.environ["PATH"], "PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert "Branchkeep needs 3.35 or newer" in started.stderr
    assert "Traceback" not in started.stderr
