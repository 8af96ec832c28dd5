"""`ampx secret` and `ampx config` share values with `manage.py hosting`.

ampx knows no stages, and lists their values as `prod/KEY`.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.amplify.packages import Ampx
from tests.fixtures.commands import CommandResult
from tests.fixtures.moto import Moto
from tests.fixtures.people import World

Run = Callable[..., CommandResult]


@pytest.fixture
def theirs(ampx: Ampx, tmp_path: Path, console_on_ssm: Moto) -> Run:
    """Return a function that runs `ampx` in the project's folder."""
    (tmp_path / "package.json").write_text('{"name": "@acme/web-shop"}')
    return lambda *words, stdin="": ampx(tmp_path, *words, stdin=stdin)


@pytest.fixture
def ours(ampx: Ampx, world: World, manage: Run, console_on_ssm: Moto) -> Run:
    """Return a function that runs `manage.py hosting` for an app with the project."""
    world.app.hosting_project = "web-shop"
    world.app.save()
    who = ("--app", world.app.app_id, "--as", world.person("alice").email)
    return lambda *words, stdin="": manage("hosting", *words, *who, stdin=stdin)


@pytest.mark.parametrize("kind", ["secret", "config"])
def test_it_works(kind: str, theirs: Run, ours: Run) -> None:
    assert theirs(kind, "list").out == "(none)\n"
    ours(kind, "set", "KEY", stdin="日本, by us\n")
    ours(kind, "set", "KEY", "--stage", "prod", stdin="of prod")
    assert theirs(kind, "get", "KEY") == CommandResult(0, "日本, by us\n\n", "")
    assert theirs(kind, "list").out == "KEY\nprod/KEY\n"
    value = {"secret": (), "config": ("by them",)}[kind]
    for key in ("KEY", "NEW"):
        assert theirs(kind, "set", key, *value, stdin="by them\n").code == 0
        assert ours(kind, "get", key).out == "by them"
    assert ours(kind, "list").out.split() == [
        *("KEY", "STAGE", "STATE"),
        *("KEY", "shared"),
        *("NEW", "shared"),
        *("KEY", "stage", "prod"),
    ]


def test_removed_configuration(theirs: Run, ours: Run) -> None:
    for key in ("A", "B"):
        ours("config", "set", key, stdin="a value")
    assert ours("config", "remove", "A", "--yes").code == 0
    assert theirs("config", "remove", "B", "--force").code == 0
    for key in ("A", "B"):
        assert (theirs("config", "get", key).code, ours("config", "get", key).code) == (1, 4)
    assert theirs("config", "list").out == "(none)\n"


def test_removed_secrets(theirs: Run, ours: Run) -> None:
    for key in ("A", "B"):
        ours("secret", "set", key, stdin="a value")
    assert ours("secret", "remove", "A", "--yes").code == 0
    assert theirs("secret", "remove", "B", "--force").code == 0
    assert ours("secret", "list").out.count("scheduled for deletion") == 2
    assert theirs("secret", "get", "A").code == 1
    assert ours("secret", "set", "A", stdin="by us").code == 0
    assert ours("secret", "restore", "B").code == 0
    assert theirs("secret", "get", "A").out == "by us\n"
    assert theirs("secret", "get", "B").out == "a value\n"
