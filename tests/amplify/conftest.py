"""Amplify's own client of secrets, started once for each worker, and ampx."""

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import pytest

from tests.amplify.packages import NodeHome, SecretClient, ampx_program, client_packages, run_ampx
from tests.fixtures.commands import CommandResult
from tests.fixtures.line_server import LineServer
from tests.fixtures.machine import Machine
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


@pytest.fixture
def project(machine: Machine, console_on_ssm: Moto) -> Machine:
    """Return a machine with SSM as its store, in the folder of an Amplify project."""
    (machine.folder / "package.json").write_text('{"name": "@acme/web-shop"}')
    machine.environment |= {"PARAMETER_STORE": "ssm", "AWS_ENDPOINT_URL_SSM": console_on_ssm.url}
    return machine


@pytest.fixture
def ampx(node_home: NodeHome, project: Machine) -> Callable[..., CommandResult]:
    """Return a function that runs `ampx` in the project's folder; skip outside `make amplify`."""
    ampx_program()
    return partial(run_ampx, node_home, project.folder)
