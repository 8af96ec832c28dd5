"""`manage.py import_gen1`: import an environment's parameters from the command line."""

import json
from collections.abc import Callable

from console.models import AuditEvent
from tests.factories import set_secret, set_variable, stored_values, write_outside
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]
COMMAND = ("import_gen1", "--app", "d1shop", "--as")
ALICE = (*COMMAND, "alice@example.org", "--branch", "dev")


def write_gen1(*names: str, environment: str = "gen") -> None:
    for name in names:
        write_outside(f"/amplify/d1shop/{environment}/{name}", f"CANARY {name}")


def test_it_works(world: World, manage: Manage) -> None:
    """What exists is left out unless it is to be replaced."""
    world.person("alice")
    write_gen1("AMPLIFY_mailer_ONE", "AMPLIFY_mailer_TWO", "AMPLIFY_GOOGLE_CLIENT_ID")
    set_secret(world, "TWO", "own", world.dev)
    tried = manage(*ALICE, "--dry-run")
    assert tried.code == 1
    assert [line.split() for line in tried.out.splitlines()] == [
        ["PARAMETER", "KEY", "BRANCH", "CHANGE", "OUTCOME"],
        ["AMPLIFY_GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_ID", "dev", "new", "-"],
        ["AMPLIFY_mailer_ONE", "ONE", "dev", "new", "-"],
        ["AMPLIFY_mailer_TWO", "TWO", "dev", "exists", "-"],
    ]
    assert "AMPLIFY_mailer_TWO is left out. A secret with this key exists." in tried.err
    assert not AuditEvent.objects.filter(action="parameter.read").exists()
    assert manage(*ALICE).code == 2  # it asks, and there is no terminal
    done = manage(*ALICE, "--overwrite", "--yes", "--format", "json")
    assert done.code == 0
    assert {(row["key"], row["outcome"]) for row in json.loads(done.out)} == {
        (key, "saved") for key in ("GOOGLE_CLIENT_ID", "ONE", "TWO")
    }
    assert "CANARY" not in tried.out + tried.err + done.out + done.err
    assert stored_values(world, "TWO", world.dev)[0] == "CANARY AMPLIFY_mailer_TWO"
    written = AuditEvent.objects.filter(action__in=["secret.create", "secret.change"])
    assert len({event.change_set for event in written.order_by("-pk")[:3]}) == 1


def test_choice(world: World, manage: Manage) -> None:
    world.person("alice")
    write_gen1("AMPLIFY_mailer_ONE", "AMPLIFY_mailer_TWO")
    write_gen1("AMPLIFY_mailer_ONE", environment="prod")
    which = manage(*ALICE, "--yes")
    assert (which.code, "--environment: gen, prod." in which.err) == (1, True)
    gen = (*ALICE, "--environment", "gen", "--yes")
    for wrong, code in ((("--key", "x"), 2), (("--key", "x=Y"), 1), (("--only", "x"), 1)):
        refused = manage(*gen, *wrong)
        assert refused.code == code
        assert wrong[1] not in refused.err.split()  # it may be a value
    same = manage(*gen, "--key", "AMPLIFY_mailer_ONE=TWO")
    assert (same.code, same.err.count("has the same key")) == (1, 2)
    only = ("--only", "AMPLIFY_mailer_ONE", "--key", "AMPLIFY_mailer_ONE=MAIL")
    assert manage(*gen, *only).code == 0
    assert stored_values(world, "MAIL", world.dev)[0] == "CANARY AMPLIFY_mailer_ONE"
    assert world.app.secrets.filter(version__gt=0).count() == 1


def test_what_is_left_out_until_it_is_chosen(world: World, manage: Manage) -> None:
    """A key that is a variable's, and credentials as JSON."""
    world.person("alice")
    names = ["AMPLIFY_mailer_URL", "AMPLIFY_shop1234_hostedUIProviderCreds"]
    write_gen1(*names)
    set_variable(world, "URL", "https://example.org", world.dev)
    left = manage(*ALICE, "--yes")
    assert (left.code, left.err.count("is left out.")) == (1, 2)
    assert "A variable with this key exists." in left.err
    assert manage(*ALICE, "--yes", "--only", names[0], "--only", names[1]).code == 0


def test_denied_and_none(world: World, manage: Manage) -> None:
    world.person("bob")
    world.person("alice")
    assert "no environment of Amplify Gen 1" in manage(*ALICE).err
    write_gen1("AMPLIFY_mailer_ONE")
    assert manage(*COMMAND, "bob@example.org", "--branch", "dev", "--yes").code == 4
    assert not world.app.secrets.exists()
    assert AuditEvent.objects.filter(action="parameter.read").count() == 1  # refused
