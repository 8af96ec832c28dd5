"""A secret copied as a line of .env is a reveal; the list has paths and commands (guarantee 6)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.access.policy import find_app
from console.models import AuditEvent
from secrets_app.queries import find_row
from tests.factories import create_branch, secret_paths, set_secret
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]


def copy_line(client: Client, pk: int) -> Any:
    url = f"/apps/d1shop/hosting/secrets/{pk}/reveal/"
    return client.post(url, {"as": "line"}, headers={"HX-Request": "true"})


def reveals() -> list[str]:
    events = AuditEvent.objects.filter(action="secret.reveal").order_by("pk")
    return [event.outcomes.get().outcome for event in events]


@pytest.mark.parametrize(
    ("value", "line"),
    [
        ("plain", "API_KEY=plain"),
        ("two words", "API_KEY=&#x27;two words&#x27;"),
        ("<b>'quoted'</b>", "API_KEY=&quot;&lt;b&gt;&#x27;quoted&#x27;&lt;/b&gt;&quot;"),
    ],
)
def test_it_works(world: World, client_for: ClientFor, value: str, line: str) -> None:
    secret = set_secret(world, "API_KEY", value, branch=world.dev)
    response = copy_line(client_for("bob"), secret.pk)
    assert f">{line}</output>" in response.text
    assert response.headers["Cache-Control"] == "no-store"
    assert reveals() == ["succeeded"]


def test_a_value_that_no_line_holds(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", "CANARY ${x} \"'`", branch=world.dev)
    response = copy_line(client_for("bob"), secret.pk)
    assert response.status_code == 422
    assert "CANARY" not in response.text
    assert "Copy the value instead." in response.text.replace("\n", " ")
    assert reveals() == ["succeeded"]  # it was read


def test_without_the_permission(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "API_KEY", "CANARY", branch=world.main)
    response = copy_line(client_for("bob"), secret.pk)
    assert response.status_code == 403
    assert "CANARY" not in response.text
    assert reveals() == ["denied"]


@pytest.mark.parametrize(
    ("branch", "quoted"),
    [("feature/login", "feature/login"), ("a$(reboot)'b", "'a$(reboot)'\"'\"'b'")],
)
def test_a_command_is_safe_in_a_shell(world: World, branch: str, quoted: str) -> None:
    row = set_secret(world, "API_KEY", branch=create_branch(world, branch))
    access = find_app(world.actor("alice"), "d1shop")
    shown = find_row(access, row.pk, access.branches)
    assert shown is not None
    assert shown.command == f"manage.py secret get API_KEY --app d1shop --branch {quoted}"


def test_the_path(world: World, settings: Any) -> None:
    rows = [set_secret(world, "API_KEY", branch=branch) for branch in (None, world.main)]
    settings.PARAMETER_STORE = "ssm"
    for row in rows:
        access = find_app(world.actor("alice"), "d1shop")
        shown = find_row(access, row.pk, access.branches)
        path, _ = secret_paths(world, "API_KEY", row.branch)
        assert shown is not None
        assert shown.path == path
        assert f"--name {path} --with-decryption" in shown.command
