"""/metrics of a real server: gunicorn with two processes that share their counts."""

import os
import signal
import urllib.request
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.console.ops.test_metrics import SAMPLE, bearer
from tests.console.server.test_start import mode, running
from tests.fixtures.waiting import LONGEST, until
from tests.soak.replicas.server import copy_started_to

TOKEN = "only-for-tests-" * 3
ASKED = 'console_request_seconds_count{method="read",status="200",view="healthz"}'
REQUESTS = 40
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def code_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of a console that has been started before."""
    return copy_started_to(tmp_path_factory.mktemp("code_copy"))


def url_of(line: str) -> str:
    """Return the address of a server that printed this line."""
    return f"http://{urlsplit(line.rsplit(' ', 1)[1]).netloc}"


def get(url: str) -> str:
    """Return the body of a GET."""
    request = urllib.request.Request(url, headers=bearer(TOKEN))  # noqa: S310 - ours
    with urllib.request.urlopen(request, timeout=LONGEST) as response:  # noqa: S310
        return response.read().decode()


def samples(url: str) -> dict[str, float]:
    """Return every sample by name and labels."""
    return {name: float(number) for name, number in SAMPLE.findall(get(f"{url}/metrics"))}


def workers(master: int) -> set[int]:
    """Return the ids of a server's processes."""
    children = Path(f"/proc/{master}/task/{master}/children").read_text()
    return set(map(int, children.split()))


def folder_of(pid: int) -> Path:
    """Return the folder in which a server's processes count."""
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    [folder] = [it for it in environment if it.startswith(b"PROMETHEUS_MULTIPROC_DIR=")]
    return Path(folder.partition(b"=")[2].decode())


def counting(folder: Path) -> set[int]:
    """Return the ids of the processes that have counted something."""
    return {int(file.stem.rsplit("_", 1)[1]) for file in folder.glob("*.db")}


def test_it_works(code_copy: Path) -> None:
    with running(code_copy, METRICS_TOKEN=TOKEN) as (process, line):
        url, master = url_of(line), process.pid
        for _ in range(REQUESTS):
            get(f"{url}/healthz")
        first = samples(url)
        assert first[ASKED] == REQUESTS
        assert first["console_requests_in_progress"] == 1  # this request
        folder = folder_of(master)
        assert mode(folder) == 0o700
        assert {mode(file) for file in folder.iterdir()} == {0o600}
        assert counting(folder) <= workers(master)
        kill_one_of(workers(master), master)
        after = samples(url)  # what the killed process counted is kept
        assert after[ASKED] == REQUESTS
        assert after["console_requests_in_progress"] == 1
        # Until it has loaded the console, a process ignores the signal to stop
        until(lambda: samples(url) and workers(master) <= counting(folder))
    assert process.returncode == 0
    assert not folder.exists()


def kill_one_of(before: set[int], master: int) -> None:
    """Kill a process of the server, and wait until another has taken its place."""
    os.kill(min(before), signal.SIGKILL)
    until(lambda: min(before) not in workers(master) and len(workers(master)) == len(before))


@pytest.mark.exhaustive
def test_folder_of_a_killed_server_is_removed(code_copy: Path) -> None:
    """At the next start; the folder of a running server stays."""
    with running(code_copy, METRICS_TOKEN=TOKEN) as (process, line):
        get(f"{url_of(line)}/healthz")  # the process is gunicorn now
        left, processes = folder_of(process.pid), workers(process.pid)
        for pid in (process.pid, *processes):
            os.kill(pid, signal.SIGKILL)
        process.wait()
    assert left.is_dir()
    with running(code_copy, METRICS_TOKEN=TOKEN) as (process, line):
        assert not left.exists()
        get(f"{url_of(line)}/healthz")
        with running(code_copy, METRICS_TOKEN=TOKEN):
            assert folder_of(process.pid).is_dir()
        assert samples(url_of(line))["console_database_up"] == 1
