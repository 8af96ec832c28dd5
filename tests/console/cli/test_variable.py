"""`manage.py variable`: set, get, list and remove, with permissions, audit events and conflicts."""

import json
from collections.abc import Callable

import pytest

from console.models import AuditEvent, AuditOutcome
from envvars_app.models import Variable
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")
LINE_BREAK = "The value ends with a line break.\n"


def test_it_works(machine: Machine) -> None:
    done = "Successfully saved version {} of variable COLOR\n"
    assert machine("variable", "set", "COLOR", *APP, stdin="one") == CommandResult(
        0, done.format(1), ""
    )
    assert machine("variable", "set", "COLOR", *APP, stdin="two\n") == CommandResult(
        0, done.format(2), LINE_BREAK
    )
    assert machine("variable", "get", "COLOR", *APP) == CommandResult(0, "two\n", LINE_BREAK)
    [row] = json.loads(machine("variable", "list", *APP, "--format", "json").out)
    assert (row["key"], row["branch"], row["value"], row["version"]) == ("COLOR", None, "two\n", 2)
    assert row["changed_by"] == "alice@example.org"
    removed = "Successfully removed variable COLOR\n"
    assert machine("variable", "remove", "COLOR", *APP, "--yes") == CommandResult(0, removed, "")
    gone = machine("variable", "get", "COLOR", *APP)
    assert gone == CommandResult(4, "", "There is no variable COLOR for All branches.\n")


@pytest.mark.parametrize("value", ["a\r\nb\r\n", " ", "🔑\u202e\x1b[31m\n", "x" * 5500])
def test_value_is_stored_byte_for_byte(manage_as: Manage, value: str) -> None:
    assert manage_as("variable", "set", "KEY", *APP, stdin=value).code == 0
    assert manage_as("variable", "get", "KEY", *APP).out == value
    described = manage_as("variable", "get", "KEY", *APP, "--format", "json").out
    assert json.loads(described)["value"] == value
    line = manage_as("variable", "list", *APP).out.splitlines()[1]
    assert line.isprintable()


def test_effective_value(manage_as: Manage) -> None:
    for key, scope, value in (("A", APP, "a"), ("B", APP, "b"), ("A", DEV, "own a")):
        assert manage_as("variable", "set", key, *scope, stdin=value).code == 0
    assert manage_as("variable", "get", "A", *DEV).out == "own a"
    assert manage_as("variable", "get", "B", *DEV).out == "b"
    rows = json.loads(manage_as("variable", "list", *DEV, "--format", "json").out)
    assert {row["key"]: (row["value"], row["origin"]) for row in rows} == {
        "A": ("own a", "own"),
        "B": ("b", "inherited"),
    }
    assert manage_as("variable", "remove", "B", *DEV, "--yes").code == 4


def test_empty_value_needs_an_option(manage_as: Manage) -> None:
    result = manage_as("variable", "set", "KEY", *APP, stdin="")
    assert (result.code, result.out) == (1, "")
    assert "--empty" in result.err
    assert not Variable.objects.exists()
    assert manage_as("variable", "set", "KEY", *APP, "--empty", stdin="not read").code == 0
    assert manage_as("variable", "get", "KEY", *APP) == CommandResult(0, "", "")


def test_conflict(manage_as: Manage) -> None:
    manage_as("variable", "set", "KEY", *APP, stdin="one", by="mia")
    created = manage_as("variable", "set", "KEY", *APP, "--if-version", "0", stdin="two")
    assert (created.code, created.out) == (3, "")
    assert "mia@example.org added this variable" in created.err
    assert manage_as("variable", "remove", "KEY", *APP, "--if-version", "7", "--yes").code == 3
    assert manage_as("variable", "set", "KEY", *APP, "--if-version", "1", stdin="three").code == 0


def test_remove_a_base_with_overrides(manage_as: Manage) -> None:
    for scope in (APP, DEV):
        manage_as("variable", "set", "KEY", *scope, stdin="x")
    asked = manage_as("variable", "remove", "KEY", *APP, "--yes")
    assert asked.code == 1
    assert "This variable has overrides on: dev." in asked.err
    assert "--overrides keep" in asked.err
    assert manage_as("variable", "remove", "KEY", *APP, "--yes", "--overrides", "keep").code == 0
    assert manage_as("variable", "get", "KEY", *DEV).out == "x"
    manage_as("variable", "set", "KEY", *APP, stdin="y")
    assert manage_as("variable", "remove", "KEY", *APP, "--yes", "--overrides", "remove").code == 0
    assert not Variable.objects.filter(removed_at=None).exists()


def test_looks_like_a_secret(manage_as: Manage) -> None:
    result = manage_as("variable", "set", "STRIPE_KEY", *APP, stdin="sk_live_abcdefghijklm")
    assert (result.code, "sk_live" in result.err) == (0, False)
    assert "looks like a Stripe key" in result.err
    assert "secret set" in result.err
    assert manage_as("variable", "set", "COLOR", *APP, stdin="purple").err == ""


def test_roles_and_audit_log(manage_as: Manage) -> None:
    manage_as("variable", "set", "KEY", *APP, stdin="one")
    codes = {
        name: [
            manage_as("variable", "set", f"NEW_{name}", *APP, stdin="x", by=name).code,
            manage_as("variable", "set", f"NEW_{name}", *DEV, stdin="x", by=name).code,
            manage_as("variable", "get", "KEY", *DEV, by=name).code,
            manage_as("variable", "remove", "KEY", *APP, "--yes", by=name).code,
        ]
        for name in ("charlie", "vera", "bob", "mia")
    }
    assert codes == {
        "charlie": [4, 4, 4, 4],
        "vera": [4, 4, 0, 4],
        "bob": [4, 0, 0, 4],
        "mia": [0, 0, 0, 0],
    }
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == 5  # a query of an outsider is not an act
    assert set(AuditEvent.objects.values_list("actor_kind", flat=True)) == {"command"}


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("AWS_X", "x", "can't start with AWS"),
        ("A=B", "x", "equals sign"),
        ("\udcff", "x", "invisible character"),
        ("KEY", "x" * 5501, "5,500 characters"),
        ("KEY", "a\0b", "NUL"),
        ("_BUILD_TIMEOUT", "500", "5 to 120"),
    ],
)
def test_invalid_arguments(manage_as: Manage, key: str, value: str, says: str) -> None:
    result = manage_as("variable", "set", key, *APP, stdin=value)
    assert (result.code, result.out) == (1, "")
    assert says in result.err


def test_removal_needs_confirmation(manage_as: Manage, world: World) -> None:
    manage_as("variable", "set", "KEY", *APP, stdin="x")
    assert manage_as("variable", "remove", "KEY", *APP, stdin="y\n").code == 2
    assert world.app.variables.filter(removed_at=None).exists()


def test_empty_list(manage_as: Manage) -> None:
    assert manage_as("variable", "list", *APP).out.startswith("There are no variables here yet.")
    assert json.loads(manage_as("variable", "list", *DEV, "--format", "json").out) == []
