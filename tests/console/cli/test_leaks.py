"""A value goes in and out by the way that is for it, and is in no other output, log or file."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from console.cli.base import ConsoleCommand
from tests.console.cli.conftest import Machine
from tests.fixtures.faulty import Fault, Faulty
from tests.leaks.canary import Canary

pytestmark = pytest.mark.slow
APP = ("--app", "d1shop")
AS_AN_ARGUMENT = (
    ("secret", "set", "KEY", "{}", *APP),
    ("secret", "set", "KEY", "--value={}", *APP),
    ("secret", "set", "KEY", "--value", "{}", *APP),
    ("secret", "set", "KEY={}", *APP),
    ("secret", "set", "KEY", *APP, "--if-version", "{}"),
    ("secret", "set", "KEY", *APP, "--format", "it's {}"),
    ("secret", "remove", "KEY", *APP, "--yes={}"),
    ("secret", "{}", "KEY", *APP),
    ("variable", "set", "KEY", "{}", *APP),
    ("sandbox", "{}"),
    ("sandbox", "secret", "set", "foo", "{}"),
    ("sandbox", "secret", "set", "foo={}"),
    ("sandbox", "secret", "set", "foo", "--identifier", "{}"),
    ("secret", "list", "--app", "{}"),
    ("secret", "list", *APP, "--branch", "{}"),
    ("secret", "list", *APP, "--as", "{}"),
    ("pull", *APP, "--output", "no/{}/folder"),
    ("run", *APP, "--", "TOKEN={}", "npm"),
)


@pytest.fixture
def loud(machine: Machine) -> Machine:
    """Return a machine whose log holds all there is, in a project's folder."""
    machine.environment["LOG_LEVEL"] = "DEBUG"
    (machine.folder / "package.json").write_text('{"name": "my-cool-app"}')
    return machine


def leaks(canary: Canary, machine: Machine, *outputs: str) -> list[str]:
    """Return every find in outputs, and in the files of a machine."""
    texts = [output.encode() for output in outputs]
    texts += [file.read_bytes() for file in machine.folder.iterdir()]
    return [find for text in texts for find in canary.found_in(text)]


def ways_in(canary: Canary) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Yield commands with a value on their standard input, and how they end."""
    for number, shape in enumerate(canary.shapes("a command").values()):
        yield ("secret", "set", f"KEY{number}", *APP), shape, 0
        yield ("sandbox", "secret", "set", f"key{number}"), shape, 0
    long, braces = canary.marker * 200, f"{{{{{canary.marker}}}}}"
    for value in (long, braces):
        yield ("secret", "set", "KEY", *APP), value, 1
        yield ("sandbox", "secret", "set", "foo"), value, 1
    yield ("secret", "set", "KEY0", *APP, "--if-version", "9"), canary.marker, 3
    yield ("secret", "set", "KEY", *APP, "--as", "vera@example.org"), canary.marker, 4
    yield ("secret", "remove", "KEY0", *APP), canary.marker, 2


def test_it_works(loud: Machine) -> None:
    canary = Canary()
    outputs = []
    for words, value, code in ways_in(canary):
        for more in ((), ("--traceback",)):
            ended = loud(words[0], *more, *words[1:], stdin=value)
            assert ended.code == code, (words, ended)
            outputs += [ended.out, ended.err]
    listed = loud("secret", "list", *APP, "--format", "json")
    outputs += [listed.out, listed.err]
    assert leaks(canary, loud, *outputs) == []
    got = loud("secret", "get", "KEY0", *APP)
    assert [*canary.found_in(got.out.encode())] != []  # it was there to be found
    assert leaks(canary, loud, got.err) == []


@pytest.mark.parametrize("words", AS_AN_ARGUMENT, ids=" ".join)
def test_what_was_typed_is_not_repeated(loud: Machine, words: tuple[str, ...]) -> None:
    canary = Canary()
    ended = loud(*(word.format(canary.marker) for word in words))
    assert ended.code != 0
    assert "Traceback" not in ended.err
    assert leaks(canary, loud, ended.out, ended.err) == []


@pytest.mark.parametrize(
    "fault", [Fault.error("ValidationException"), Fault.SERVER_ERROR, Fault.RESET, Fault.TRUNCATED]
)
def test_a_store_that_quotes_the_value(loud: Machine, faulty: Faulty, fault: Fault) -> None:
    canary = Canary()
    loud.environment |= {"PARAMETER_STORE": "ssm", "AWS_ENDPOINT_URL_SSM": faulty.url}
    faulty.always(fault, on="PutParameter")
    for words in (("secret", "set", "KEY", *APP), ("sandbox", "secret", "set", "foo")):
        ended = loud(words[0], "--traceback", *words[1:], stdin=canary.marker)
        assert ended.code in {1, 5}
        assert leaks(canary, loud, ended.out, ended.err) == []


def test_a_running_command(loud: Machine) -> None:
    """Its values are in its environment, and on nobody's command line."""
    canary = Canary()
    loud("secret", "set", "KEY", *APP, stdin=canary.marker)
    show = "import os, sys; print(os.environ['KEY'], flush=True); sys.stdin.read()"
    words = ("run", *APP, "--secrets", "--", sys.executable, "-c", show, canary.marker[::-1])
    with loud.start(*words) as process:
        assert process.stdout.readline().decode().strip() == canary.marker
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        typed = cmdline.read_text() if cmdline.exists() else ""
        process.terminate()
        told = process.stderr.read().decode()
    assert canary.marker not in typed
    assert leaks(canary, loud, told) == []  # nor is an argument in the audit trail


class Broken(ConsoleCommand):
    """A command with a mistake in it."""

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        """Fail as nobody foresaw, with the value at hand."""
        value = sys.stdin.read()
        raise RuntimeError(f"This value can't be: {value}") from KeyError(value)


@pytest.mark.parametrize("more", [(), ("--traceback",)])
def test_a_mistake_of_ours(monkeypatch, capsys, more: tuple[str, ...]) -> None:
    canary = Canary()
    monkeypatch.setattr(sys, "stdin", io.StringIO(canary.marker))
    with pytest.raises(SystemExit) as ended:
        Broken().run_from_argv(["manage.py", "broken", *more])
    assert ended.value.code == 5
    told = capsys.readouterr()
    assert "Unexpected error (RuntimeError)" in told.err
    assert ("in handle" in told.err) == bool(more)
    assert [*canary.found_in((told.out + told.err).encode())] == []
    assert told.out == ""
