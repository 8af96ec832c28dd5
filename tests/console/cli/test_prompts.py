"""On a terminal: values are asked for and not shown, removals are asked about."""

import pytest

from tests.console.cli.conftest import Machine
from tests.console.cli.terminal import at

pytestmark = pytest.mark.slow
APP = ("--app", "d1shop")
VALUE = "s3cret-пять "


def test_it_works(machine: Machine) -> None:
    with at(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type(VALUE)
        assert terminal.end() == 0
    assert "Successfully created version 1 of secret KEY" in terminal.seen
    assert "s3cret" not in terminal.seen
    assert machine("secret", "get", "KEY", *APP).out == VALUE


def test_ampxs_own_prompt(machine: Machine) -> None:
    (machine.folder / "package.json").write_text('{"name": "my-cool-app"}')
    with at(machine, "sandbox", "secret", "set", "foo") as terminal:
        terminal.wait_for("? Enter secret value: ")
        terminal.type(VALUE)
        assert terminal.end() == 0
    assert "s3cret" not in terminal.seen
    assert f"\nvalue: {VALUE}\n" in machine("sandbox", "secret", "get", "foo").out


def test_a_value_on_a_terminal(machine: Machine) -> None:
    """It gets a line of its own, and can't command the terminal."""
    machine("secret", "set", "KEY", *APP, stdin="a\x1b[31mb")
    with at(machine, "secret", "get", "KEY", *APP) as terminal:
        assert terminal.end() == 0
    assert "\x1b[31mb" not in terminal.seen
    assert "a\\x1b[31mb\r\n" in terminal.seen
    assert "Control characters are shown as escapes." in terminal.seen
    machine("secret", "set", "KEY", *APP, stdin="plain\n\ttext")
    with at(machine, "secret", "get", "KEY", *APP) as terminal:
        assert terminal.end() == 0
    assert terminal.seen.endswith("plain\r\n\ttext\r\n")


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("YES", 0), ("n", 1), ("", 1)])
def test_a_removal_is_asked_about(machine: Machine, answer: str, code: int) -> None:
    machine("secret", "set", "KEY", *APP, stdin="x")
    with at(machine, "secret", "remove", "KEY", *APP) as terminal:
        terminal.wait_for("Remove KEY of All branches? [y/N] ")
        terminal.type(answer)
        assert terminal.end() == code
    assert ("Nothing was changed." in terminal.seen) == bool(code)
    assert machine("secret", "get", "KEY", *APP).out == ("x" if code else "")


def test_nothing_typed(machine: Machine) -> None:
    with at(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("\x04")  # Ctrl-D
        assert terminal.end() == 1
    assert "No value was entered." in terminal.seen


def test_a_line_that_a_terminal_cuts_is_not_stored(machine: Machine) -> None:
    with at(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("x" * 4096)
        assert terminal.end() == 1
    assert "may have been cut" in " ".join(terminal.seen.split())
    assert machine("secret", "get", "KEY", *APP).code == 4


def test_ctrl_c(machine: Machine) -> None:
    with at(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.seen


def test_somebody_elses_value_commands_no_terminal(machine: Machine) -> None:
    machine("variable", "set", "COLOUR", *APP, stdin="\x1b[31mred")
    words = ("variable", "remove", "COLOUR", *APP, "--yes", "--if-version", "7")
    with at(machine, *words) as terminal:
        assert terminal.end() == 3
    assert "\x1b[31mred" not in terminal.seen
    assert "\\x1b[31mred" in terminal.seen
