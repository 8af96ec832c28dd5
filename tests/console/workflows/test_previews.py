"""What pages and commands say of a preview: what it would take, and that it doesn't have it yet."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client

from console.catalog.previews import add_rule
from console.models import Branch
from tests.factories import create_branch, set_secret, set_variable
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

APP = "/apps/d1shop"
SECRETS, VARIABLES = f"{APP}/hosting/secrets/", f"{APP}/hosting/environment-variables/"
AS = ("--app", "d1shop", "--as", "bob@example.org")
Manage = Callable[..., CommandResult]


@pytest.fixture
def pr(world: World) -> Branch:
    """Return pr-12, a preview of dev, which has secrets and variables that pr-12 doesn't have."""
    branch = create_branch(world, "pr-12")
    add_rule(actor=world.actor("alice"), app_id="d1shop", pattern="pr-*", source_id=world.dev.pk)
    set_secret(world, "API_KEY", "of dev", world.dev)
    set_secret(world, "SHARED", "of all")
    set_secret(world, "SHARED", "of dev", world.dev)
    set_secret(world, "OWN", "of dev", world.dev)
    set_secret(world, "OWN", "of pr", branch)
    set_secret(world, "BOTH", "of dev", world.dev)
    set_variable(world, "BOTH", "of pr", branch)
    set_variable(world, "API_URL", "https://dev.example.org", world.dev)
    world.person("bob")
    return branch


def test_it_works(client_for: Callable[[str], Client], world: World, pr: Branch) -> None:
    bob = client_for("bob")
    text = bob.get(f"{SECRETS}?branch={pr.pk}").content.decode()
    assert text.count("Not copied") == 2
    assert "dev has it. Copy it to make it effective on pr-12" in text
    assert "dev overrides the value for All branches. Copy it" in text
    assert "Missing or not copied" in text
    text = bob.get(f"{VARIABLES}?branch={pr.pk}").content.decode()
    assert text.count("Not copied") == 1
    text = bob.get(f"{APP}/compare/").content.decode()
    assert text.count(" offered") == 3
    assert "To copy to previews" in text
    shown = bob.get(f"{APP}/compare/?show=offered").content.decode()
    assert [key in shown for key in ("API_<wbr>KEY", "OWN", "API_<wbr>URL")] == [True, False, True]
    lines = bob.get(f"{APP}/compare/export/").content.decode().splitlines()
    assert lines[0].endswith('"pr-12"')
    [row] = [line for line in lines if line.startswith('"secret","API_KEY"')]
    assert row.endswith(', to copy"')


def test_other_pages_say_nothing(
    client_for: Callable[[str], Client], world: World, pr: Branch
) -> None:
    bob = client_for("bob")
    for branch in (world.dev, world.main):
        text = bob.get(f"{SECRETS}?branch={branch.pk}").content.decode()
        assert "Not copied" not in text
    create_branch(world, "feature")
    assert bob.get(f"{APP}/compare/").content.decode().count(" offered") == 3


def test_why(client_for: Callable[[str], Client], world: World, pr: Branch) -> None:
    secret = world.app.secrets.get(key="API_KEY", branch=world.dev)
    why = f"{SECRETS}{secret.pk}/why/?on={pr.pk}"
    text = client_for("bob").get(why).content.decode()
    assert "pr-12 has no value." in text
    assert "pr-12 would take this from dev. Copy it to make it effective." in text
    assert f'href="{APP}/compare/{pr.pk}/"' in text
    text = client_for("vera").get(why).content.decode()
    assert "would take this from dev" in text
    assert f"{APP}/compare/{pr.pk}/" not in text


def test_why_of_other_keys(client_for: Callable[[str], Client], world: World, pr: Branch) -> None:
    bob = client_for("bob")
    for key in ("OWN", "BOTH"):
        secret = world.app.secrets.get(key=key, branch=world.dev)
        assert "would take" not in bob.get(f"{SECRETS}{secret.pk}/why/?on={pr.pk}").content.decode()
    shared = world.app.secrets.get(key="SHARED", branch=None)
    text = bob.get(f"{SECRETS}{shared.pk}/why/?on={pr.pk}").content.decode()
    assert "pr-12 inherits the value for All branches" in text
    assert "would take this from dev" in text


def test_commands(manage: Manage, world: World, pr: Branch) -> None:
    note = "pr-12 would take 3 values from dev. Copy them to make them effective.\n"
    found = manage("run", *AS, "--branch", "pr-12", "--list")
    assert found.err == note
    assert found.out == "BOTH\tvariable\town\nOWN\tsecret\town\nSHARED\tsecret\tinherited\n"
    found = manage("pull", *AS, "--branch", "pr-12")
    assert found.err == "pr-12 would take 1 value from dev. Copy it to make it effective.\n"
    assert "API_URL" not in found.out
    assert "would take 2 values" in manage("secret", "list", *AS, "--branch", "pr-12").err
    assert manage("run", *AS, "--branch", "dev", "--list").err == ""
    found = manage("explain", "API_KEY", *AS, "--branch", "pr-12")
    assert found.out.splitlines()[1] == (
        "pr-12 would take this from dev. Copy it to make it effective."
    )
    [why] = json.loads(manage("explain", "API_KEY", *AS, "--branch", "pr-12", "--json").out)
    assert (why["offered_by"], why["used"]) == ("dev", None)


def test_check_environment(manage: Manage, world: World, pr: Branch, tmp_path: Path) -> None:
    code = 'secret("API_KEY"); secret("GONE"); process.env.BOTH; secret("OWN");'
    (tmp_path / "amplify").mkdir()
    text = f'import {{ secret }} from "@aws-amplify/backend";\n{code}\n'
    (tmp_path / "amplify" / "backend.ts").write_text(text)
    found = manage("check_environment", *AS, "--branch", "pr-12", str(tmp_path))
    assert found.code == 1
    lines = {line.split()[3]: line for line in found.out.splitlines()[1:]}
    assert lines["API_KEY"].split()[1] == "missing"
    assert "A preview would take this from dev. Copy it" in lines["API_KEY"]
    assert "would take" not in lines["GONE"]
    assert lines["OWN"].split()[1] == "own"


def test_preview_command(manage: Manage, world: World, pr: Branch) -> None:
    owner = ("--app", "d1shop", "--as", "alice@example.org")
    assert manage("preview", "add", "x-*", "--from", "main", *owner).out == (
        "Added the rule for x-*\n"
    )
    rules = manage("preview", "rules", *AS).out.splitlines()
    assert [line.split() for line in rules] == [
        ["PATTERN", "TAKES", "FROM", "BRANCHES"],
        ["pr-*", "dev", "pr-12"],
        ["x-*", "main"],
    ]
    assert manage("preview", "remove", "x-*", *owner).code == 0
    assert manage("preview", "remove", "x-*", *owner).code == 4
    assert manage("preview", "add", "x-*", "--from", "nowhere", *owner).code == 4
    assert manage("preview", "add", "pr-*", "--from", "main", *owner).code == 1
    assert manage("preview", "add", "x-*", "--from", "dev", *AS).code == 4
    listed = json.loads(manage("preview", "list", *AS, "--branch", "pr-12", "--format", "json").out)
    assert [(it["key"], it["kind"], it["state"]) for it in listed] == [
        ("API_KEY", "secret", "not copied"),
        ("SHARED", "secret", "not copied"),
        ("API_URL", "variable", "not copied"),
    ]
    assert manage("preview", "list", *AS, "--branch", "main").code == 1
