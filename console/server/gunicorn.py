"""gunicorn's configuration. console/server/start.py passes it the listening socket."""

import os
import shutil
import signal
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

wsgi_app = "console.wsgi:application"
worker_class = "console.server.worker.Worker"
workers = 2
threads = 8
worker_connections = 1000  # per process, as far as the limit of open files allows
# Seconds. A row of a save and its mirror take up to 22 if the store hangs (leases.LONGEST_WRITE).
graceful_timeout = 25
_MEMORY = Path("/dev/shm")  # noqa: S108 - a heartbeat needs no disk; gunicorn makes its file safely
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None
loglevel = "warning"
logger_class = "console.server.logger.StructuredLogger"
control_socket_disable = True  # no control of the server from outside
# No header decides a request's scheme, path or address. By default gunicorn trusts anyone on this
# machine. Only console/lib/proxies.py reads X-Forwarded-For, according to TRUSTED_PROXIES.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


def when_ready(server: Arbiter) -> None:
    """Treat Ctrl-C like SIGTERM, so that requests in progress are finished."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: server.signal(signal.SIGTERM, None))


def post_worker_init(_worker: Worker) -> None:
    """Ignore Ctrl-C, which the terminal sends to every process, and start our threads.

    gunicorn has no hook for SIGTERM, and finishes requests in progress. We tell long saves about
    the signal, so that they end after their current row.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from console.audit import chain_worker, settle_worker
    from console.conf import background
    from console.lib import stopping
    from console.notifications import worker
    from console.workflows import bin_worker

    stopping.stop_first(signal.SIGTERM)
    worker.start()
    chain_worker.start()
    settle_worker.start()
    bin_worker.start()
    background.start_all()


def worker_exit(_server: Arbiter, _worker: Worker) -> None:
    """Append the chain links of the last requests."""
    from console.audit import chain_worker

    chain_worker.flush()


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Remove a finished process's requests in progress from the metrics; its counts stay."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # it has no types


def on_exit(_server: Arbiter) -> None:
    """Delete the metrics folder. After a kill it stays, and the next start deletes it."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
