"""`manage.py secret`: set, get, list and remove, with permissions, audit events and conflicts."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from console.catalog.services import delete_branch
from console.models import AuditEvent
from secrets_app.models import Revalidation, Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.fixtures.commands import CommandResult
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
SHARED = "/amplify/shared/d1shop"
APP = ("--app", "d1shop")
JSON = ("--format", "json")
LINE_BREAK = "The value ends with a line break.\n"
VALUES = {
    "final newline": "value\n",
    "CRLF": "a\r\nb\r\n",
    "spaces": "  ",
    "NUL and escapes": "a\0b\x1b[31m",
    "any script": "пароль 密码 🔑 e\u0301\ufeff",
    "4,096 bytes": "€" * 1365 + "x",
}


def entries() -> list[tuple[str, str, str, str | None]]:
    """Return (actor, action, key, outcome) of the audit events of secrets."""
    return [
        (event.actor.partition("@")[0], event.action, event.subject, _last(event))
        for event in AuditEvent.objects.filter(action__startswith="secret.").order_by("pk")
    ]


def _last(event: AuditEvent) -> str | None:
    outcome = event.outcomes.last()
    return outcome and outcome.outcome


def test_it_works(either_machine: Machine) -> None:
    machine = either_machine
    done = "Successfully created version {} of secret KEY\n"
    assert machine("secret", "set", "KEY", *APP, stdin="one") == CommandResult(
        0, done.format(1), ""
    )
    assert machine("secret", "set", "KEY", *APP, stdin="two\n") == CommandResult(
        0, done.format(2), LINE_BREAK
    )
    assert machine("secret", "get", "KEY", *APP) == CommandResult(0, "two\n", LINE_BREAK)
    listed = machine("secret", "list", *APP, *JSON)
    assert (listed.code, listed.err) == (0, "")
    [row] = json.loads(listed.out)
    assert (row["key"], row["branch"], row["version"]) == ("KEY", None, 2)
    assert row["changed_by"] == "alice@example.org"
    removed = "Successfully removed secret KEY\n"
    assert machine("secret", "remove", "KEY", *APP, "--yes") == CommandResult(0, removed, "")
    gone = machine("secret", "get", "KEY", *APP)
    assert gone == CommandResult(4, "", "There is no secret KEY for All branches.\n")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_value_is_stored_byte_for_byte(manage_as: Manage, value: str) -> None:
    assert manage_as("secret", "set", "KEY", *APP, stdin=value).code == 0
    assert manage_as("secret", "get", "KEY", *APP).out == value
    described = manage_as("secret", "get", "KEY", *APP, *JSON)
    assert json.loads(described.out)["value"] == value
    assert described.out.isascii()


def test_effective_value(manage_as: Manage) -> None:
    for key, scope in (("A", ()), ("B", ()), ("A", ("--branch", "dev"))):
        assert manage_as("secret", "set", key, *APP, *scope, stdin=f"{key}{scope}").code == 0
    dev = (*APP, "--branch", "dev")
    assert manage_as("secret", "get", "A", *dev).out == "A('--branch', 'dev')"
    assert manage_as("secret", "get", "B", *dev).out == "B()"
    assert manage_as("secret", "get", "A", *APP).out == "A()"
    rows = json.loads(manage_as("secret", "list", *dev, *JSON).out)
    assert {row["key"]: (row["branch"], row["origin"]) for row in rows} == {
        "A": ("dev", "own"),
        "B": (None, "inherited"),
    }
    lines = manage_as("secret", "list", *APP).out.splitlines()
    assert [line.split()[0] for line in lines] == ["KEY", "A", "B", "A"]
    assert manage_as("secret", "remove", "B", *dev, "--yes").code == 4


def test_conflict(manage_as: Manage) -> None:
    manage_as("secret", "set", "KEY", *APP, stdin="one", by="mia")
    created = manage_as("secret", "set", "KEY", *APP, "--if-version", "0", stdin="two")
    assert (created.code, created.out) == (3, "")
    assert "mia@example.org added this secret" in created.err
    old = manage_as("secret", "remove", "KEY", *APP, "--if-version", "7", "--yes")
    assert old.code == 3
    assert manage_as("secret", "set", "KEY", *APP, "--if-version", "1", stdin="three").code == 0
    assert manage_as("secret", "get", "KEY", *APP).out == "three"


def test_audit_log(manage_as: Manage) -> None:
    manage_as("secret", "set", "KEY", *APP, stdin="one")
    manage_as("secret", "set", "KEY", *APP, stdin="two", by="mia")
    manage_as("secret", "get", "KEY", *APP, by="mia")
    manage_as("secret", "remove", "KEY", *APP, "--yes")
    assert entries() == [
        ("alice", "secret.create", "KEY", "succeeded"),
        ("mia", "secret.change", "KEY", "succeeded"),
        ("mia", "secret.reveal", "KEY", "succeeded"),
        ("alice", "secret.remove", "KEY", "succeeded"),
    ]
    [(kind, agent)] = set(AuditEvent.objects.values_list("actor_kind", "agent"))
    assert kind == "command"
    assert agent.startswith("account ")


def test_roles(manage_as: Manage) -> None:
    manage_as("secret", "set", "KEY", *APP, stdin="one")
    dev = (*APP, "--branch", "dev")
    codes = {
        name: [
            manage_as("secret", "set", f"NEW_{name}", *APP, stdin="x", by=name).code,
            manage_as("secret", "set", f"NEW_{name}", *dev, stdin="x", by=name).code,
            manage_as("secret", "get", "KEY", *APP, by=name).code,
            manage_as("secret", "remove", "KEY", *APP, "--yes", "--if-version", "9", by=name).code,
            manage_as("secret", "list", *dev, by=name).code,
        ]
        for name in ("vera", "bob", "mia", "charlie", "oscar", "olga")
    }
    assert codes == {
        "vera": [4, 4, 4, 4, 0],
        "bob": [4, 0, 4, 4, 0],
        "mia": [0, 0, 0, 3, 0],
        **{name: [4] * 5 for name in ("charlie", "oscar", "olga")},
    }
    denied = [entry for entry in entries() if entry[3] == "denied"]
    assert [(name, action) for name, action, _, _ in denied] == [
        *(("vera", action) for action in ("secret.create",) * 2),
        ("vera", "secret.reveal"),
        ("vera", "secret.remove"),
        *(("bob", action) for action in ("secret.create", "secret.reveal", "secret.remove")),
    ]


def test_outsider_cannot_tell_if_an_app_exists(manage_as: Manage) -> None:
    there = manage_as("secret", "get", "KEY", *APP, by="charlie")
    nowhere = manage_as("secret", "get", "KEY", "--app", "d1nothing", by="charlie")
    assert (
        there
        == nowhere
        == CommandResult(4, "", "This app does not exist, or you are not a member of it.\n")
    )


@pytest.mark.parametrize(
    ("email", "code", "says"),
    [
        ("", 2, "No user given"),
        ("nobody@example.org", 4, "No user has this email address."),
        ("ivan@example.org", 4, "This user is disabled."),
        ("\udcff\0", 4, "No user has this email address."),
        (" ALICE@example.org", 0, ""),
    ],
)
def test_actor(
    world: World, manage_as: Manage, settings: Any, email: str, code: int, says: str
) -> None:
    for name in ("alice", "ivan"):
        world.person(name)
    settings.CONSOLE_USER = email
    result = manage_as("secret", "list", *APP, by="")
    assert result.code == code
    assert says in result.err


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("a b", "x", "Use only letters"),
        ("\udcff", "x", "Use only letters"),
        ("..", "x", "one or two dots"),
        ("KEY", "", "can't be empty"),
        ("KEY", "x" * 4097, "4,096 bytes"),
        ("KEY", "{{x}}", "{{ and }}"),
        ("KEY", b"\xff\xfe", "not valid UTF-8 text"),
        ("KEY", b"x" * 1_000_001, "longer than 1,000,000 bytes"),
    ],
)
def test_invalid_arguments(manage_as: Manage, key: str, value: str | bytes, says: str) -> None:
    result = manage_as("secret", "set", key, *APP, stdin=value)
    assert (result.code, result.out) == (1, "")
    assert says in result.err
    assert not Secret.objects.exists()


@pytest.mark.parametrize("branch", ["nope", "\udcff", "a\0b", "All branches", ""])
def test_unknown_branch(manage_as: Manage, branch: str) -> None:
    result = manage_as("secret", "list", *APP, "--branch", branch)
    assert result == CommandResult(4, "", "This app has no branch with this name.\n")


@pytest.mark.parametrize("kind", ["secret", "variable"])
def test_deleted_branch(world: World, manage_as: Manage, kind: str) -> None:
    dev = (*APP, "--branch", "dev")
    manage_as(kind, "set", "LEFT", *dev, stdin="x")
    delete_branch(actor=world.actor("alice"), app_id="d1shop", pk=world.dev.pk)
    for key in ("NEW", "LEFT"):
        refused = manage_as(kind, "set", key, *dev, stdin="y")
        assert (refused.code, "This branch no longer exists" in refused.err) == (1, True)
    assert manage_as(kind, "get", "LEFT", *dev).out == "x"
    [row] = json.loads(manage_as(kind, "list", *dev, *JSON).out)
    assert (row["key"], row["branch"]) == ("LEFT", "dev")
    assert manage_as(kind, "remove", "LEFT", *dev, "--yes").code == 0
    assert json.loads(manage_as(kind, "list", *dev, *JSON).out) == []


def test_removal_needs_confirmation(manage_as: Manage) -> None:
    manage_as("secret", "set", "KEY", *APP, stdin="x")
    asked = manage_as("secret", "remove", "KEY", *APP, stdin="y\n")
    assert asked == CommandResult(
        2, "", "Can't ask for confirmation without a terminal. Add --yes.\n"
    )
    assert manage_as("secret", "get", "KEY", *APP).out == "x"


def test_remove_unknown_secret(manage_as: Manage) -> None:
    result = manage_as("secret", "remove", "KEY", *APP, "--yes")
    assert result == CommandResult(4, "", "There is no secret KEY for All branches.\n")
    assert entries() == []


def test_parameter_added_outside(world: World, manage_as: Manage) -> None:
    put = parameter_store().put
    put(f"{SHARED}/LISTED", SecretValue("x"), overwrite=False)
    assert "outside Branchkeep" in manage_as("secret", "list", *APP).out
    put(f"{SHARED}/ASKED_FOR", SecretValue("by ampx"), overwrite=False)
    Revalidation.objects.all().delete()
    assert manage_as("secret", "get", "ASKED_FOR", *APP).out == "by ampx"
    put(f"{SHARED}/GONE", SecretValue("x"), overwrite=False)
    assert manage_as("secret", "remove", "GONE", *APP, "--yes").code == 0


@pytest.mark.usefixtures("console_on_ssm")
def test_store_denies_access(manage_as: Manage, faulty: Faulty) -> None:
    manage_as("secret", "set", "KEY", *APP, stdin="x")
    faulty.always(Fault.ACCESS_DENIED)
    for words in (("set", "KEY"), ("get", "KEY"), ("remove", "KEY", "--yes")):
        result = manage_as("secret", *words, *APP, stdin="y")
        assert (result.code, result.out) == (5, "")
        assert "denied access to Branchkeep" in result.err
    listed = manage_as("secret", "list", *APP)
    assert (listed.code, "KEY" in listed.out) == (0, True)
    assert "may be out of date" in listed.err


@pytest.mark.usefixtures("console_on_ssm")
def test_lost_response(manage_as: Manage, faulty: Faulty) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    result = manage_as("secret", "set", "KEY", *APP, stdin="x")
    assert (result.code, result.out) == (5, "")
    assert "the outcome of this change is unknown" in result.err


def test_database_without_tables(machine: Machine) -> None:
    empty = f"sqlite:///{machine.folder}/empty.sqlite3"
    result = machine("secret", "list", *APP, DATABASE_URL=empty)
    assert (result.code, result.out) == (5, "")
    assert result.err.startswith("Branchkeep's database did not answer")
    assert "Traceback" not in result.err


def test_log_goes_to_stderr(machine: Machine) -> None:
    quiet = machine("secret", "list", *APP, *JSON)
    assert (json.loads(quiet.out), quiet.err) == ([], "")
    words = ("secret", "set", "KEY", *APP, *JSON)
    loud = machine(*words, stdin="x", LOG_LEVEL="INFO")
    assert json.loads(loud.out)["version"] == 1
    assert '"event": "store.call"' in loud.err


def test_closed_output_pipe(machine: Machine) -> None:
    machine("secret", "set", "KEY", *APP, stdin="x")
    with machine.start("secret", "get", "KEY", *APP) as process:
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /dev/full")
def test_full_output_device(machine: Machine) -> None:
    machine("secret", "set", "KEY", *APP, stdin="s3cret")
    words = ("secret", "get", "KEY", *APP)
    with open("/dev/full", "w") as full, machine.start(*words, stdout=full) as process:
        complaint = process.stderr.read().decode()
    assert complaint == "The operating system reported an error: No space left on device.\n"
    assert process.returncode == 1
