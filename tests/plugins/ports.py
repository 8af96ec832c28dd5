"""Ports for servers that have to know theirs before they start."""

import os
import socket
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from random import SystemRandom

EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")
LOWEST = 10_000


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on and that stays free until it is used.

    It is below those that the kernel gives to whoever asks for any, such as every client, and it is
    never given to two processes of one test run.
    """
    for port in _candidates():
        if _is_ours(port) and not _is_taken(port):
            return port
    raise RuntimeError("Every port is taken.")


def _candidates() -> list[int]:
    ports = range(LOWEST, _first_ephemeral())
    return SystemRandom().sample(ports, len(ports))


@cache
def _first_ephemeral() -> int:
    with suppress(OSError):
        return int(EPHEMERAL.read_text().split()[0])
    return 32_768  # Linux's own


def _is_ours(port: int) -> bool:
    """Return True if no other process of this test run has claimed the port; claim it."""
    with suppress(FileExistsError):
        Path(os.environ["TESTS_FOLDER"], f"port-{port}").touch(exist_ok=False)
        return True
    return False


def _is_taken(port: int) -> bool:
    with closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
        return False
