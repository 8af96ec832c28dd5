"""`manage.py secret`: set, get, list and remove, with rights, audit and conflicts."""

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
from tests.console.cli.conftest import Ended, Machine
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

TypeIn = Callable[..., Ended]
SHARED = "/amplify/shared/d1shop"
APP = ("--app", "d1shop")
JSON = ("--format", "json")
VALUES = {
    "final newline": "value\n",
    "CRLF": "a\r\nb\r\n",
    "spaces": "  ",
    "NUL and escapes": "a\0b\x1b[31m",
    "any script": "пароль 密码 🔑 e\u0301\ufeff",
    "4,096 bytes": "€" * 1365 + "x",
}


def entries() -> list[tuple[str, str, str, str | None]]:
    """Return the audit trail of secrets: who, what, which, how it ended."""
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
    assert machine("secret", "set", "KEY", *APP, stdin="one\n") == Ended(0, done.format(1), "")
    assert machine("secret", "set", "KEY", *APP, stdin="two\n") == Ended(0, done.format(2), "")
    assert machine("secret", "get", "KEY", *APP) == Ended(0, "two\n", "")
    listed = machine("secret", "list", *APP, *JSON)
    assert (listed.code, listed.err) == (0, "")
    [row] = json.loads(listed.out)
    assert (row["key"], row["branch"], row["version"]) == ("KEY", None, 2)
    assert row["changed_by"] == "alice@example.org"
    removed = "Successfully removed secret KEY\n"
    assert machine("secret", "remove", "KEY", *APP, "--yes") == Ended(0, removed, "")
    gone = machine("secret", "get", "KEY", *APP)
    assert gone == Ended(4, "", "There is no secret KEY for All branches.\n")


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_every_byte_goes_through(type_in: TypeIn, value: str) -> None:
    assert type_in("secret", "set", "KEY", *APP, stdin=value).code == 0
    assert type_in("secret", "get", "KEY", *APP).out == value
    described = type_in("secret", "get", "KEY", *APP, *JSON)
    assert json.loads(described.out)["value"] == value
    assert described.out.isascii()


def test_a_branch_gets_its_own_or_the_one_for_all(type_in: TypeIn) -> None:
    for key, scope in (("A", ()), ("B", ()), ("A", ("--branch", "dev"))):
        assert type_in("secret", "set", key, *APP, *scope, stdin=f"{key}{scope}").code == 0
    dev = (*APP, "--branch", "dev")
    assert type_in("secret", "get", "A", *dev).out == "A('--branch', 'dev')"
    assert type_in("secret", "get", "B", *dev).out == "B()"
    assert type_in("secret", "get", "A", *APP).out == "A()"
    rows = json.loads(type_in("secret", "list", *dev, *JSON).out)
    assert {row["key"]: (row["branch"], row["origin"]) for row in rows} == {
        "A": ("dev", "own"),
        "B": (None, "inherited"),
    }
    lines = type_in("secret", "list", *APP).out.splitlines()
    assert [line.split()[0] for line in lines] == ["KEY", "A", "B", "A"]
    assert type_in("secret", "remove", "B", *dev, "--yes").code == 4


def test_a_change_of_somebody_else_is_a_conflict(type_in: TypeIn) -> None:
    type_in("secret", "set", "KEY", *APP, stdin="one", who="mia")
    created = type_in("secret", "set", "KEY", *APP, "--if-version", "0", stdin="two")
    assert (created.code, created.out) == (3, "")
    assert "mia@example.org added this secret" in created.err
    old = type_in("secret", "remove", "KEY", *APP, "--if-version", "7", "--yes")
    assert old.code == 3
    assert type_in("secret", "set", "KEY", *APP, "--if-version", "1", stdin="three").code == 0
    assert type_in("secret", "get", "KEY", *APP).out == "three"


