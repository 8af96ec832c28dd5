"""`manage.py variable`: set, get, list and remove, with rights, audit and conflicts."""

import json
from collections.abc import Callable

import pytest

from console.models import AuditEvent, AuditOutcome
from envvars_app.models import Variable
from tests.console.cli.conftest import Ended, Machine
from tests.fixtures.people import World

TypeIn = Callable[..., Ended]
APP = ("--app", "d1shop")
DEV = (*APP, "--branch", "dev")


def test_it_works(machine: Machine) -> None:
    done = "Successfully saved version {} of variable COLOUR\n"
    assert machine("variable", "set", "COLOUR", *APP, stdin="one\n") == Ended(0, done.format(1), "")
    assert machine("variable", "set", "COLOUR", *APP, stdin="two\n") == Ended(0, done.format(2), "")
    assert machine("variable", "get", "COLOUR", *APP) == Ended(0, "two\n", "")
    [row] = json.loads(machine("variable", "list", *APP, "--format", "json").out)
    assert (row["key"], row["branch"], row["value"], row["version"]) == ("COLOUR", None, "two\n", 2)
    assert row["changed_by"] == "alice@example.org"
    removed = "Successfully removed variable COLOUR\n"
    assert machine("variable", "remove", "COLOUR", *APP, "--yes") == Ended(0, removed, "")
    gone = machine("variable", "get", "COLOUR", *APP)
    assert gone == Ended(4, "", "There is no variable COLOUR for All branches.\n")


@pytest.mark.parametrize("value", ["a\r\nb\r\n", " ", "🔑\u202e\x1b[31m\n", "x" * 5500])
def test_every_byte_goes_through(type_in: TypeIn, value: str) -> None:
    assert type_in("variable", "set", "KEY", *APP, stdin=value).code == 0
    assert type_in("variable", "get", "KEY", *APP).out == value
    described = type_in("variable", "get", "KEY", *APP, "--format", "json").out
    assert json.loads(described)["value"] == value
    line = type_in("variable", "list", *APP).out.splitlines()[1]
    assert line.isprintable()


def test_a_branch_gets_its_own_or_the_one_for_all(type_in: TypeIn) -> None:
    for key, scope, value in (("A", APP, "a"), ("B", APP, "b"), ("A", DEV, "own a")):
        assert type_in("variable", "set", key, *scope, stdin=value).code == 0
    assert type_in("variable", "get", "A", *DEV).out == "own a"
    assert type_in("variable", "get", "B", *DEV).out == "b"
    rows = json.loads(type_in("variable", "list", *DEV, "--format", "json").out)
    assert {row["key"]: (row["value"], row["origin"]) for row in rows} == {
        "A": ("own a", "own"),
        "B": ("b", "inherited"),
    }
    assert type_in("variable", "remove", "B", *DEV, "--yes").code == 4


def test_an_empty_value_is_said_aloud(type_in: TypeIn) -> None:
    ended = type_in("variable", "set", "KEY", *APP, stdin="")
    assert (ended.code, ended.out) == (1, "")
    assert "--empty" in ended.err
    assert not Variable.objects.exists()
    assert type_in("variable", "set", "KEY", *APP, "--empty", stdin="not read").code == 0
    assert type_in("variable", "get", "KEY", *APP) == Ended(0, "", "")


def test_a_change_of_somebody_else_is_a_conflict(type_in: TypeIn) -> None:
    type_in("variable", "set", "KEY", *APP, stdin="one", who="mia")
    created = type_in("variable", "set", "KEY", *APP, "--if-version", "0", stdin="two")
    assert (created.code, created.out) == (3, "")
    assert "mia@example.org added this variable" in created.err
    assert type_in("variable", "remove", "KEY", *APP, "--if-version", "7", "--yes").code == 3
    assert type_in("variable", "set", "KEY", *APP, "--if-version", "1", stdin="three").code == 0


def test_the_overrides_of_a_base(type_in: TypeIn) -> None:
    for scope in (APP, DEV):
        type_in("variable", "set", "KEY", *scope, stdin="x")
    asked = type_in("variable", "remove", "KEY", *APP, "--yes")
    assert asked.code == 1
    assert "This variable has overrides on: dev." in asked.err
    assert "--overrides keep" in asked.err
    assert type_in("variable", "remove", "KEY", *APP, "--yes", "--overrides", "keep").code == 0
    assert type_in("variable", "get", "KEY", *DEV).out == "x"
    type_in("variable", "set", "KEY", *APP, stdin="y")
    assert type_in("variable", "remove", "KEY", *APP, "--yes", "--overrides", "remove").code == 0
    assert not Variable.objects.filter(removed_at=None).exists()


def test_what_looks_like_a_secret_is_told(type_in: TypeIn) -> None:
    ended = type_in("variable", "set", "STRIPE_KEY", *APP, stdin="sk_live_abcdefghijklm")
    assert (ended.code, "sk_live" in ended.err) == (0, False)
    assert "looks like a Stripe key" in ended.err
    assert "secret set" in ended.err
    assert type_in("variable", "set", "COLOUR", *APP, stdin="purple").err == ""


def test_roles_and_the_audit_trail(type_in: TypeIn) -> None:
    type_in("variable", "set", "KEY", *APP, stdin="one")
    codes = {
        who: [
            type_in("variable", "set", f"NEW_{who}", *APP, stdin="x", who=who).code,
            type_in("variable", "set", f"NEW_{who}", *DEV, stdin="x", who=who).code,
            type_in("variable", "get", "KEY", *DEV, who=who).code,
            type_in("variable", "remove", "KEY", *APP, "--yes", who=who).code,
        ]
        for who in ("charlie", "vera", "bob", "mia")
    }
    assert codes == {
        "charlie": [4, 4, 4, 4],
        "vera": [4, 4, 0, 4],
        "bob": [4, 0, 0, 4],
        "mia": [0, 0, 0, 0],
    }
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == 5  # an outsider's question is no act
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
def test_what_can_not_be_is_refused(type_in: TypeIn, key: str, value: str, says: str) -> None:
    ended = type_in("variable", "set", key, *APP, stdin=value)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err


def test_nothing_is_removed_unasked(type_in: TypeIn, world: World) -> None:
    type_in("variable", "set", "KEY", *APP, stdin="x")
    assert type_in("variable", "remove", "KEY", *APP, stdin="y\n").code == 2
    assert world.app.variables.filter(removed_at=None).exists()


def test_nothing_to_list(type_in: TypeIn) -> None:
    assert type_in("variable", "list", *APP).out.startswith("There are no variables here yet.")
    assert json.loads(type_in("variable", "list", *DEV, "--format", "json").out) == []
