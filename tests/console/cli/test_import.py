"""`manage.py import`: a file as secrets and variables, what is left out, and how it ends."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from console.models import AuditEvent
from tests.factories import (
    audit_rows,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
TEXT = "API_KEY=hunter2\nAPI_URL=https://plain.example.org\n"


def test_it_works(machine: Machine) -> None:
    (machine.folder / ".env").write_text(TEXT)
    done = machine("import", ".env", *APP, "--branch", "dev", "--yes")
    assert (done.code, done.err) == (0, "")
    assert [line.split() for line in done.out.splitlines()] == [
        ["KEY", "KIND", "BRANCH", "CHANGE", "OUTCOME"],
        ["API_KEY", "secret", "dev", "new", "saved"],
        ["API_URL", "variable", "dev", "new", "saved"],
    ]
    assert machine("secret", "get", "API_KEY", *APP, "--branch", "dev").out == "hunter2"
    again = machine("import", *APP, "--branch", "dev", "--yes", "--format", "json", stdin=TEXT)
    assert [(row["change"], row["outcome"]) for row in json.loads(again.out)] == [
        ("exists", "saved"),
        ("same", None),
    ]


def test_several_branches_and_chosen_kinds(world: World, manage_as: Manage) -> None:
    kinds = ("--secret", "API_URL", "--variable", "API_KEY")
    branches = ("--branch", "main", "--branch", "dev")
    done = manage_as("import", *APP, *branches, *kinds, "--yes", stdin=TEXT)
    assert done.code == 0
    assert "API_KEY (main): The name looks like the name of a secret." in done.err
    assert "API_URL: production gets the same value as another scope." in done.err
    assert variable_values(world) == {("main", "API_KEY"): "hunter2", ("dev", "API_KEY"): "hunter2"}
    assert stored_values(world, "API_URL", world.dev)[0] == "https://plain.example.org"


def test_what_is_left_out(world: World, manage_as: Manage) -> None:
    set_variable(world, "OLD_KEY", "x")
    text = "OLD_KEY=x\nNEW_KEY=changeme\nAWS_X=y\nNAME=ok\n"
    done = manage_as("import", *APP, "--yes", stdin=text)
    assert done.code == 1
    assert done.err.splitlines() == [
        "OLD_KEY (All branches) is left out: there is a variable of this name. Choose with "
        "--secret or --variable.",
        "NEW_KEY (All branches) is left out. It looks like a placeholder.",
        "AWS_X (All branches) is left out. Names can't start with AWS, which Amplify reserves. Add "
        "a prefix, such as MY_AWS…",
        "Values left out: 3.",
    ]
    assert variable_values(world) == {("", "OLD_KEY"): "x", ("", "NAME"): "ok"}


def test_a_dry_run(world: World, manage_as: Manage) -> None:
    set_secret(world, "API_KEY")
    done = manage_as("import", *APP, "--dry-run", stdin=TEXT)
    assert done.code == 0
    assert "hunter2" not in done.out + done.err
    assert [line.split()[-2] for line in done.out.splitlines()[1:]] == ["exists", "new"]
    assert len(audit_rows(world)) == 1


def test_removing_what_the_text_lacks(world: World, manage_as: Manage) -> None:
    for branch in (None, world.dev):
        set_secret(world, "OLD_KEY", "CANARY", branch)
    set_variable(world, "OLD_URL", "x", world.dev)
    words = ("import", *APP, "--branch", "dev", "--remove-absent")
    tried = manage_as(*words, "--dry-run", stdin=TEXT)
    assert (tried.code, tried.err) == (0, "")
    assert [line.split() for line in tried.out.splitlines()[3:]] == [
        ["OLD_KEY", "secret", "dev", "remove", "-"],
        ["OLD_URL", "variable", "dev", "remove", "-"],
    ]
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"
    assert "Add --yes" in manage_as(*words, stdin=TEXT).err
    done = manage_as(*words, "--yes", "--format", "json", stdin=TEXT)
    assert (done.code, done.err) == (0, "")
    assert [(it["key"], it["change"], it["outcome"]) for it in json.loads(done.out)] == [
        ("API_KEY", "new", "saved"),
        ("API_URL", "new", "saved"),
        ("OLD_KEY", "remove", "removed"),
        ("OLD_URL", "remove", "removed"),
    ]
    assert stored_values(world, "OLD_KEY")[0] == "CANARY"
    assert stored_values(world, "OLD_KEY", world.dev)[0] is None
    assert {key for _, key in variable_values(world)} == {"API_URL"}
    acts = AuditEvent.objects.filter(branch="dev").order_by("-pk")[:4]
    assert len({it.change_set for it in acts}) == 1


def test_an_empty_text_removes_nothing(world: World, manage_as: Manage) -> None:
    set_secret(world, "OLD_KEY", "CANARY")
    done = manage_as("import", *APP, "--remove-absent", "--yes", stdin="# nothing\n")
    assert done.code == 1
    assert "The text has no keys" in done.err
    assert stored_values(world, "OLD_KEY")[0] == "CANARY"


def test_what_may_not_be_removed_stays(world: World, manage_as: Manage) -> None:
    set_role(world, "bob", "developer", "dev")
    for branch in (world.main, world.dev):
        set_secret(world, "OLD_KEY", "CANARY", branch)
    branches = ("--branch", "main", "--branch", "dev")
    words = ("import", *APP, *branches, "--remove-absent", "--yes")
    done = manage_as(*words, stdin="KEY=x\n", by="bob")
    assert done.code == 1
    assert "OLD_KEY (main) stays. Your role in this app" in done.err
    assert "Values left out: 2." in done.err
    assert stored_values(world, "OLD_KEY", world.main)[0] == "CANARY"
    assert stored_values(world, "OLD_KEY", world.dev)[0] is None


@pytest.mark.parametrize(
    ("stdin", "words", "code", "message"),
    [
        (TEXT, (), 2, "Add --yes"),
        ("A: [x]", ("--yes",), 1, "Line 1: The value is a list"),
        (b"A=\xff", ("--yes",), 1, "not UTF-8"),
        (TEXT, ("--yes", "--branch", "gone"), 4, "no branch with this name"),
        (b"A=" + b"x" * 1_000_001, ("--yes",), 1, "larger than 1,000,000 bytes"),
    ],
)
def test_refused(
    world: World,
    manage_as: Manage,
    stdin: str | bytes,
    words: tuple[str, ...],
    code: int,
    message: str,
) -> None:
    done = manage_as("import", *APP, *words, stdin=stdin)
    assert done.code == code
    assert message in done.err
    assert not audit_rows(world)


def test_a_missing_file(machine: Machine) -> None:
    done = machine("import", "gone.env", *APP, "--yes")
    assert (done.code, done.out) == (1, "")
    assert "No such file" in done.err


def test_permissions(world: World, manage_as: Manage, tmp_path: Path) -> None:
    (tmp_path / "f").write_text(TEXT)
    done = manage_as("import", str(tmp_path / "f"), *APP, "--yes", by="vera")
    assert done.code == 4
    assert "does not allow changes" in done.err
    assert manage_as("import", *APP, "--yes", stdin=TEXT, by="charlie").code == 4
    assert variable_values(world) == {}


def test_a_file_of_amplify_gen_1(world: World, manage_as: Manage) -> None:
    values = {"dev": {"apiUrl": "d"}, "prod": {"apiUrl": "p"}}
    text = json.dumps(
        {
            name: {"awscloudformation": {}, "categories": {"function": {"hello": found}}}
            for name, found in values.items()
        }
    )
    words = ("import", *APP, "--branch", "main", "--yes")
    for wanted in ((), ("--environment", "none")):
        refused = manage_as(*words, *wanted, stdin=text)
        says = "Choose an environment of this file with --environment: dev, prod.\n"
        assert (refused.code, refused.err) == (1, says)
    assert manage_as(*words, "--environment", "prod", stdin=text).code == 0
    assert variable_values(world) == {("main", "API_URL"): "p"}
    assert manage_as(*words, "--environment", "prod", stdin=TEXT).code == 1
