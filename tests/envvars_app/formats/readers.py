"""Each format's own parsers, as functions from a file's text to its variables.

Parsers in other languages run as one process that answers line by line.
"""

import base64
import json
import plistlib
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path
from xml.parsers import expat

import javaproperties
import pytest
from dotenv import dotenv_values

from tests.envvars_app.formats import dart
from tests.fixtures.line_server import LineServer
from tests.fixtures.node import install

Read = Callable[[str], dict[str, str]]

PYTHON_DOTENV = "python-dotenv"
INTERPOLATING = "python-dotenv, interpolating"
NPM = ("npm dotenv", "npm dotenv, fast", "npm dotenv 16")
NODE = "Node"
BASH = "bash"
# Next.js; Vite and Create React App use versions of dotenv-expand
EXPANDING = ("Next.js", "dotenv-expand", "dotenv-expand 5")
JAVA = "Java"
# Parsers that read the same files, and are on a machine together: one test compares them
GROUPS = {
    "python-dotenv and bash": (PYTHON_DOTENV, INTERPOLATING, BASH),
    "npm": NPM,
    "npm, expanding": EXPANDING,
}
ENV_READERS = ("python-dotenv and bash", "npm", NODE)
READERS = {
    "env": ENV_READERS,
    "json": ("json", "JSON.parse"),
    "dart": ("Dart",),
    "plist": ("plistlib",),
    "gradle": ("javaproperties", JAVA),
}
NODE_FOLDER = Path(__file__).parent.parent / "node"
_READ_ENVIRONMENT = 'set -a; . "$1"; exec "$2" -0'


def node(folder: Path) -> LineServer:
    """Start tests/envvars_app/node/read.js with its packages, or skip without them."""
    install(NODE_FOLDER, folder)
    return LineServer("node", "read.js", cwd=folder)


def java(folder: Path) -> LineServer:
    """Start ReadProperties.java, or skip without a Java compiler."""
    if not (shutil.which("java") and shutil.which("javac")):
        pytest.skip("no Java Development Kit is on this machine")
    return LineServer("java", str(Path(__file__).parent / "ReadProperties.java"), cwd=folder)


def all_of(readers: Mapping[str, Read]) -> Read:
    """Return a parser that expects the same from several."""

    def read(text: str) -> dict[str, str]:
        first, *others = [(name, reader(text)) for name, reader in readers.items()]
        for name, found in others:
            assert found == first[1], f"{name} reads other values than {first[0]}"
        return first[1]

    return read


def from_node(server: LineServer, parser: str) -> Read:
    def read(text: str) -> dict[str, str]:
        pairs = json.loads(server(json.dumps([parser, text])))
        if pairs is None:
            pytest.skip(f"this Node has no {parser}")
        return dict(pairs)

    return read


def from_java(server: LineServer, folder: Path) -> Read:
    file = folder / "read.properties"

    def read(text: str) -> dict[str, str]:
        file.write_bytes(text.encode("latin-1"))
        words = [base64.b64decode(word[:-1]).decode() for word in server(str(file)).split()]
        return dict(zip(words[::2], words[1::2], strict=True))

    return read


def from_bash(folder: Path) -> Read:
    """Source the file in an empty environment; it must print nothing and create no file."""
    if not shutil.which("bash"):
        pytest.skip("bash is not on this machine")
    directory = folder / "directory"
    directory.mkdir()
    default = _environment(folder / "none.env", directory, "")

    def read(text: str) -> dict[str, str]:
        found = _environment(folder / "read.env", directory, text)
        assert not list(directory.iterdir()), "a command was run"
        return {key: value for key, value in found.items() if default.get(key) != value}

    return read


def _environment(file: Path, directory: Path, text: str) -> dict[str, str]:
    file.write_bytes(text.encode())
    env = str(shutil.which("env"))
    command = ["bash", "--noprofile", "--norc", "-c", _READ_ENVIRONMENT, "-", str(file), env]
    sourced = subprocess.run([env, "-i", *command], cwd=directory, capture_output=True, check=True)
    assert not sourced.stderr
    pairs = sourced.stdout.decode().split("\0")[:-1]
    return dict(pair.split("=", 1) for pair in pairs)


def from_python_dotenv(folder: Path, interpolate: bool) -> Read:
    file = folder / "read.env"

    def read(text: str) -> dict[str, str]:
        file.write_bytes(text.encode())
        return dict(dotenv_values(file, interpolate=interpolate))

    return read


def plist(text: str) -> dict[str, str]:
    expat.ParserCreate().Parse(text, True)
    return plistlib.loads(text.encode())


IN_PYTHON: dict[str, Read] = {
    "json": json.loads,
    "Dart": dart.read,
    "plistlib": plist,
    "javaproperties": javaproperties.loads,
}
