"""Amplify fails during a refresh: branches stay, and the page says so (guarantee 42)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from console.models import AuditEvent, Branch, Connection
from console.workflows.connected_apps import importing
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

URL = "/apps/d1shop/amplify/refresh/"


@pytest.mark.parametrize("operation", ["GetApp", "ListBranches"])
@pytest.mark.parametrize("fault", ["denied", "throttled", "failed", "reset", "cut", "garbage"])
def test_it_works(
    world: World,
    connected: AmplifyServer,
    clock: Traveller,
    client_for: Callable[[str], Client],
    fault: str,
    operation: str,
) -> None:
    connected.always(fault, on=operation)
    connected.add_branch("d1shop", "beta")
    connected.delete_branch("d1shop", "dev")
    vera, events = client_for("vera"), AuditEvent.objects.count()
    clock.shift(61)
    response = vera.post(URL, headers={"HX-Request": "true"})
    assert response.status_code == 200
    assert "Amplify could not be read" in response.text
    assert Connection.objects.get().problem in response.text
    assert set(Branch.objects.filter(app=world.app, deleted_at=None).values_list("name")) == {
        ("main",), ("dev",),
    }  # fmt: skip
    assert AuditEvent.objects.count() == events
    assert "arn:" not in response.text
    vera.post(URL)  # it is asked again only a minute later
    assert vera.get("/apps/d1shop/").status_code == 200
    connected.heal()
    clock.shift(61)
    vera.post(URL)
    assert Connection.objects.get().problem == ""
    assert Branch.objects.filter(app=world.app, name="beta").exists()


def test_app_that_amplify_deleted(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    connected.delete_app("d1shop")
    clock.shift(61)
    client_for("vera").post(URL)
    assert world.app.branches.filter(deleted_at=None).count() == 2
    assert Connection.objects.get().problem == "NotFoundException"


def test_amplify_is_turned_off(
    world: World,
    connected: AmplifyServer,
    clock: Traveller,
    client_for: Callable[[str], Client],
    settings: Any,
) -> None:
    settings.AMPLIFY = "off"
    clock.shift(61)
    assert client_for("vera").post(URL, headers={"HX-Request": "true"}).status_code == 200
    importing.disconnect(actor=world.actor("olga"), app_id="d1shop")
    assert not Connection.objects.exists()
