"""Commands of a `Machine` start from a process that has loaded their settings before."""

from pathlib import Path

import pytest

from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine

SHOW = "import os; from django.conf import settings; print(settings.METRICS_TOKEN, os.getcwd())"


def test_it_works(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for _ in range(3):
        assert machine("shell", "-v0", "-c", SHOW).out == f" {tmp_path}\n"


def test_other_settings(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for token in ("a" * 32, "b" * 32) * 2:
        shown = machine("shell", "-v0", "-c", SHOW, METRICS_TOKEN=token)
        assert shown.out == f"{token} {tmp_path}\n"


@pytest.mark.exhaustive
def test_more_settings_than_are_kept(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    for number in [*range(6)] * 3:
        command = f"import os; os._exit({number})"
        assert machine("shell", "-v0", "-c", command, OTHER=str(number)).code == number


def test_invalid_settings(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    first, *others = (machine("migrate", "-v0", SECRET_KEY="short") for _ in range(3))
    assert first.code == 1
    assert "SECRET_KEY" in first.err
    assert others == [first, first]


def test_nothing_is_kept_between_commands(tmp_path: Path) -> None:
    machine = Machine(tmp_path)
    change = "import os; from django.conf import settings; settings.METRICS_TOKEN = os.chdir('/')"
    for _ in range(3):
        assert machine("shell", "-v0", "-c", change) == CommandResult(0, "", "")
        assert machine("shell", "-v0", "-c", SHOW).out == f" {tmp_path}\n"