def test_what_somebody_did_is_recorded(type_in: TypeIn) -> None:
    type_in("secret", "set", "KEY", *APP, stdin="one")
    type_in("secret", "set", "KEY", *APP, stdin="two", who="mia")
    type_in("secret", "get", "KEY", *APP, who="mia")
    type_in("secret", "remove", "KEY", *APP, "--yes")
    assert entries() == [
        ("alice", "secret.create", "KEY", "succeeded"),
        ("mia", "secret.change", "KEY", "succeeded"),
        ("mia", "secret.reveal", "KEY", "succeeded"),
        ("alice", "secret.remove", "KEY", "succeeded"),
    ]
    [(kind, agent)] = set(AuditEvent.objects.values_list("actor_kind", "agent"))
    assert kind == "command"
    assert agent.startswith("account ")


def test_roles(type_in: TypeIn) -> None:
    type_in("secret", "set", "KEY", *APP, stdin="one")
    dev = (*APP, "--branch", "dev")
    codes = {
        who: [
            type_in("secret", "set", f"NEW_{who}", *APP, stdin="x", who=who).code,
            type_in("secret", "set", f"NEW_{who}", *dev, stdin="x", who=who).code,
            type_in("secret", "get", "KEY", *APP, who=who).code,
            type_in("secret", "remove", "KEY", *APP, "--yes", "--if-version", "9", who=who).code,
            type_in("secret", "list", *dev, who=who).code,
        ]
        for who in ("vera", "bob", "mia", "charlie", "oscar", "olga")
    }
    assert codes == {
        "vera": [4, 4, 4, 4, 0],
        "bob": [4, 0, 4, 4, 0],
        "mia": [0, 0, 0, 3, 0],
        **{who: [4] * 5 for who in ("charlie", "oscar", "olga")},
    }
    denied = [entry for entry in entries() if entry[3] == "denied"]
    assert [(who, action) for who, action, _, _ in denied] == [
        *(("vera", action) for action in ("secret.create",) * 2),
        ("vera", "secret.reveal"),
        ("vera", "secret.remove"),
        *(("bob", action) for action in ("secret.create", "secret.reveal", "secret.remove")),
    ]


