"""A real moto server, over HTTP, where tests need an AWS SSM Parameter Store.

`moto` starts one process for all tests of a worker, empties it, and points botocore at it;
`ssm_store` is our store on it, `plain_ssm` boto3's own client, to see what is really there.
"""

import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
import botocore.loaders
import botocore.session
import pytest

from secrets_app.store import parameter_store
from secrets_app.store.ssm.client import SsmStore
from tests.plugins.ports import free_port
from tests.plugins.waiting import until

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

REGION = "us-east-1"
# It ends when the pipe on its standard input does, so it outlives no test run, however that ends.
PROGRAM = """
import os, sys, threading
threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
import moto.ssm.urls  # else the first request loads it, which can take longer than a time-out
from moto.server import main
main(["-H", "127.0.0.1", "-p", sys.argv[1]])
"""


@dataclass(frozen=True)
class Moto:
    """A running moto server."""

    url: str

    def reset(self) -> None:
        """Empty it."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")  # noqa: S310 - ours
        urllib.request.urlopen(request).close()  # noqa: S310 - a loopback address of ours

    def point_botocore_at_it(self) -> None:
        """Let this whole process call it for SSM."""
        os.environ.update(AWS_ENDPOINT_URL_SSM=self.url, NO_PROXY="127.0.0.1")

    def answers(self) -> bool:
        """Say whether it is up."""
        try:
            self.reset()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True


@pytest.fixture(scope="session", autouse=True)
def _botocore_reads_its_files_once() -> Iterator[None]:
    """Share what botocore knows of AWS among all clients, which each parse its megabytes of JSON.

    A session shares it among its clients too.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.loaders.create_loader))
        yield


@pytest.fixture(scope="session")
def moto_server() -> Iterator[Moto]:
    """Run a moto server for all tests of this process."""
    with running() as moto:
        yield moto


@contextmanager
def running(program: str = PROGRAM, *arguments: str) -> Iterator[Moto]:
    """Run a moto server, or a `program` that is one; it gets its port, then `arguments`."""
    port = free_port()
    command = [sys.executable, "-c", program, str(port), *arguments]
    environment = {name: it for name, it in os.environ.items() if not name.startswith("AWS_")}
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            moto = Moto(f"http://127.0.0.1:{port}")
            _wait_for(moto, process)
            yield moto
        finally:
            process.kill()


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Give botocore credentials that open nothing, and let no proxy come between."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    parameter_store.cache_clear()
    yield monkeypatch
    parameter_store.cache_clear()


@pytest.fixture
def moto(moto_server: Moto, aws_environment: pytest.MonkeyPatch) -> Moto:
    """Return an empty moto server that botocore calls for SSM."""
    aws_environment.setenv("AWS_ENDPOINT_URL_SSM", moto_server.url)
    moto_server.reset()
    return moto_server


@pytest.fixture
def ssm_store(moto: Moto) -> SsmStore:
    """Return our store on an empty moto server."""
    return SsmStore(REGION)


@pytest.fixture
def plain_ssm(moto: Moto) -> "SSMClient":
    """Return boto3's own client of the moto server."""
    return boto3.session.Session().client("ssm", region_name=REGION, endpoint_url=moto.url)


@pytest.fixture
def console_on_ssm(moto: Moto, settings: Any) -> Moto:
    """Let the whole console, parameter_store(), work on the moto server."""
    settings.PARAMETER_STORE = "ssm"
    settings.AWS_REGION = REGION
    return moto


def _wait_for(moto: Moto, process: "subprocess.Popen[bytes]") -> None:
    def answers() -> bool:
        assert process.poll() is None, "The moto server ended at its start."
        return moto.answers()

    until(answers)
