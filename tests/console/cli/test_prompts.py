"""On a terminal, values are typed without echo and removals need a confirmation."""

import pytest

from tests.console.cli.terminal import open_terminal
from tests.fixtures.machine import Machine

pytestmark = pytest.mark.slow
APP = ("--app", "d1shop")
VALUE = "s3cret-пять "


def test_it_works(machine: Machine) -> None:
    with open_terminal(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type(VALUE)
        assert terminal.end() == 0
    assert "Successfully created version 1 of secret KEY" in terminal.output
    assert "s3cret" not in terminal.output
    assert machine("secret", "get", "KEY", *APP).out == VALUE


def test_prompt_of_ampx(machine: Machine) -> None:
    (machine.folder / "package.json").write_text('{"name": "my-cool-app"}')
    with open_terminal(machine, "sandbox", "secret", "set", "foo") as terminal:
        terminal.wait_for("? Enter secret value: ")
        terminal.type(VALUE)
        assert terminal.end() == 0
    assert "s3cret" not in terminal.output
    assert f"\nvalue: {VALUE}\n" in machine("sandbox", "secret", "get", "foo").out


def test_value_on_a_terminal(machine: Machine) -> None:
    """It is printed on its own line, with control characters escaped."""
    machine("secret", "set", "KEY", *APP, stdin="a\x1b[31mb")
    with open_terminal(machine, "secret", "get", "KEY", *APP) as terminal:
        assert terminal.end() == 0
    assert "\x1b[31mb" not in terminal.output
    assert "a\\x1b[31mb\r\n" in terminal.output
    assert "Control characters are shown as escapes." in terminal.output
    machine("secret", "set", "KEY", *APP, stdin="plain\n\ttext")
    with open_terminal(machine, "secret", "get", "KEY", *APP) as terminal:
        assert terminal.end() == 0
    assert terminal.output.endswith("plain\r\n\ttext\r\n")


@pytest.mark.parametrize(("response", "code"), [("YES", 0), ("", 1)])
def test_removal_needs_confirmation(machine: Machine, response: str, code: int) -> None:
    machine("secret", "set", "KEY", *APP, stdin="x")
    with open_terminal(machine, "secret", "remove", "KEY", *APP) as terminal:
        terminal.wait_for("Remove KEY of All branches? [y/N] ")
        terminal.type(response)
        assert terminal.end() == code
    assert ("Nothing was changed." in terminal.output) == bool(code)
    assert machine("secret", "get", "KEY", *APP).out == ("x" if code else "")


def test_nothing_typed(machine: Machine) -> None:
    with open_terminal(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("\x04")  # Ctrl-D
        assert terminal.end() == 1
    assert "No value was entered." in terminal.output


def test_truncated_line_is_not_stored(machine: Machine) -> None:
    with open_terminal(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("x" * 4096)
        assert terminal.end() == 1
    assert "may have been cut" in " ".join(terminal.output.split())
    assert machine("secret", "get", "KEY", *APP).code == 4


def test_ctrl_c(machine: Machine) -> None:
    with open_terminal(machine, "secret", "set", "KEY", *APP) as terminal:
        terminal.wait_for("Value of KEY: ")
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.output


def test_control_characters_of_a_value_are_escaped(machine: Machine) -> None:
    machine("variable", "set", "COLOR", *APP, stdin="\x1b[31mred")
    words = ("variable", "remove", "COLOR", *APP, "--yes", "--if-version", "7")
    with open_terminal(machine, *words) as terminal:
        assert terminal.end() == 3
    assert "\x1b[31mred" not in terminal.output
    assert "\\x1b[31mred" in terminal.output
