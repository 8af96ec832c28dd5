"""The console as it is deployed, under load: requests a second, how long they take, memory, start.

The load comes from this process, on the same cores; what it takes of them is said. Each request
has a connection of its own, as a proxy makes them.
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

from tests import with_postgres
from tests.soak.replicas.person import Answer, Person, outcomes_of
from tests.soak.replicas.server import Server, copy_to, running

CLIENTS = 8
SECONDS = 3.0  # of each measurement
WARM = 0.5  # seconds before it
LIST = "/apps/d1000/hosting/secrets/?per_page=100"
MANAGE = "/apps/d1000/hosting/secrets/manage/?per_page=100"
SECRETS = "/apps/dload/hosting/secrets/"
ACTS = ("list, 100 of 1,000", "manage, 100 of 1,000", "save of 1 row, two paths", "reveal")


@dataclass(frozen=True)
class Load:
    """What came of some seconds under load: how long each request took."""

    taken: list[float]
    seconds: float
    own: float  # seconds of CPU that the clients took

    def line(self) -> str:
        """Return it as a line of the table."""
        ordered = sorted(self.taken)
        p50, p99 = (ordered[int(len(ordered) * part)] * 1000 for part in (0.5, 0.99))
        rate, own = len(ordered) / self.seconds, 100 * self.own / self.seconds
        return f"{rate:9.1f}{p50:9.1f}{p99:9.1f}{own:9.0f}"


class Client:
    """Somebody who does one thing after the other, at a secret of his own."""

    def __init__(self, ports: list[int], secret: int) -> None:
        self.person = Person("alice@example.org", ports)
        self.secret, self.version = secret, 1
        assert self.person.sign_in() == 302

    def acts(self) -> list[Callable[[], object]]:
        """Return what is measured, in the order of ACTS."""
        return [partial(self._page, LIST), partial(self._page, MANAGE), self._save, self._reveal]

    def _page(self, address: str) -> None:
        _right(self.person.get(address))

    def _save(self) -> None:
        fields = {
            f"value-{self.secret}": f"{time.time()}",
            f"base-{self.secret}": str(self.version),
        }
        answer = _right(self.person.post(f"{SECRETS}manage/", fields))
        self.version = outcomes_of(answer.text)[str(self.secret)].version

    def _reveal(self) -> None:
        _right(self.person.post(f"{SECRETS}{self.secret}/reveal/", {}))


def _right(answer: Answer) -> Answer:
    assert answer.status == 200, answer
    return answer


def compare() -> None:
    """Print the tables of both databases."""
    print(f"\n{CLIENTS} clients on the same {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    print(f"{'':40}{'req/s':>9}{'p50 ms':>9}{'p99 ms':>9}{'own %':>9}")
    _measure("SQLite", {})
    with with_postgres.server(tuning="") as url:
        _measure("PostgreSQL", {"DATABASE_URL": url})


def _measure(name: str, environment: dict[str, str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        server = Server(copy_to(Path(folder, "console")), environment)
        first, again = _start(server), _start(server)
        with running(server):
            secrets = json.loads(server.run("tests.soak.bench.furnish", str(CLIENTS)))
            clients = [Client([server.port], secret) for secret in secrets]
            for number, act in enumerate(ACTS):
                acts = [client.acts()[number] for client in clients]
                print(f"{name + ': ' + act:40}{_load(acts).line()}", flush=True)
            sizes = ", ".join(_size(pid) for pid in server.workers())
    print(
        f"{name}: first start {first:.1f} s, another {again:.1f} s; memory of the workers {sizes}"
    )


def _start(server: Server) -> float:
    """Return the seconds from a start to the first answer, and kill it."""
    began = time.perf_counter()
    with running(server):
        return time.perf_counter() - began


def _load(acts: list[Callable[[], object]]) -> Load:
    with ThreadPoolExecutor(len(acts)) as threads:
        for _ in threads.map(partial(_repeat, seconds=WARM), acts):
            pass
        began, own = time.perf_counter(), time.process_time()
        each = threads.map(partial(_repeat, seconds=SECONDS), acts)
        taken = [seconds for one in each for seconds in one]
        return Load(taken, time.perf_counter() - began, time.process_time() - own)


def _repeat(act: Callable[[], object], seconds: float) -> list[float]:
    taken, end = [], time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        act()
        taken.append(time.perf_counter() - began)
    return taken


def _size(pid: int) -> str:
    """Return what a process holds: its share of what it shares, and all of it."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    pss, rss = (int(re.findall(rf"{name}:\s+(\d+)", text)[0]) / 1000 for name in ("Pss", "Rss"))
    return f"{pss:.0f} MB ({rss:.0f} MB resident)"


if __name__ == "__main__":
    compare()
