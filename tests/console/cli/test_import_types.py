"""`manage.py import_types`: types of keys from a project's branchkeep.toml."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.exceptions import ValidationError

from console.catalog import key_types
from console.lib.scanning import manifest
from console.models import KeyNote
from console.workflows.value_types import importing
from tests.factories import access_of, audit_entries, set_role
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
TOML = """
[variables.PORT]
type = "integer"
min = 1
max = 65535

[secrets.STRIPE_KEY]
pattern = "sk_.*"

[secrets.FREE]
type = "any"

[secrets.UNTYPED]
required = true
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "branchkeep.toml").write_text(TOML)
    return tmp_path


def set_type(world: World, key: str, kind: str, base: int = 0) -> None:
    key_types.set_type(
        actor=world.actor("alice"), app_id="d1shop", key=key, kind=kind, rule="", base=base
    )


def stored() -> dict[str, tuple[str, str]]:
    return {row.key: (row.kind, row.rule) for row in KeyNote.objects.filter(current=True)}


def test_it_works(world: World, manage_as: Manage, project: Path) -> None:
    for key in ("FREE", "PORT", "UNTYPED"):
        set_type(world, key, "url")
    done = manage_as("import_types", str(project), *APP, "--yes")
    assert done.code == 0
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "KEY NOW NEW OUTCOME",
        "FREE a URL, such as https://example.org/path any value saved",
        "PORT a URL, such as https://example.org/path a whole number from 1 to 65535 saved",
        "STRIPE_KEY any value values that match the pattern “sk_.*” saved",
    ]
    assert stored() == {
        "FREE": ("", ""),
        "PORT": ("integer", "1..65535"),
        "STRIPE_KEY": ("pattern", "sk_.*"),
        "UNTYPED": ("url", ""),
    }
    assert ("alice", "note.type", "STRIPE_KEY", "succeeded") in audit_entries("note.type")
    file = str(project / "branchkeep.toml")
    again = manage_as("import_types", file, *APP, "--format", "json")  # it has nothing to ask
    assert [(row["key"], row["outcome"]) for row in json.loads(again.out)] == [
        ("FREE", "same"),
        ("PORT", "same"),
        ("STRIPE_KEY", "same"),
    ]


def test_nothing_changes_before_somebody_agrees(
    world: World, manage_as: Manage, project: Path
) -> None:
    dry = manage_as("import_types", str(project), *APP, "--dry-run")
    assert (dry.code, dry.err) == (0, "")
    assert "PORT any value a whole number from 1 to 65535 -" in " ".join(dry.out.split())
    asked = manage_as("import_types", str(project), *APP, stdin="")
    assert asked.code == 2
    assert "whole number from 1 to 65535" in asked.err
    assert stored() == {}


def test_who_may(world: World, manage_as: Manage, project: Path) -> None:
    """The same people as on the page: a pattern is a question about every stored value."""
    set_role(world, "gina", "maintainer", "*")
    for name in ("vera", "bob", "gina", "charlie"):
        assert manage_as("import_types", str(project), *APP, "--yes", by=name).code == 4
    assert stored() == {}


def test_what_is_left_out(world: World, manage_as: Manage, project: Path) -> None:
    text = """
[secrets]
PORT = {type = "url"}
"tab\\tkey" = {type = "url"}
GOOD = {type = "json"}
[variables]
PORT = {type = "integer"}
GOOD = {type = "json"}
"""
    (project / "branchkeep.toml").write_text(text)
    done = manage_as("import_types", str(project), *APP, "--yes")
    assert done.code == 1
    assert "PORT is left out. The secret and the variable have different types" in done.err
    assert "can't be the name" in done.err
    assert stored() == {"GOOD": ("json", "")}


def test_changed_in_the_meantime(world: World) -> None:
    access = access_of(world, "alice")
    [_, port, _] = importing.plan(access, manifest.parse("branchkeep.toml", TOML.encode()))
    set_type(world, "PORT", "json")
    with pytest.raises(ValidationError, match=r"alice@example\.org changed the note or type"):
        importing.apply(access, port)
    assert stored() == {"PORT": ("json", "")}


@pytest.mark.parametrize(
    ("path", "code", "message"),
    [("nowhere", 2, "There is no branchkeep.toml here"), (".", 1, "branchkeep.toml:2: RE2 can't")],
)
def test_no_such_file(
    world: World, manage_as: Manage, project: Path, path: str, code: int, message: str
) -> None:
    (project / "branchkeep.toml").write_text("\n[secrets.A]\npattern = '(?=a)'")
    done = manage_as("import_types", str(project / path), *APP)
    assert (done.code, message in done.err) == (code, True)
