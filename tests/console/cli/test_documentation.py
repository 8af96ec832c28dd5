"""docs/commands.md describes every exit code and every argument."""

from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator

import pytest
from django.core.management import load_command_class

from console.cli.terminal import Exit
from console.lib.paths import BASE_DIR

TEXT = (BASE_DIR / "docs" / "commands.md").read_text()
COMMANDS = (
    ("secrets_app", "secret"),
    ("secrets_app", "sandbox"),
    ("secrets_app", "hosting"),
    ("envvars_app", "variable"),
    ("console", "run"),
    ("console", "import"),
    ("console", "check_environment"),
    ("console", "preview"),
    ("console", "check_values"),
    ("console", "import_types"),
    ("envvars_app", "pull"),
)
DJANGO_OPTIONS = {
    *("-h", "--help", "--version", "-v", "--verbosity", "--settings", "--pythonpath"),
    *("--traceback", "--no-color", "--force-color"),
}


def options(parser: ArgumentParser) -> Iterator[str]:
    """Yield every option of a parser and of its verbs."""
    for action in parser._actions:
        yield from action.option_strings
        if isinstance(action, _SubParsersAction):
            for verb in action.choices.values():
                yield from options(verb)


def test_it_works() -> None:
    codes = {int(code) for code in Exit}
    assert codes == {0, 1, 2, 3, 4, 5, 130}
    assert [code for code in codes if f"\n| {code} | " not in TEXT] == []


@pytest.mark.parametrize(("app", "name"), COMMANDS)
def test_every_argument(app: str, name: str) -> None:
    command = load_command_class(app, name)
    ours = set(options(command.create_parser("manage.py", name))) - DJANGO_OPTIONS
    assert "--as" in ours
    assert [option for option in ours if f"`{option}" not in TEXT] == []
