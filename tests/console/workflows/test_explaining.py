"""When a value takes effect: the last deployment of each branch against the last change."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.environment.sources import source_of
from console.models import Branch
from console.workflows.explaining import Why, explain
from tests.factories import access_of, connect, deploy, look, secret_row, set_secret, set_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with main deployed after the secret API_KEY was set; dev never was."""
    set_secret(world, "API_KEY")
    connect(world, console_on_amplify)
    deploy(world, console_on_amplify, "main")
    look(world)
    return console_on_amplify


def why(world: World, branch: Branch | None, noun: str = "secret", key: str = "API_KEY") -> Why:
    found = explain(access_of(world, "vera"), source_of(noun), key, branch.pk if branch else None)
    assert found is not None
    return found


@pytest.mark.usefixtures("amplify")
def test_it_works(
    world: World,
    client_for: Callable[[str], Client],
    manage: Callable[..., CommandResult],
) -> None:
    [main] = why(world, world.main).timings
    assert main.deployment is not None
    assert (main.branch, main.deployment.job_id, main.changed_at) == (world.main, "1", None)
    set_secret(world, "API_KEY", "own", world.main)
    [main] = why(world, world.main).timings
    assert main.changed_at is not None
    [dev] = why(world, world.dev).timings
    assert (dev.branch, dev.deployment) == (world.dev, None)
    page = f"/apps/d1shop/hosting/secrets/{secret_row(world, 'API_KEY').pk}/why/?on="
    shown = client_for("vera").get(f"{page}{world.main.pk}").content.decode()
    assert "The next one has the change." in shown
    assert "dev was never deployed." in client_for("vera").get(page).content.decode()
    scope = ("--app", "d1shop", "--branch", "main", "--as", "vera@example.org")
    assert "after deployment 1 of main had started" in manage("explain", "API_KEY", *scope).out


@pytest.mark.usefixtures("amplify")
def test_all_branches_without_overrides(world: World) -> None:
    assert [it.branch for it in why(world, None).timings] == [world.dev, world.main]
    set_secret(world, "API_KEY", "own", world.main)
    assert [it.branch for it in why(world, None).timings] == [world.dev]


@pytest.mark.usefixtures("amplify")
def test_another_key_or_kind_has_changed(world: World) -> None:
    set_secret(world, "OTHER", "own", world.main)
    set_variable(world, "API_KEY", "own", world.main)
    [main] = why(world, world.main).timings
    assert main.changed_at is None
    [main] = why(world, world.main, "variable").timings
    assert main.changed_at is not None


def test_not_connected(world: World) -> None:
    set_secret(world, "API_KEY")
    assert why(world, world.main).timings == []
