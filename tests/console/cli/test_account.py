"""`manage.py account`: links, confirmations and operators when nobody can sign in."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import get_commands
from django.test import Client

from console.models import AccountLink, Suspension, User
from tests.console.auth.conftest import post
from tests.factories import audit_entries
from tests.fixtures.commands import CommandResult
from tests.fixtures.machine import Machine
from tests.fixtures.people import World

NEW = {"password1": "another one 1", "password2": "another one 1"}
Manage = Callable[..., CommandResult]


def path_in(output: str) -> str:
    """Return the path of the link that a command printed."""
    [path] = re.findall(r"/accounts/link/\S+/", output)
    return str(path)


def test_it_works(machine: Machine) -> None:
    done = machine("account", "link", "Olga@example.org")
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(r"http://127.0.0.1:8000/accounts/link/[\w-]{43}/\n", done.out)


def test_lost_operator(manage: Manage, client: Client, world: World) -> None:
    world.person("olga")
    client.post(path_in(manage("account", "link", "olga@example.org").out), NEW)
    assert post(client, "olga@example.org", "another one 1").status_code == 302
    [(who, *rest)] = audit_entries("account.link")
    assert who.startswith("account ")
    assert rest[2] == "succeeded"


def test_second_factors(manage: Manage, world: World) -> None:
    world.person("bob")
    manage("account", "link", "bob@example.org", "--factors")
    assert AccountLink.objects.get().kind == "factors"


def test_with_mail(manage: Manage, world: World, settings: Any, mailoutbox: Any) -> None:
    settings.MAIL, settings.DEFAULT_FROM_EMAIL = True, "console@example.org"
    world.person("bob")
    said = manage("account", "link", "bob@example.org").out
    assert said == "A link for a new password was mailed to bob@example.org.\n"
    assert not Suspension.objects.exists()
    assert path_in(manage("account", "link", "bob@example.org", "--show").out)
    assert Suspension.objects.exists()
    assert [mail.to for mail in mailoutbox] == [["bob@example.org"]]


def test_new_operator(manage: Manage, client: Client, db: None) -> None:
    said = manage("account", "operator", "New@example.org").out
    assert said.startswith("new@example.org is an operator.\n")
    client.post(path_in(said), NEW)
    assert post(client, "new@example.org", "another one 1").status_code == 302
    assert User.objects.get().is_superuser


def test_existing_operator(manage: Manage, world: World) -> None:
    world.person("bob")
    done = manage("account", "operator", "bob@example.org")
    assert done == CommandResult(0, "bob@example.org is an operator.\n", "")
    assert User.objects.get(email="bob@example.org").is_superuser
    assert not Suspension.objects.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("link", "nobody@example.org"), "No user has this email address."),
        (("link", "a\0b"), "No user has this email address."),
        (("link", "ivan@example.org"), "This account is disabled"),
        (("operator", "nonsense"), "Enter a valid email address."),
        (("confirm", "bob@example.org", "--app", "d2other"), "not a member of this app"),
        (("confirm", "bob@example.org", "--app", "nowhere"), "not a member of this app"),
        (("confirm", "bob@example.org", "--app", "d1shop"), "is not suspended"),
    ],
)
def test_refusals(manage: Manage, world: World, words: tuple[str, ...], message: str) -> None:
    for name in ("bob", "ivan"):
        world.person(name)
    done = manage("account", *words)
    assert done.code != 0
    assert message in done.err


@pytest.mark.parametrize(
    ("words", "instead"),
    [
        (("createsuperuser", "--email", "a@example.org", "--noinput"), "account operator"),
        (("createsuperuser",), "account operator"),
        (("changepassword", "olga@example.org"), "account link"),
    ],
)
def test_commands_of_django(machine: Machine, words: tuple[str, ...], instead: str) -> None:
    done = machine(*words)
    assert done.code == 1
    assert f"manage.py {instead}" in done.err
    assert {get_commands()[name] for name in ("createsuperuser", "changepassword")} == {"console"}