def test_an_outsider_learns_no_more_than_of_an_app_that_is_not(type_in: TypeIn) -> None:
    there = type_in("secret", "get", "KEY", *APP, who="charlie")
    nowhere = type_in("secret", "get", "KEY", "--app", "d1nothing", who="charlie")
    assert (
        there
        == nowhere
        == Ended(4, "", "This app does not exist, or you are not a member of it.\n")
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
def test_who_acts(
    world: World, type_in: TypeIn, settings: Any, email: str, code: int, says: str
) -> None:
    for name in ("alice", "ivan"):
        world.person(name)
    settings.CONSOLE_USER = email
    ended = type_in("secret", "list", *APP, who="")
    assert ended.code == code
    assert says in ended.err


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
def test_what_can_not_be_is_refused(
    type_in: TypeIn, key: str, value: str | bytes, says: str
) -> None:
    ended = type_in("secret", "set", key, *APP, stdin=value)
    assert (ended.code, ended.out) == (1, "")
    assert says in ended.err
    assert not Secret.objects.exists()


@pytest.mark.parametrize("branch", ["nope", "\udcff", "a\0b", "All branches", ""])
def test_a_branch_that_is_not(type_in: TypeIn, branch: str) -> None:
    ended = type_in("secret", "list", *APP, "--branch", branch)
    assert ended == Ended(4, "", "This app has no branch with this name.\n")


@pytest.mark.parametrize("kind", ["secret", "variable"])
def test_a_deleted_branch_lets_go_and_takes_nothing(
    world: World, type_in: TypeIn, kind: str
) -> None:
    dev = (*APP, "--branch", "dev")
    type_in(kind, "set", "LEFT", *dev, stdin="x")
    delete_branch(actor=world.actor("alice"), app_id="d1shop", pk=world.dev.pk)
    for key in ("NEW", "LEFT"):
        refused = type_in(kind, "set", key, *dev, stdin="y")
        assert (refused.code, "This branch no longer exists" in refused.err) == (1, True)
    assert type_in(kind, "get", "LEFT", *dev).out == "x"
    [row] = json.loads(type_in(kind, "list", *dev, *JSON).out)
    assert (row["key"], row["branch"]) == ("LEFT", "dev")
    assert type_in(kind, "remove", "LEFT", *dev, "--yes").code == 0
    assert json.loads(type_in(kind, "list", *dev, *JSON).out) == []


def test_nothing_is_removed_unasked(type_in: TypeIn) -> None:
    type_in("secret", "set", "KEY", *APP, stdin="x")
    asked = type_in("secret", "remove", "KEY", *APP, stdin="y\n")
    assert asked == Ended(2, "", "Can't ask for confirmation without a terminal. Add --yes.\n")
    assert type_in("secret", "get", "KEY", *APP).out == "x"


def test_removing_what_is_not_there(type_in: TypeIn) -> None:
    ended = type_in("secret", "remove", "KEY", *APP, "--yes")
    assert ended == Ended(4, "", "There is no secret KEY for All branches.\n")
    assert entries() == []


def test_what_was_added_outside_is_found(world: World, type_in: TypeIn) -> None:
    put = parameter_store().put
    put(f"{SHARED}/LISTED", SecretValue("x"), overwrite=False)
    assert "outside Branchkeep" in type_in("secret", "list", *APP).out
    put(f"{SHARED}/ASKED_FOR", SecretValue("by ampx"), overwrite=False)
    Revalidation.objects.all().delete()
    assert type_in("secret", "get", "ASKED_FOR", *APP).out == "by ampx"
    put(f"{SHARED}/GONE", SecretValue("x"), overwrite=False)
    assert type_in("secret", "remove", "GONE", *APP, "--yes").code == 0


@pytest.mark.usefixtures("console_on_ssm")
def test_a_store_that_refuses(type_in: TypeIn, faulty: Faulty) -> None:
    type_in("secret", "set", "KEY", *APP, stdin="x")
    faulty.always(Fault.ACCESS_DENIED)
    for words in (("set", "KEY"), ("get", "KEY"), ("remove", "KEY", "--yes")):
        ended = type_in("secret", *words, *APP, stdin="y")
        assert (ended.code, ended.out) == (5, "")
        assert "denied access to Branchkeep" in ended.err
    listed = type_in("secret", "list", *APP)
    assert (listed.code, "KEY" in listed.out) == (0, True)
    assert "may be out of date" in listed.err


@pytest.mark.usefixtures("console_on_ssm")
def test_a_lost_answer_is_no_success(type_in: TypeIn, faulty: Faulty) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    ended = type_in("secret", "set", "KEY", *APP, stdin="x")
    assert (ended.code, ended.out) == (5, "")
    assert "the outcome of this change is unknown" in ended.err


def test_without_tables(machine: Machine) -> None:
    empty = f"sqlite:///{machine.folder}/empty.sqlite3"
    ended = machine("secret", "list", *APP, DATABASE_URL=empty)
    assert (ended.code, ended.out) == (5, "")
    assert ended.err.startswith("Branchkeep's database did not answer")
    assert "Traceback" not in ended.err


def test_the_log_keeps_out_of_the_way(machine: Machine) -> None:
    quiet = machine("secret", "list", *APP, *JSON)
    assert (json.loads(quiet.out), quiet.err) == ([], "")
    words = ("secret", "set", "KEY", *APP, *JSON)
    loud = machine(*words, stdin="x", LOG_LEVEL="INFO")
    assert json.loads(loud.out)["version"] == 1
    assert '"event": "store.call"' in loud.err


def test_an_output_that_nobody_reads_to_its_end(machine: Machine) -> None:
    machine("secret", "set", "KEY", *APP, stdin="x")
    with machine.start("secret", "get", "KEY", *APP) as process:
        process.stdout.close()
        complaint = process.stderr.read()
    assert (process.returncode, complaint) == (1, b"")


@pytest.mark.skipif(sys.platform != "linux", reason="asks /dev/full")
def test_an_output_that_can_not_be_written(machine: Machine) -> None:
    machine("secret", "set", "KEY", *APP, stdin="s3cret")
    words = ("secret", "get", "KEY", *APP)
    with open("/dev/full", "w") as full, machine.start(*words, stdout=full) as process:
        complaint = process.stderr.read().decode()
    assert complaint == "The operating system reported an error: No space left on device.\n"
    assert process.returncode == 1
