"""Start Branchkeep: keys, database, static files, system checks, then gunicorn.

`make run` and the container image use this. What exists is kept, so a second start is immediate. No
Django setting may be read before the keys exist.
"""

import base64
import fcntl
import os
import resource
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir, mkdtemp

import django
from django.core.exceptions import ImproperlyConfigured
from django.core.management import BaseCommand, CommandError, call_command
from django.db import DatabaseError, connection, connections

from console.db import prepared_statements, versions
from console.db.erasure import empty_log
from console.lib.hosts import serves_this_machine_only
from console.lib.paths import VAR_DIR

MIGRATION_LOCK = 7_108_341_903  # an arbitrary advisory lock number, unique in this database
OPEN_FILES = 4096
# glibc otherwise keeps what sixteen threads have freed, in up to eight heaps per processor. Other C
# libraries ignore this.
ALLOCATOR = {"MALLOC_ARENA_MAX": "2", "MALLOC_MMAP_THRESHOLD_": "131072"}
KEYS = """\
# Branchkeep's keys, generated once. Keep a copy in a safe place, away from database backups:
# without ENCRYPTION_KEYS, nobody can decrypt the secrets in the embedded store.
SECRET_KEY={secret_key}
ENCRYPTION_KEYS={encryption_key}
"""


def main() -> None:
    """Prepare what is missing, print the link to open, and become gunicorn."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until gunicorn, nothing needs a traceback
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys and values
    allow_open_files()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    listener = reserve_port()
    try:
        make_keys()
        django.setup()
        prepare_database()
        collect_static_files()
        BaseCommand().check(databases=["default"])
        prepare_metrics_folder()
        message = welcome_message(listener.getsockname()[1])
    except (CommandError, DatabaseError, ImproperlyConfigured, OSError) as error:
        sys.exit(f"Branchkeep can't start. {startup_error_message(error)}")
    connections.close_all()  # gunicorn's processes open their own
    serve(listener, message)


def allow_open_files() -> None:
    """Raise the limit of open files as far as we may: each connection needs one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def startup_error_message(error: Exception) -> str:
    """Return the reason, and what to do if the keys or SQLite's file can't be read or written."""
    message = str(error)
    if any(part in message for part in (str(VAR_DIR), "open database file", "readonly database")):
        message += (
            ". The folder must exist, and the account Branchkeep runs as (user ID "
            f"{os.geteuid()}) must own it and be able to write to it and its files."
        )
    return message


def reserve_port() -> socket.socket:
    """Return a socket bound to PORT. Bound first, so that nothing is done if we can't serve."""
    address, port = os.environ.get("BIND_ADDRESS", "127.0.0.1"), os.environ.get("PORT", "8000")
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((address, int(port)))
    except (OverflowError, ValueError):
        sys.exit(f"PORT is “{port}”. Set it to a number from 1 to 65535.")
    except OSError as error:
        sys.exit(
            f"Branchkeep can't listen on {address}, port {port} ({error.strerror}). Stop the "
            "program that uses the port, or choose another one: PORT=8001 make run"
        )
    return listener


def make_keys() -> None:
    """Create var/ and its keys, unless they exist or Branchkeep serves more than this machine.

    A deployment brings its own keys: those created in a container would be lost with it.
    """
    VAR_DIR.mkdir(exist_ok=True)
    if VAR_DIR.stat().st_mode & 0o077:
        VAR_DIR.chmod(0o700)
    file = VAR_DIR / "keys.env"
    served = (os.environ.get(name, "") for name in ("ALLOWED_HOSTS", "BASE_URL"))
    if file.exists() or not serves_this_machine_only(*served):
        return
    with NamedTemporaryFile("w", dir=VAR_DIR) as draft:  # created with mode 0600
        draft.write(
            KEYS.format(
                secret_key=secrets.token_urlsafe(50),
                encryption_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            )
        )
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):  # another start was faster, and its keys stay
            os.link(draft.name, file)  # atomic: the file appears complete or not at all


def prepare_database() -> None:
    """Migrate the database, one replica at a time; the next one finds nothing to do.

    Raises ImproperlyConfigured if a connection pooler loses prepared statements, or if a newer
    version made the database.
    """
    if (
        prepared_statements.are_lost()
    ):  # before the lock, which an older version's start may have left in there
        raise ImproperlyConfigured(prepared_statements.NO_SESSIONS)
    with migration_lock():
        versions.refuse_newer_database()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
        empty_log()  # in case a killed process didn't get to it
    connection.close()


@contextmanager
def migration_lock() -> Iterator[None]:
    """Let one replica at a time prepare the database. SQLite serves a single machine anyway.

    The lock belongs to a transaction on a connection of its own. A session lock would stay behind
    in a pooler that gives each transaction another session, and block every later start.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with closing(connection.copy()) as keeper:
        keeper.set_autocommit(False)
        with keeper.cursor() as cursor:
            # The connection is idle while the migrations run, and servers may end idle
            # transactions.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [MIGRATION_LOCK])
            try:
                yield
            finally:
                keeper.rollback()


def collect_static_files() -> None:
    """Collect static files if one is newer than the last collection.

    If STATIC_ROOT is set, it has been filled already, as in the image.
    """
    from django.conf import settings

    manifest = Path(settings.STATIC_ROOT, "staticfiles.json")
    collected = manifest.stat().st_mtime if manifest.exists() else 0
    if "STATIC_ROOT" not in os.environ and any(at > collected for at in static_file_times()):
        call_command("collectstatic", interactive=False, verbosity=0)


def static_file_times() -> Iterator[float]:
    """Yield when each static file was last added or changed on this disk."""
    from django.contrib.staticfiles.finders import get_finders

    for finder in get_finders():
        for name, storage in finder.list([]):
            yield Path(storage.path(name)).stat().st_ctime


def prepare_metrics_folder() -> None:
    """Create a folder (0700), in memory if possible, in which the processes count together.

    Folders left by killed servers are deleted. A running server holds a lock on its own.
    """
    from django.conf import settings

    if not settings.METRICS_TOKEN:
        return
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp takes a name that nobody knew
    home = memory if memory.is_dir() else Path(gettempdir())
    for left in home.glob("console-metrics-*"):
        with suppress(OSError):  # another server's, or another account's
            os.close(lock_folder(left))
            shutil.rmtree(left)
    folder = mkdtemp(prefix="console-metrics-", dir=home)
    os.set_inheritable(lock_folder(folder), True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def lock_folder(folder: Path | str) -> int:
    """Lock a folder and return its handle. Raises OSError if another process holds the lock."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def welcome_message(port: int) -> str:
    """Return the line that says which address to open."""
    from django.urls import reverse

    from console.auth.bootstrap import link_path
    from console.conf.base_url import base_url

    base = base_url(port)
    if path := link_path():
        return f"Set up Branchkeep here, within a day: {base}{path}"
    return f"Branchkeep: {base}{reverse('apps')}"


def serve(listener: socket.socket, message: str) -> None:
    """Print the message and become gunicorn. Early requests wait on the socket."""
    listener.listen(2048)  # gunicorn's own default
    listener.set_inheritable(True)
    print(message, flush=True)
    for name, value in ALLOCATOR.items():
        os.environ.setdefault(name, value)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:console.server.gunicorn"]
    command = [*gunicorn, "--bind", f"fd://{listener.fileno()}"]
    # exec leaves no parent behind, so signals reach gunicorn itself.
    os.execv(sys.executable, command)  # noqa: S606 - nothing in it comes from outside


if __name__ == "__main__":
    main()
