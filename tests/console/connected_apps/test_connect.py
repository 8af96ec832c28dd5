"""Connecting an app that exists, and disconnecting it, in its general settings."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.test import Client

from console.access.acts import ConfirmationRequired
from console.catalog import services
from console.models import AuditOutcome, Branch, BranchConnection, Connection, Member
from console.workflows.connected_apps import importing
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

GENERAL = "/apps/d1shop/settings/general/"
CONNECT = "/apps/d1shop/settings/amplify/"
DISCONNECT = f"{CONNECT}disconnect/"
BRANCHES = "/apps/d1shop/settings/branches/"


@pytest.fixture
def olga(client_for: Callable[[str], Client], world: World) -> Client:
    """Return the browser of an operator who owns the app."""
    Member.objects.create(app=world.app, user=world.person("olga"), role="owner")
    return client_for("olga")


@pytest.fixture
def account(console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return an account that has the app, with the branches main and beta."""
    amplify = console_on_amplify
    amplify.add_app("d1shop", "Shop", production_branch="main")
    amplify.add_branch("d1shop", "main", stage="PRODUCTION")
    amplify.add_branch("d1shop", "beta", stage="BETA")
    return amplify


def test_it_works(olga: Client, world: World, account: AmplifyServer) -> None:
    page = olga.get(GENERAL).text
    assert "This app is not connected to Amplify." in page
    assert CONNECT in page
    preview = olga.get(CONNECT).text
    assert "Branches: 1 added" in preview
    assert not Connection.objects.exists()
    response = olga.post(CONNECT, follow=True)
    assert response.redirect_chain == [(GENERAL, 302)]
    assert "Connected to Amplify." in response.text
    assert {branch.name for branch in world.app.branches.all()} == {"main", "dev", "beta"}
    [outcome] = AuditOutcome.objects.filter(event__action="app.connect")
    assert (outcome.event.actor, outcome.event.subject) == ("olga@example.org", "Shop")
    assert outcome.detail == "Branches: 1 added"
    assert "amplifyapp.com" in olga.get(GENERAL).text

    response = olga.post(DISCONNECT, follow=True)
    assert "Disconnected from Amplify. Nothing was removed." in response.text
    assert not Connection.objects.exists()
    assert not BranchConnection.objects.exists()
    assert {branch.name for branch in world.app.branches.all()} == {"main", "dev", "beta"}
    assert AuditOutcome.objects.get(event__action="app.disconnect").outcome == "succeeded"


def test_again_changes_nothing(world: World, account: AmplifyServer) -> None:
    olga = world.actor("olga")
    assert importing.connect(actor=olga, app_id="d1shop")
    assert importing.connect(actor=olga, app_id="d1shop") is None
    assert AuditOutcome.objects.filter(event__action="app.connect").count() == 1


def test_owner_who_is_not_an_operator(
    client_for: Callable[[str], Client], account: AmplifyServer
) -> None:
    alice = client_for("alice")
    page = alice.get(GENERAL).text
    assert "ask an operator" in page
    assert CONNECT not in page
    for response in (alice.get(CONNECT), alice.post(CONNECT), alice.post(DISCONNECT)):
        assert response.status_code == 403
        assert "Only operators can do this." in response.text
    assert not Connection.objects.exists()
    assert account.operations() == []
    denied = AuditOutcome.objects.filter(event__actor="alice@example.org", outcome="denied")
    assert {row.event.action for row in denied} == {"app.connect", "app.disconnect"}


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_services_refuse(world: World, account: AmplifyServer, name: str) -> None:
    actor = world.actor(name)
    with pytest.raises(PermissionDenied):
        importing.connect(actor=actor, app_id="d1shop")
    with pytest.raises(PermissionDenied):
        importing.disconnect(actor=actor, app_id="d1shop")
    with pytest.raises(PermissionDenied):
        importing.import_app(actor=actor, app_id="d1shop", path_profile="both")
    with pytest.raises(ConfirmationRequired):
        importing.connect(actor=world.old_actor("olga"), app_id="d1shop")
    with pytest.raises(Http404):
        importing.disconnect(actor=world.actor("olga"), app_id="dnone")
    assert account.operations() == []


def test_asks_for_the_password(olga: Client, account: AmplifyServer) -> None:
    session = olga.session
    session["confirmed_at"] -= 3600
    session.save()
    response = olga.post(CONNECT)
    assert response.status_code == 403
    assert "To connect the app, whose branches Amplify then decides" in response.text
    assert not Connection.objects.exists()


def test_app_that_amplify_does_not_have(olga: Client, console_on_amplify: AmplifyServer) -> None:
    for response in (olga.get(CONNECT), olga.post(CONNECT)):
        assert response.status_code == 404
        assert "Amplify no longer has this." in response.text
    assert not Connection.objects.exists()


def test_amplify_is_off(olga: Client) -> None:
    assert "Amplify is off" in olga.get(CONNECT).text
    assert "Amplify is off" in olga.post(CONNECT).text


def test_amplify_decides_stage_and_production(
    olga: Client, world: World, account: AmplifyServer
) -> None:
    olga.post(CONNECT)
    beta = Branch.objects.get(name="beta")
    assert 'name="stage"' not in olga.get(f"{BRANCHES}{beta.pk}/").text
    assert olga.post(f"{BRANCHES}{beta.pk}/", {"protected": "on"}).status_code == 302
    beta.refresh_from_db()
    assert (beta.stage, beta.protected) == ("BETA", True)
    arguments: Any = {"actor": world.actor("olga"), "app_id": "d1shop"}
    for fields in ({"stage": "EXPERIMENTAL"}, {"production": True}):
        with pytest.raises(ValidationError, match="Amplify decides"):
            services.change_branch(pk=beta.pk, fields=fields, **arguments)
    with pytest.raises(ValidationError, match="Amplify decides"):
        services.change_branch(pk=world.dev.pk, fields={"production": True}, **arguments)
    with pytest.raises(ValidationError, match="Amplify decides"):
        services.add_branch(fields={"name": "new", "production": True}, **arguments)
    services.change_branch(pk=world.dev.pk, fields={"stage": "BETA"}, **arguments)


def test_branches_that_amplify_has_cannot_be_deleted(
    olga: Client, world: World, account: AmplifyServer
) -> None:
    olga.post(CONNECT)
    beta = Branch.objects.get(name="beta")
    page = olga.get(BRANCHES).text
    assert f"{BRANCHES}{beta.pk}/delete/" not in page
    assert f"{BRANCHES}{world.dev.pk}/delete/" in page
    for send in (olga.get, olga.post):
        response = send(f"{BRANCHES}{beta.pk}/delete/", follow=True)
        assert response.redirect_chain == [(BRANCHES, 302)]
        assert "Amplify still has this branch." in response.text
    with pytest.raises(ValidationError, match="Amplify still has this branch"):
        services.delete_branch(actor=world.actor("olga"), app_id="d1shop", pk=beta.pk)
    assert olga.post(f"{BRANCHES}{world.dev.pk}/delete/").status_code == 302
    assert not Branch.objects.filter(pk=world.dev.pk, deleted_at=None).exists()


def test_connecting_again_after_a_deletion(world: World, account: AmplifyServer) -> None:
    olga = world.actor("olga")
    importing.connect(actor=olga, app_id="d1shop")
    importing.disconnect(actor=olga, app_id="d1shop")
    account.delete_branch("d1shop", "beta")
    plan = importing.connect(actor=olga, app_id="d1shop")
    assert plan
    assert plan.changes == []  # unknown by now whether it was added by hand
    assert Branch.objects.get(name="beta").deleted_at is None
