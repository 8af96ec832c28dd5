"""How gunicorn serves the console; console/server/start.py hands it the listening socket."""

import os
import shutil
import signal
from pathlib import Path

from gunicorn.arbiter import Arbiter
from gunicorn.workers.base import Worker

wsgi_app = "console.wsgi:application"
worker_class = "gthread"
workers = 2
threads = 8
graceful_timeout = 15  # seconds; a slow store answers within 10
_MEMORY = Path("/dev/shm")  # noqa: S108 - a heartbeat needs no disk; gunicorn makes its file safely
worker_tmp_dir = str(_MEMORY) if _MEMORY.is_dir() else None
loglevel = "warning"
control_socket_disable = True  # nobody steers the server from outside
# No header says what scheme, path or address a request has: gunicorn would believe whoever comes
# from this machine. console/lib/proxies.py reads X-Forwarded-For, by TRUSTED_PROXIES alone.
forwarded_allow_ips = ""
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}


def when_ready(server: Arbiter) -> None:
    """Let Ctrl-C end as SIGTERM does: requests under way are answered first."""
    signal.signal(signal.SIGINT, lambda _signal, _frame: server.signal(signal.SIGTERM, None))


def post_worker_init(_worker: Worker) -> None:
    """Leave Ctrl-C, which the terminal sends to every process, to the master; start our threads."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from console.audit import sealing_worker
    from console.notifications import worker

    worker.start()
    sealing_worker.start()


def worker_exit(_server: Arbiter, _worker: Worker) -> None:
    """Seal what the last requests wrote."""
    from console.audit import sealing_worker

    sealing_worker.flush()


def child_exit(_server: Arbiter, worker: Worker) -> None:
    """Take what a process that ended had under way out of the metrics; what it counted stays."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        from prometheus_client.multiprocess import mark_process_dead

        mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: Arbiter) -> None:
    """Leave no metrics behind; after a kill they stay, and are nobody's."""
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        shutil.rmtree(folder, ignore_errors=True)
