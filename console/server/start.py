"""Start the console on this machine: keys, database, static files, checks, then gunicorn.

`make run` and the image come here. What is there already is kept, so a second start is immediate.
No Django setting is read before the keys are there.
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

from console.db import prepared_statements
from console.lib.paths import LOOPBACK, VAR_DIR, parse_hosts

PREPARING = 7_108_341_903  # any number that no other program locks in this database
KEYS = """\
# Branchkeep's keys, generated once. Keep a copy in a safe place, away from database backups:
# without ENCRYPTION_KEYS, nobody can decrypt the secrets in the embedded store.
SECRET_KEY={secret_key}
ENCRYPTION_KEYS={encryption_key}
"""


def main() -> None:
    """Prepare what is missing, print the one link to open, and become gunicorn."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until gunicorn, nothing needs a traceback
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold keys and values
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "console.settings")
    listener = reserve_port()
    try:
        make_keys()
        django.setup()
        prepare_database()
        collect_static_files()
        BaseCommand().check(databases=["default"])
        make_room_for_metrics()
        where = link(listener.getsockname()[1])
    except (CommandError, DatabaseError, ImproperlyConfigured, OSError) as error:
        sys.exit(f"Branchkeep can't start. {words_of(error)}")
    connections.close_all()
    serve(listener, where)


def words_of(error: Exception) -> str:
    """Return why, and what to do where the keys or SQLite's file can't be read or written."""
    said = str(error)
    if any(part in said for part in (str(VAR_DIR), "open database file", "readonly database")):
        said += (
            ". The folder must exist, and the account Branchkeep runs as (user ID "
            f"{os.geteuid()}) must own it and be able to write to it and its files."
        )
    return said


def reserve_port() -> socket.socket:
    """Return a socket bound to PORT, so that nothing is done before we know that we can serve."""
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
    """Make var/ and the keys in it, unless they are there or this is more than one machine's own.

    A deployment brings its keys: made here, they would be lost with the container.
    """
    VAR_DIR.mkdir(exist_ok=True)
    if VAR_DIR.stat().st_mode & 0o077:
        VAR_DIR.chmod(0o700)
    file = VAR_DIR / "keys.env"
    if file.exists() or not LOOPBACK.issuperset(parse_hosts(os.environ.get("ALLOWED_HOSTS", ""))):
        return
    with NamedTemporaryFile("w", dir=VAR_DIR) as draft:  # its mode is 0600
        draft.write(
            KEYS.format(
                secret_key=secrets.token_urlsafe(50),
                encryption_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            )
        )
        draft.flush()
        os.fsync(draft.fileno())
        with suppress(FileExistsError):  # another start was faster: its keys stand
            os.link(draft.name, file)  # whole or not at all


def prepare_database() -> None:
    """Bring the tables up to date, one replica at a time: who comes next finds it done.

    Raises ImproperlyConfigured behind a pooler that loses what a connection prepares.
    """
    if (
        prepared_statements.are_lost()
    ):  # before the lock, which an older version's start may have left in there
        raise ImproperlyConfigured(prepared_statements.NO_SESSIONS)
    with one_at_a_time():
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)
    connection.close()


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Keep other replicas waiting. SQLite is for one machine.

    By a transaction of a connection of its own: a lock of the session would be left behind in a
    pooler that gives each transaction another session, and every later start would wait for it.
    """
    if connection.vendor != "postgresql":
        yield
        return
    with closing(connection.copy()) as keeper:
        keeper.set_autocommit(False)
        with keeper.cursor() as cursor:
            # It idles for as long as a migration takes, and servers may end who does
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [PREPARING])
            try:
                yield
            finally:
                keeper.rollback()


def collect_static_files() -> None:
    """Collect the static files where one is newer than the last collection.

    Who sets STATIC_ROOT has filled it himself, as the image does.
    """
    from django.conf import settings

    manifest = Path(settings.STATIC_ROOT, "staticfiles.json")
    collected = manifest.stat().st_mtime if manifest.exists() else 0
    if "STATIC_ROOT" not in os.environ and any(at > collected for at in changes()):
        call_command("collectstatic", interactive=False, verbosity=0)


def changes() -> Iterator[float]:
    """Yield when each static file last came or changed on this disk."""
    from django.contrib.staticfiles.finders import get_finders

    for finder in get_finders():
        for name, storage in finder.list([]):
            yield Path(storage.path(name)).stat().st_ctime


def make_room_for_metrics() -> None:
    """Give the server's processes a new folder (0700) to count together in, in memory.

    One that a killed server left goes; a server holds its own by a lock that ends with it.
    """
    from django.conf import settings

    if not settings.METRICS_TOKEN:
        return
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp takes a name that nobody knew
    home = memory if memory.is_dir() else Path(gettempdir())
    for left in home.glob("console-metrics-*"):
        with suppress(OSError):  # another server's, or another account's
            os.close(hold(left))
            shutil.rmtree(left)
    folder = mkdtemp(prefix="console-metrics-", dir=home)
    os.set_inheritable(hold(folder), True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder


def hold(folder: Path | str) -> int:
    """Lock a folder and return its handle. Raises OSError where somebody else has it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


def link(port: int) -> str:
    """Return the one line that says where to go on."""
    from console.auth.bootstrap import link_path
    from console.conf.base_url import base_url

    base = base_url(port)
    if path := link_path():
        return f"Set up Branchkeep here, within a day: {base}{path}"
    return f"Branchkeep: {base}/"


def serve(listener: socket.socket, where: str) -> None:
    """Print where to go on and become gunicorn. Who is there first waits for it on the socket."""
    listener.listen(2048)
    listener.set_inheritable(True)
    print(where, flush=True)
    gunicorn = [sys.executable, "-m", "gunicorn", "--config", "python:console.server.gunicorn"]
    command = [*gunicorn, "--bind", f"fd://{listener.fileno()}"]
    os.execv(sys.executable, command)  # noqa: S606 - nothing in it comes from outside


if __name__ == "__main__":
    main()
