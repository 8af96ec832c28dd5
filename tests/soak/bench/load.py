"""Measure the deployed console under load: throughput, latency, memory, and start-up time.

The clients run in this process on the same cores, so the tables show their share of the CPU (the
column "own %"). Each request opens a connection, as a proxy does.
"""

import json
import os
import re
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.fixtures import postgres
from tests.soak.replicas.server import Server, copy_to, running
from tests.soak.replicas.web_user import Response, WebUser, row_results

CLIENTS = 8
SECONDS = 3.0  # per measurement
WARM_UP = 0.5  # seconds before each measurement
LIST = "/apps/d1000/hosting/secrets/?per_page=100"
MANAGE = "/apps/d1000/hosting/secrets/manage/?per_page=100"
SECRETS = "/apps/dload/hosting/secrets/"
ACTS = ("list, 100 of 1,000", "manage, 100 of 1,000", "save of 1 row, two paths", "reveal")


@dataclass(frozen=True)
class Load:
    """The result of a measurement: the duration of each request."""

    durations: list[float]
    seconds: float
    own: float  # CPU seconds of the clients

    def line(self) -> str:
        """Return a line of the table."""
        ordered = sorted(self.durations)
        p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
        rate, own = len(ordered) / self.seconds, 100 * self.own / self.seconds
        return f"{rate:9.1f}{p50:9.1f}{p99:9.1f}{own:9.0f}"


class Client:
    """A user who sends one request after the other, with a secret of their own."""

    def __init__(self, ports: list[int], secret: int) -> None:
        self.user = WebUser("alice@example.org", ports)
        self.secret, self.version = secret, 1
        assert self.user.sign_in() == 302

    def acts(self) -> list[Callable[[], object]]:
        """Return the measured requests, in the order of ACTS."""
        return [partial(self._page, LIST), partial(self._page, MANAGE), self._save, self._reveal]

    def _page(self, path: str) -> None:
        _check(self.user.get(path))

    def _save(self) -> None:
        fields = {
            f"value-{self.secret}": f"{time.time()}",
            f"base-{self.secret}": str(self.version),
        }
        response = _check(self.user.post(f"{SECRETS}manage/", fields))
        self.version = row_results(response.text)[str(self.secret)].version

    def _reveal(self) -> None:
        _check(self.user.post(f"{SECRETS}{self.secret}/reveal/", {}))


def _check(response: Response) -> Response:
    assert response.status == 200, response
    return response


def compare() -> None:
    """Print the table, for SQLite and PostgreSQL."""
    print(f"\n{CLIENTS} clients on the same {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':40}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'own %':>9}")
    _measure("SQLite", {})
    with postgres.running(tuning="") as url:
        _measure("PostgreSQL", {"DATABASE_URL": url})


def _measure(name: str, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(copy_to(Path(folder, "console")), environment)
        first, second = _seconds_to_start(server), _seconds_to_start(server)
        with running(server):
            secrets = json.loads(server.run("tests.soak.bench.seed", str(CLIENTS)))
            clients = [Client([server.port], secret) for secret in secrets]
            for number, act in enumerate(ACTS):
                acts = [client.acts()[number] for client in clients]
                print(f"{name + ': ' + act:40}{_load(acts).line()}", flush=True)
            sizes = ", ".join(_memory(pid) for pid in server.workers())
    print(
        f"{name}: first start {first:.1f} s, second {second:.1f} s; memory of the workers {sizes}"
    )


def _seconds_to_start(server: Server) -> float:
    # Until the first response; then the server is killed
    began = time.perf_counter()
    with running(server):
        return time.perf_counter() - began


def _load(acts: list[Callable[[], object]]) -> Load:
    with ThreadPoolExecutor(len(acts)) as threads:
        for _ in threads.map(partial(_repeat, seconds=WARM_UP), acts):
            pass
        began, own = time.perf_counter(), time.process_time()
        each = threads.map(partial(_repeat, seconds=SECONDS), acts)
        durations = [seconds for one in each for seconds in one]
        return Load(durations, time.perf_counter() - began, time.process_time() - own)


def _repeat(act: Callable[[], object], seconds: float) -> list[float]:
    durations, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        act()
        durations.append(time.perf_counter() - began)
    return durations


def _memory(pid: int) -> str:
    # The proportional set size counts a shared page by its share
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss, rss = (int(re.findall(rf"{name}:\s+(\d+)", text)[0]) / 1000 for name in ("Pss", "Rss"))
    return f"{pss:.0f} MB ({rss:.0f} MB resident)"


if __name__ == "__main__":
    compare()
