"""A value appears only where it belongs, and in no other output, log or file."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from console.cli.base import ConsoleCommand
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.machine import Machine
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
    ("hosting", "secret", "set", "KEY", "{}", *APP),
    ("hosting", "config", "set", "KEY", *APP, "--stage={}"),
    ("secret", "list", "--app", "{}"),
    ("secret", "list", *APP, "--branch", "{}"),
    ("secret", "list", *APP, "--as", "{}"),
    ("pull", *APP, "--output", "no/{}/folder"),
    ("run", *APP, "--", "TOKEN={}", "npm"),
)


@pytest.fixture
def verbose_machine(machine: Machine) -> Machine:
    """Return a machine with log level DEBUG, in a project's folder."""
    machine.environment["LOG_LEVEL"] = "DEBUG"
    (machine.folder / "package.json").write_text('{"name": "my-cool-app"}')
    return machine


def leaks(canary: Canary, machine: Machine, *outputs: str) -> list[str]:
    """Return every occurrence of the value in outputs and in the machine's files."""
    texts = [output.encode() for output in outputs]
    texts += [file.read_bytes() for file in machine.folder.iterdir()]
    return [find for text in texts for find in canary.found_in(text)]


def ways_in(canary: Canary) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Yield commands that read a value from standard input, with their results."""
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


def test_it_works(verbose_machine: Machine) -> None:
    canary = Canary()
    outputs = []
    for words, value, code in ways_in(canary):
        for more in ((), ("--traceback",)):
            result = verbose_machine(words[0], *more, *words[1:], stdin=value)
            assert result.code == code, (words, result)
            outputs += [result.out, result.err]
    (verbose_machine.folder / "branchkeep.toml").write_text("[secrets.KEY0]\ntype = 'url'")
    for words in (
        ("import_types", *APP, "--yes"),
        ("check_values", *APP),
        ("secret", "list", *APP, "--format", "json"),
    ):
        result = verbose_machine(*words)
        outputs += [result.out, result.err]
    refused = verbose_machine("secret", "set", "KEY0", *APP, stdin=canary.marker)
    assert refused.code == 1
    outputs += [refused.out, refused.err]
    assert leaks(canary, verbose_machine, *outputs) == []
    got = verbose_machine("secret", "get", "KEY0", *APP)
    assert [*canary.found_in(got.out.encode())] != []  # the search does find it
    assert leaks(canary, verbose_machine, got.err) == []


@pytest.mark.parametrize("words", AS_AN_ARGUMENT, ids=" ".join)
def test_rejected_arguments_are_not_repeated(
    verbose_machine: Machine, words: tuple[str, ...]
) -> None:
    canary = Canary()
    result = verbose_machine(*(word.format(canary.marker) for word in words))
    assert result.code != 0
    assert "Traceback" not in result.err
    assert leaks(canary, verbose_machine, result.out, result.err) == []


@pytest.mark.parametrize("fault", [Fault.error("ValidationException"), Fault.TRUNCATED])
def test_store_error_that_quotes_the_value(
    verbose_machine: Machine, faulty: Faulty, fault: Fault
) -> None:
    canary = Canary()
    verbose_machine.environment |= {"PARAMETER_STORE": "ssm", "AWS_ENDPOINT_URL_SSM": faulty.url}
    faulty.always(fault, on="PutParameter")
    for words in (("secret", "set", "KEY", *APP), ("sandbox", "secret", "set", "foo")):
        result = verbose_machine(words[0], "--traceback", *words[1:], stdin=canary.marker)
        assert result.code in {1, 5}
        assert leaks(canary, verbose_machine, result.out, result.err) == []


def test_running_command(verbose_machine: Machine) -> None:
    """Its values are in its environment, and on no command line."""
    canary = Canary()
    verbose_machine("secret", "set", "KEY", *APP, stdin=canary.marker)
    show = "import os, sys; print(os.environ['KEY'], flush=True); sys.stdin.read()"
    words = ("run", *APP, "--secrets", "--", sys.executable, "-c", show, canary.marker[::-1])
    with verbose_machine.start(*words) as process:
        assert process.stdout.readline().decode().strip() == canary.marker
        cmdline = Path(f"/proc/{process.pid}/cmdline")
        typed = cmdline.read_text() if cmdline.exists() else ""
        process.terminate()
        output = process.stderr.read().decode()
    assert canary.marker not in typed
    assert leaks(canary, verbose_machine, output) == []  # the audit log has no arguments either


class BrokenCommand(ConsoleCommand):
    """A command with a bug."""

    def handle(self, *args: Any, **options: Any) -> NoReturn:
        """Raise an unexpected exception with the value in scope."""
        value = sys.stdin.read()
        raise RuntimeError(f"This value can't be: {value}") from KeyError(value)


@pytest.mark.django_db
@pytest.mark.parametrize("more", [(), ("--traceback",)])
def test_unexpected_exception(monkeypatch, capsys, more: tuple[str, ...]) -> None:
    canary = Canary()
    monkeypatch.setattr(sys, "stdin", io.StringIO(canary.marker))
    with pytest.raises(SystemExit) as result:
        BrokenCommand().run_from_argv(["manage.py", "broken", *more])
    assert result.value.code == 5
    output = capsys.readouterr()
    assert "Unexpected error (RuntimeError)" in output.err
    assert ("in handle" in output.err) == bool(more)
    assert [*canary.found_in((output.out + output.err).encode())] == []
    assert output.out == ""
