"""Parsers of the formats, each started once."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.envvars_app.formats import readers
from tests.envvars_app.formats.readers import Read
from tests.fixtures.line_server import LineServer


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineServer]:
    with closing(readers.node(tmp_path_factory.mktemp("node") / "packages")) as server:
        yield server


@pytest.fixture(scope="session")
def java(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LineServer]:
    with closing(readers.java(tmp_path_factory.mktemp("java"))) as server:
        yield server


@pytest.fixture(scope="session")
def bash(tmp_path_factory: pytest.TempPathFactory) -> Read:
    return readers.from_bash(tmp_path_factory.mktemp("bash"))


@pytest.fixture(scope="session")
def reader(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Read:
    """Return the parser, or the group of parsers, that the test's parameter names."""

    def named(name: str) -> Read:
        if name in readers.IN_PYTHON:
            return readers.IN_PYTHON[name]
        if name == readers.BASH:
            return request.getfixturevalue("bash")
        folder = tmp_path_factory.mktemp("reader")
        if name == readers.JAVA:
            return readers.from_java(request.getfixturevalue("java"), folder)
        if name in (readers.PYTHON_DOTENV, readers.INTERPOLATING):
            return readers.from_python_dotenv(folder, name == readers.INTERPOLATING)
        return readers.from_node(request.getfixturevalue("node"), name)

    names = readers.GROUPS.get(request.param, (request.param,))
    return readers.all_of({name: named(name) for name in names})
