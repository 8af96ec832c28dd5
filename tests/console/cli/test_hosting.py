"""`manage.py hosting`: the values that `ampx secret` and `ampx config` read and write."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from secrets_app.store import parameter_store
from tests.fixtures.commands import CommandResult
from tests.fixtures.moto import Moto
from tests.fixtures.people import World

Run = Callable[..., CommandResult]
SECRETS = "amplify/hosting/web-shop/secrets"
SHARED_ONE = "This stage has no value of its own. This is the shared one.\n"


@pytest.fixture
def hosting(world: World, console_on_ssm: Moto, manage_as: Run) -> Run:
    """Return a function that runs `hosting` for an app with a project."""
    world.app.hosting_project = "web-shop"
    world.app.save()
    return lambda *words, **more: manage_as("hosting", *words, "--app", "d1shop", **more)


def test_it_works(hosting: Run, plain_secrets: Any) -> None:
    assert hosting("secret", "list").out == "There are no values here yet.\n"
    changed = "Successfully changed hosting secret KEY (shared)\n"
    created = "Successfully created hosting secret KEY (shared)\n"
    assert hosting("secret", "set", "KEY", stdin="first") == CommandResult(0, created, "")
    assert hosting("secret", "set", "KEY", stdin="second").out == changed
    assert hosting("secret", "set", "KEY", "--stage", "prod", stdin="of prod").code == 0
    assert hosting("secret", "set", "OTHER", stdin="x").code == 0
    assert hosting("secret", "get", "KEY").out == "second"
    assert hosting("secret", "get", "KEY", "--stage", "prod").out == "of prod"
    assert hosting("secret", "get", "OTHER", "--stage", "prod") == CommandResult(0, "x", SHARED_ONE)
    held = plain_secrets.get_secret_value(SecretId=f"{SECRETS}/prod/KEY")
    assert held["SecretString"] == "of prod"
    assert hosting("secret", "remove", "KEY", "--stage", "prod", "--yes").code == 0
    assert hosting("secret", "list").out.splitlines() == [
        "KEY    STAGE       STATE",
        "KEY    shared",
        "OTHER  shared",
        "KEY    stage prod  scheduled for deletion",
    ]
    assert hosting("secret", "restore", "KEY", "--stage", "prod").code == 0
    rows = json.loads(hosting("secret", "list", "--stage", "prod", "--format", "json").out)
    assert [(row["key"], row["stage"], row["state"]) for row in rows] == [
        ("KEY", "prod", ""),
        ("OTHER", None, ""),
    ]


def test_configuration(hosting: Run) -> None:
    assert hosting("config", "set", "DOMAIN", stdin="example.org").code == 0
    path = "/amplify/hosting/web-shop/config/DOMAIN"
    assert not parameter_store().current([path])[path].encrypted
    found = json.loads(hosting("config", "get", "DOMAIN", "--format", "json", by="vera").out)
    assert found == {"key": "DOMAIN", "stage": None, "value": "example.org"}
    assert hosting("config", "list", by="vera").out.splitlines()[1] == "DOMAIN  shared"
    assert hosting("config", "remove", "DOMAIN", "--yes").out == (
        "Successfully removed hosting configuration value DOMAIN (shared)\n"
    )
    assert hosting("config", "restore", "DOMAIN").code == 2


def test_key_that_code_cannot_name(hosting: Run) -> None:
    result = hosting("config", "set", "my-key", stdin="x")
    assert result.code == 0
    assert "Code can't refer to this name" in result.err


def test_removed_secret_is_set(hosting: Run) -> None:
    hosting("secret", "set", "KEY", stdin="first")
    hosting("secret", "remove", "KEY", "--yes")
    assert hosting("secret", "get", "KEY").code == 1
    result = hosting("secret", "set", "KEY", stdin="second")
    assert (result.code, "was scheduled for deletion" in result.err) == (0, True)


def test_refusals(hosting: Run, world: World, settings: Any) -> None:
    hosting("secret", "set", "KEY", stdin="x")
    for words, by, code, says in (
        (("secret", "get", "KEY"), "vera", 4, "does not allow"),
        (("secret", "set", "KEY"), "vera", 4, "does not allow"),
        (("config", "list"), "charlie", 4, "does not exist"),
        (("secret", "get", "MISSING"), "alice", 4, "There is no secret"),
        (("secret", "remove", "KEY"), "alice", 2, "Add --yes"),
        (("config", "get", "MISSING"), "alice", 4, "There is no value"),
        (("secret", "set", "a b"), "alice", 1, "Use only letters"),
    ):
        result = hosting(*words, by=by, stdin="x")
        assert (result.code, says in result.err) == (code, True), (words, result)
    settings.PARAMETER_STORE = "embedded"
    result = hosting("config", "list")
    assert (result.code, "PARAMETER_STORE=ssm" in result.err) == (5, True)
    world.app.hosting_project = ""
    world.app.save()
    result = hosting("config", "list")
    assert (result.code, "has no self-managed hosting project" in result.err) == (1, True)


def test_stages_that_none_can_be(hosting: Run, plain_secrets: Any) -> None:
    """Least of all the shared values, where a shell's variable is not set."""
    for stage in ("", "..", "All branches", "a/b"):
        for words in (("set", "KEY"), ("get", "KEY"), ("list",), ("remove", "KEY", "--yes")):
            refused = hosting("secret", *words, "--stage", stage, stdin="value")
            assert (refused.code, refused.err[:29]) == (1, "Enter the name of a stage: at")
    assert plain_secrets.list_secrets()["SecretList"] == []
