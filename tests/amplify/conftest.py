"""Amplify's own client of secrets, started once for each worker, and its command line."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.amplify.packages import Ampx, NodeHome, SecretClient, client_packages
from tests.fixtures.line_server import LineServer
from tests.fixtures.moto import Moto


@pytest.fixture(scope="session")
def node_home(moto_server: Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeHome]:
    """Return a home folder for Node's programs, which must not call other machines."""
    home = NodeHome(tmp_path_factory.mktemp("node-home"), moto_server.url)
    yield home
    assert home.refused_hosts() == set()


@pytest.fixture(scope="session")
def client(node_home: NodeHome) -> Iterator[SecretClient]:
    """Return Amplify's client, on the moto server; skip without Node or its packages."""
    command, folder = ("node", "client.js"), client_packages()
    with closing(LineServer(*command, cwd=folder, environment=node_home.environment)) as server:
        yield SecretClient(server)


@pytest.fixture(scope="session")
def ampx_program() -> Path:
    """Return the program that `make amplify` installed; skip the test in other runs."""
    if not (folder := os.environ.get("AMPX")):
        pytest.skip("needs Amplify's command line: run `make amplify`, which installs it")
    return Path(folder, "node_modules", ".bin", "ampx")


@pytest.fixture(scope="session")
def ampx(ampx_program: Path, node_home: NodeHome) -> Ampx:
    """Return Amplify's command line, on the moto server."""
    return Ampx(ampx_program, node_home)
