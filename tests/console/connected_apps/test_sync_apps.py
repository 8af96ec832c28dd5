"""`manage.py sync_apps` refreshes connected apps and pushes what waits."""

from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from console.amplify import pushes
from console.amplify.base import AmplifyService
from console.amplify.pushes import Pushed
from console.models import App, Branch
from console.workflows.connected_apps import importing
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    call_command("sync_apps", *arguments)
    return capsys.readouterr().out


def test_it_works(
    world: World, connected: AmplifyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.add_branch("d1shop", "beta")
    assert output(capsys) == "d1shop: Branches: 1 added.\n"
    assert Branch.objects.filter(app=world.app, name="beta").exists()
    assert output(capsys) == "d1shop: Nothing changed.\n"  # at once, unlike pages
    assert connected.operations() == ["GetApp", "ListBranches"] * 2


def test_pushes_what_waits(
    world: World,
    connected: AmplifyServer,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def push(service: AmplifyService, app: App, patience: float | None, *, at_once: bool) -> Pushed:
        assert (app.app_id, patience) == ("d1shop", None)
        return Pushed(done=3, waiting=1)

    monkeypatch.setattr(pushes, "_pushes", [push])
    assert output(capsys) == "d1shop: Values: 3 pushed, 1 waiting.\n"


def test_one_app(
    world: World, connected: AmplifyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.add_app("d2other", "Other")
    importing.connect(actor=world.actor("olga"), app_id="d2other")
    assert output(capsys, "--app", "d2other").startswith("d2other: ")
    assert output(capsys).startswith("d1shop: ")
    with pytest.raises(CommandError, match="No connected app has this app ID"):
        call_command("sync_apps", "--app", "dnone")


def test_one_app_fails(
    world: World, connected: AmplifyServer, capsys: pytest.CaptureFixture[str]
) -> None:
    connected.add_app("d2other", "Other")
    importing.connect(actor=world.actor("olga"), app_id="d2other")
    connected.delete_app("d1shop")
    connected.add_branch("d2other", "beta")
    with pytest.raises(CommandError, match="Not every app") as error:
        call_command("sync_apps")
    assert error.value.returncode == 5
    assert capsys.readouterr().out == (
        "d1shop: Amplify no longer has this. It was deleted outside Branchkeep.\n"
        "d2other: Branches: 1 added.\n"
    )


def test_amplify_is_off(world: World, connected: AmplifyServer, settings: Any) -> None:
    settings.AMPLIFY = "off"
    with pytest.raises(CommandError) as error:
        call_command("sync_apps")
    assert error.value.returncode == 5
