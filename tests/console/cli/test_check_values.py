"""`manage.py check_values`: stored values against the types of their keys (guarantees 1 and 9)."""

import json
from collections.abc import Callable

import pytest

from console.catalog import key_types
from console.members import exposure
from console.models import AuditEvent
from tests.factories import (
    audit_rows,
    set_secret,
    set_variable,
    write_outside,
)
from tests.factories.secrets import secret_paths
from tests.fixtures.commands import CommandResult
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

Manage = Callable[..., CommandResult]
APP = ("--app", "d1shop")
WRONG = "canary-4711"


def set_type(world: World, key: str, kind: str = "integer", rule: str = "") -> None:
    key_types.set_type(
        actor=world.actor("alice"), app_id="d1shop", key=key, kind=kind, rule=rule, base=0
    )


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, manage_as: Manage, store_calls: StoreCalls) -> None:
    set_secret(world, "PORT", WRONG, world.main)
    set_secret(world, "PORT", "80", world.dev)
    set_secret(world, "FREE", WRONG)
    set_variable(world, "PORT", WRONG)
    set_variable(world, "LEVEL", "Debug", world.dev)
    set_type(world, "PORT", rule="1..65535")
    set_type(world, "LEVEL", "enum", "debug\ninfo")
    store_calls.clear()
    done = manage_as("check_values", *APP)
    assert done.code == 1
    assert [" ".join(line.split()) for line in done.out.splitlines()] == [
        "KEY KIND BRANCH EXPECTED",
        "LEVEL variable dev one of these values: debug, info",
        "PORT variable All branches a whole number from 1 to 65535",
        "PORT secret main a whole number from 1 to 65535",
    ]
    assert done.err == "Values that don't fit the type of their key: 3 of 4.\n"
    assert WRONG not in done.out + done.err
    assert store_calls("read") == 1  # ten secrets in each call


def test_nothing_in_the_audit_trail_says_how_it_ended(world: World, manage_as: Manage) -> None:
    """Every member reads it, also those who may not reveal the value."""
    set_secret(world, "GOOD", "80", world.main)
    set_secret(world, "BAD", WRONG, world.main)
    for key in ("GOOD", "BAD"):
        set_type(world, key)
    manage_as("check_values", *APP)
    events = AuditEvent.objects.filter(action="secret.check")
    assert {event.subject for event in events} == {"GOOD", "BAD"}
    rows = {
        (event.branch, event.version_before, it.outcome, it.version_after, it.detail)
        for event in events
        for it in event.outcomes.all()
    }
    assert rows == {("main", 1, "succeeded", 1, "")}


def test_who_may_check(world: World, manage_as: Manage) -> None:
    """A check reveals something about the value, so it needs the permission to reveal it."""
    set_secret(world, "PORT", WRONG, world.main)
    set_secret(world, "PORT", WRONG, world.dev)
    set_type(world, "PORT")
    for name, branches, code in (
        ("vera", (), 4),
        ("vera", ("--branch", "dev"), 4),
        ("bob", (), 4),
        ("bob", ("--branch", "main"), 4),
        ("bob", ("--branch", "dev"), 1),
        ("mia", (), 1),
        ("charlie", (), 4),
    ):
        done = manage_as("check_values", *APP, *branches, by=name)
        assert (done.code, bool(done.out)) == (code, code == 1), (name, branches)
    denied = [it.actor for it in audit_rows(world, "secret.check") if it.outcome == "denied"]
    assert [actor.partition("@")[0] for actor in denied] == ["vera"] * 3 + ["bob"] * 3


def test_known_secrets_count_it(world: World, manage_as: Manage) -> None:
    set_secret(world, "PORT", WRONG, world.main)
    set_type(world, "PORT")
    manage_as("check_values", *APP, by="mia")
    [known] = exposure.exposed_secrets(world.person("mia").pk, "d1shop")
    assert (known.key, known.branch, known.revealed_at is not None) == ("PORT", "main", True)


def test_some_keys_and_branches(world: World, manage_as: Manage) -> None:
    for key in ("ONE", "TWO"):
        set_secret(world, key, WRONG, world.dev)
        set_variable(world, key, "1", world.main)
        set_type(world, key)
    done = manage_as("check_values", "ONE", *APP, "--branch", "dev", "--format", "json")
    assert json.loads(done.out) == {
        "app": "d1shop",
        "checked": 1,
        "wrong": [
            {
                "key": "ONE",
                "kind": "secret",
                "app": "d1shop",
                "branch": "dev",
                "type": "integer",
                "expected": "a whole number",
            }
        ],
    }
    assert {row.key for row in audit_rows(world, "secret.check")} == {"ONE"}
    fits = manage_as("check_values", *APP, "--branch", "main")
    assert (fits.code, fits.err) == (0, "")
    assert fits.out == "Every value fits the type of its key. Values checked: 2.\n"


def test_no_types(world: World, manage_as: Manage) -> None:
    set_secret(world, "PORT", WRONG)
    done = manage_as("check_values", *APP)
    assert (done.code, done.out) == (0, "There is no value whose key has a type.\n")
    assert not audit_rows(world, "secret.check")


def test_changed_outside(world: World, manage_as: Manage) -> None:
    """What others wrote to the store is checked as it is now."""
    set_secret(world, "PORT", "80", world.main)
    set_type(world, "PORT")
    assert manage_as("check_values", *APP).code == 0
    write_outside(secret_paths(world, "PORT", world.main)[0], WRONG)
    assert manage_as("check_values", *APP).code == 1


@pytest.mark.usefixtures("console_on_ssm")
def test_store_denies_access(world: World, manage_as: Manage, faulty: Faulty) -> None:
    set_secret(world, "PORT", "80", world.main)
    set_type(world, "PORT")
    faulty.always(Fault.ACCESS_DENIED, on="GetParameters")
    done = manage_as("check_values", *APP)
    assert (done.code, done.out) == (5, "")
    assert audit_rows(world, "secret.check")[-1].outcome == "failed"
