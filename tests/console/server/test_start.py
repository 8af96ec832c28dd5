"""`python -m console.server.start`, as `make run` and the image run it, on a copy."""

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

PARTS = ("console", "secrets_app", "envvars_app", "templates", "static")
FIRST = r"Set up Branchkeep here, within a day: (http://127\.0\.0\.1:\d+/setup/\S+/)"
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of what the console runs on, with no var/ yet."""
    folder = tmp_path_factory.mktemp("clone")
    for part in PARTS:
        shutil.copytree(BASE_DIR / part, folder / part)
    return folder


def start(clone: Path, **environment: str) -> "subprocess.Popen[str]":
    """Start the console on a free port, with nothing set but `environment`."""
    return subprocess.Popen(
        [sys.executable, "-m", "console.server.start"],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "PORT": "0", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def running(clone: Path, **environment: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the console until the block ends; the value holds the process and the line it printed."""
    with start(clone, **environment) as process:
        try:
            yield process, process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)


def refusal(clone: Path, **environment: str) -> str:
    """Return what a start says that must fail."""
    with start(clone, **environment) as process:
        output, complaint = process.communicate(timeout=300)
    assert (process.returncode, output) == (1, "")
    return complaint


def mode(path: Path) -> int:
    """Return the permission bits of a file or folder."""
    return path.stat().st_mode & 0o777


def test_it_works(clone):
    with running(clone) as (process, line):
        setup = re.fullmatch(FIRST, line.strip())[1]
        with urllib.request.urlopen(setup, timeout=60) as page:  # noqa: S310 - FIRST says where
            assert page.status == 200
        assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
    assert process.returncode == 0
    assert mode(clone / "var") == 0o700
    assert {mode(file) for file in (clone / "var").glob("*.*")} == {0o600}


def test_a_second_start_keeps_everything(clone):
    with running(clone):
        pass
    keys = (clone / "var/keys.env").read_bytes()
    collected = (clone / "var/static/staticfiles.json").stat().st_mtime_ns
    with running(clone) as (_, line):
        assert re.fullmatch(FIRST, line.strip())
    assert (clone / "var/keys.env").read_bytes() == keys
    assert (clone / "var/static/staticfiles.json").stat().st_mtime_ns == collected


def test_a_changed_static_file_is_collected(clone):
    with running(clone):
        pass
    (clone / "static/css/tokens.css").write_text("/* new */")
    with running(clone):
        pass
    manifest = (clone / "var/static/staticfiles.json").read_text()
    name = re.search(r'"css/tokens\.css": "([^"]+)"', manifest)[1]
    assert (clone / "var/static" / name).read_text() == "/* new */"


def test_a_var_folder_that_others_can_read_is_closed(clone):
    (clone / "var").mkdir(exist_ok=True)
    (clone / "var").chmod(0o755)
    with running(clone):
        pass
    assert mode(clone / "var") == 0o700


def test_a_failed_check_stops_the_start(clone):
    """And the environment goes before var/keys.env."""
    complaint = refusal(clone, ENCRYPTION_KEYS="CANARY")
    assert complaint.startswith("Branchkeep can't start.")
    assert "ENCRYPTION_KEYS" in complaint
    assert "CANARY" not in complaint


def test_a_taken_port_is_said(clone):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        complaint = refusal(clone, PORT=port)
    assert complaint.startswith(f"Branchkeep can't listen on 127.0.0.1, port {port} (Address")
    assert complaint.count("\n") == 1


@pytest.mark.parametrize("port", ["http", "-1", "65536", ""])
def test_a_port_that_is_none_is_said(clone, port):
    assert refusal(clone, PORT=port) == f"PORT is “{port}”. Set it to a number from 1 to 65535.\n"


def test_a_wrong_setting_stops_the_start(clone):
    complaint = refusal(clone, PARAMETER_STORE="vault")
    assert complaint.startswith("Branchkeep can't start. PARAMETER_STORE is “vault”.")
    assert "Traceback" not in complaint


def test_a_database_that_does_not_answer_stops_the_start(clone):
    complaint = refusal(clone, DATABASE_URL="postgres://console:CANARY@127.0.0.1:1/console")
    assert complaint.startswith("Branchkeep can't start. connection failed")
    assert "Traceback" not in complaint
    assert "CANARY" not in complaint


def test_a_folder_that_is_nobodys_to_write_is_said(clone, tmp_path):
    """As with a host's folder in a container. A file in its place stops root too."""
    fresh = shutil.copytree(clone, tmp_path / "fresh", ignore=shutil.ignore_patterns("var"))
    (fresh / "var").touch()
    complaint = refusal(fresh)
    assert complaint.startswith("Branchkeep can't start. [Errno 17] File exists:")
    assert complaint.endswith("be able to write to it and its files.\n")


def test_a_folder_of_the_database_that_is_not_there_is_said(clone, tmp_path):
    complaint = refusal(clone, DATABASE_URL=f"sqlite:///{tmp_path}/none/console.sqlite3")
    assert complaint.startswith("Branchkeep can't start. unable to open database file. The folder")
    assert complaint.count("\n") == 1


def test_a_deployment_brings_its_own_keys(clone, tmp_path):
    fresh = shutil.copytree(clone, tmp_path / "fresh", ignore=shutil.ignore_patterns("var"))
    complaint = refusal(fresh, ALLOWED_HOSTS="console.example.com")
    assert complaint.startswith("Branchkeep can't start. SECRET_KEY is not set.")
    assert not (fresh / "var/keys.env").exists()


def test_an_old_sqlite_is_named(clone: Path) -> None:
    """Enterprise Linux 9 brings one, with a Python that is new enough."""
    older = "import sqlite3; sqlite3.sqlite_version_info = (3, 34, 1)"
    run = f"{older}; import runpy; runpy.run_module('console.server.start', run_name='__main__')"
    started = subprocess.run(
        [sys.executable, "-c", run],
        cwd=clone,
        env={"PATH": os.environ["PATH"], "PORT": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 1
    assert "Branchkeep needs 3.35 or newer" in started.stderr
    assert "Traceback" not in started.stderr
