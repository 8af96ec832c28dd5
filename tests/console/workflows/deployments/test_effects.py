"""What changed since a branch was deployed: own values, and those for All branches that it gets."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from console.amplify.pushes import push_pending
from console.amplify.service import service
from console.models import Connection
from console.workflows.deployments import acting, effects
from tests.factories import (
    access_of,
    connect,
    delete_secret,
    deploy,
    look,
    reconcile_now,
    secret_paths,
    set_secret,
    set_variable,
    state_of,
    write_outside,
)
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


@pytest.fixture
def amplify(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return the account, with main and dev deployed after the secret OLD was set."""
    set_secret(world, "OLD", "value", world.dev)
    connect(world, console_on_amplify)
    deploy_both(world, console_on_amplify)
    return console_on_amplify


def deploy_both(world: World, amplify: AmplifyServer) -> None:
    deploy(world, amplify, "main")
    deploy(world, amplify, "dev")
    look(world)


def keys(world: World, name: str = "dev") -> list[str]:
    return state_of(world, name).keys


def test_it_works(world: World, amplify: AmplifyServer) -> None:
    assert keys(world) == []
    set_secret(world, "API_KEY", "value", world.dev)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    assert keys(world) == ["API_KEY", "API_URL"]
    assert keys(world, "main") == []
    waiting = effects.of_app(access_of(world, "vera")).waiting
    assert waiting == {("secret", "dev", "API_KEY"), ("variable", "dev", "API_URL")}
    deploy_both(world, amplify)
    assert keys(world) == []


def test_all_branches(world: World, amplify: AmplifyServer) -> None:
    set_variable(world, "API_URL", "https://dev.example.org", world.dev)
    deploy_both(world, amplify)
    set_variable(world, "API_URL", "https://example.org")
    assert keys(world) == []  # it has its own value
    assert keys(world, "main") == ["API_URL"]


def test_removal(world: World, amplify: AmplifyServer) -> None:
    delete_secret(world, "OLD", world.dev)
    assert keys(world) == ["OLD"]


def test_change_outside(world: World, amplify: AmplifyServer) -> None:
    write_outside(secret_paths(world, "OLD", world.dev)[0])
    reconcile_now(world)
    assert keys(world) == ["OLD"]


def test_failed_deployment_changes_nothing(world: World, amplify: AmplifyServer) -> None:
    set_secret(world, "API_KEY", "value", world.dev)
    deploy(world, amplify, "dev", "FAILED")
    look(world)
    assert keys(world) == ["API_KEY"]


def test_running_deployment_includes_what_was_there_before(
    world: World, amplify: AmplifyServer
) -> None:
    set_secret(world, "API_KEY", "value", world.dev)
    amplify.start_job("d1shop", "dev")
    look(world)
    assert keys(world) == []
    set_secret(world, "LATER", "value", world.dev)
    assert keys(world) == ["LATER"]
    amplify.finish_job("d1shop", "dev", "FAILED")
    look(world)
    assert keys(world) == ["API_KEY", "LATER"]


def test_variable_that_reaches_amplify_late(world: World, amplify: AmplifyServer) -> None:
    amplify.always("denied", on="UpdateBranch")
    set_variable(world, "API_URL", "https://example.org", world.dev)
    assert push_pending(service(), world.app).done == 0
    deploy_both(world, amplify)
    assert keys(world) == []  # it is shown as pending
    amplify.heal()
    assert push_pending(service(), world.app).done == 1
    assert keys(world) == ["API_URL"]


def test_deployment_that_is_being_stopped(world: World, amplify: AmplifyServer) -> None:
    set_secret(world, "API_KEY", "value", world.dev)
    amplify.start_job("d1shop", "dev")
    look(world)
    acting.stop(actor=world.actor("bob"), app_id="d1shop", pk=world.dev.pk, job_id="2")
    assert keys(world) == ["API_KEY"]


def test_never_deployed(world: World, amplify: AmplifyServer) -> None:
    amplify.delete_branch("d1shop", "dev")
    world.dev.deployments.all().delete()
    set_secret(world, "API_KEY", "value", world.dev)
    assert keys(world) == []
    assert state_of(world, "dev").basis is None


def test_number_of_queries_does_not_grow(world: World, amplify: AmplifyServer) -> None:
    set_secret(world, "API_KEY", "value")
    set_variable(world, "API_URL", "https://example.org")
    access = access_of(world, "alice")
    _ = access.branches, access.app.connection
    with CaptureQueriesContext(
        connection,
    ) as few:
        effects.of_app(access)
    assert len(few) == 5
    for number in range(10):
        set_secret(world, f"KEY_{number}", "value", world.dev)
    with CaptureQueriesContext(connection) as many:
        effects.of_app(access)
    assert len(many) == 5


def test_not_connected(world: World, amplify: AmplifyServer) -> None:
    Connection.objects.all().delete()
    set_secret(world, "API_KEY", "value", world.dev)
    assert effects.of_app(access_of(world, "alice")) == effects.Effects()
