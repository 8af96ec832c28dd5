"""Operators can list the parameters that belong to no app in Branchkeep (guarantee 13)."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.lib.naming.names import PathProfile
from console.models import App, Branch
from secrets_app.orphans import elsewhere
from secrets_app.paths import Standalone, locate
from tests.factories import create_standalone, reconcile_now, set_secret, write_outside
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

URL = "/operation/orphans/"
HASH = "0123456789"
PATHS = {
    "/amplify/d9unknown/main/A": ("app", "/amplify/d9unknown", "d9unknown"),
    "/amplify/shared/d9unknown/A": ("app", "/amplify/d9unknown", "d9unknown"),
    f"/amplify/d9unknown/main-branch-{HASH}/A": ("app", "/amplify/d9unknown", "d9unknown"),
    "/amplify/d9unknown/A": ("app", "/amplify/d9unknown", "d9unknown"),
    "/amplify/branchkeep-bin/d8gone/7/A": ("bin", "/amplify/branchkeep-bin/d8gone", "d8gone"),
    f"/amplify/webshop/ana-sandbox-{HASH}/A": (
        "sandbox",
        f"/amplify/webshop/ana-sandbox-{HASH}",
        "",
    ),
    f"/amplify/team/api-standalone-{HASH}/A": (
        "standalone",
        f"/amplify/team/api-standalone-{HASH}",
        "",
    ),
    f"/amplify/demo/ana-sandbox-{HASH}/A": ("sandbox", f"/amplify/demo/ana-sandbox-{HASH}", ""),
    "/amplify/hosting/web-shop/config/A": ("hosting", "/amplify/hosting/web-shop", ""),
    f"/amplify/resource_reference/d1shop/main-branch-{HASH}/A": (
        "references",
        "/amplify/resource_reference/d1shop",
        "",
    ),
    "/amplify/shared/my-app/A": ("standalone", "/amplify/shared/my-app", ""),
    f"/amplify/webshop/main-branch-{HASH}/A": ("other", "/amplify/webshop", ""),
    "/amplify/A": ("other", "/amplify", ""),
}
OF_AN_APP = (
    "/amplify/hosting/claimed/config/beta/A",
    "/amplify/d1shop/old/A",
    "/amplify/branchkeep-bin/d1shop/7/A",
    "/amplify/d2other/x/A",
)


@pytest.fixture
def seeded(world: World, either_store: str) -> None:
    """Write a parameter to each place, and some that an app's pages list."""
    set_secret(world, "API_KEY", branch=world.main)
    App.objects.filter(app_id="d2other").update(hosting_project="claimed")
    for path in (*PATHS, *OF_AN_APP, "/other/A"):
        write_outside(path)


@pytest.mark.usefixtures("seeded")
def test_it_works(world: World, store_calls: StoreCalls) -> None:
    found = elsewhere.find(world.actor("olga"), lambda: True)
    assert {(it.place, it.folder, it.app_id) for it in found.groups} == {*PATHS.values()}
    assert (found.groups[0].place, found.groups[0].number) == ("app", 4)
    assert sum(it.number for it in found.groups) == len(PATHS)
    assert found.is_complete
    assert {*store_calls.operations[-2:]} <= {"list"}


@pytest.mark.usefixtures("seeded")
def test_page(world: World, client_for: Callable[[str], Client]) -> None:
    olga = client_for("olga")
    assert "d9unknown" not in olga.get(URL).text
    page = " ".join(olga.post(URL).text.split())
    assert "An app that isn't in Branchkeep" in page
    assert 'href="/apps/new/?app_id=d9unknown"' in page
    assert 'value="d9unknown"' in olga.get("/apps/new/?app_id=d9unknown").text
    assert all(folder in page for _, folder, _ in PATHS.values())
    assert "from outside" not in page
    for name in ("alice", "charlie"):
        assert client_for(name).post(URL).status_code == 403


def test_standalone_backends(world: World) -> None:
    """A folder of a backend in Branchkeep may hold parameters of another identifier."""
    mine = create_standalone(world, "my-app")
    Branch.objects.create(app=mine, name="日本語")
    for name in ("backend", "stage", "日本語"):
        write_outside(locate(Standalone("my-app", name), "A", PathProfile.STANDALONE).primary)
    write_outside("/amplify/shared/my-app/A")
    assert not elsewhere.find(world.actor("olga"), lambda: True).groups
    theirs = locate(Standalone("myapp", "backend"), "A", PathProfile.STANDALONE).primary
    write_outside(theirs)
    write_outside("/amplify/shared/myapp/A")
    found = elsewhere.find(world.actor("olga"), lambda: True).groups
    assert [(it.place, it.folder) for it in found] == [
        ("standalone", theirs.rpartition("/")[0]),
        ("standalone", "/amplify/shared/myapp"),
    ]


def test_nothing(world: World, client_for: Callable[[str], Client]) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    assert "Every parameter below" in client_for("olga").post(URL).text


@pytest.mark.usefixtures("console_on_ssm")
def test_a_listing_that_takes_too_long(world: World) -> None:
    for number in range(15):
        write_outside(f"/amplify/d9unknown/main/KEY_{number}")
    found = elsewhere.find(world.actor("olga"), lambda: False)
    assert not found.is_complete
    assert found.listed == 10  # moto's page


def test_command(world: World, manage: Callable[..., Any]) -> None:
    world.person("olga")
    world.person("alice")
    write_outside("/amplify/d9unknown/main/A")
    reconcile_now(world)
    run = ("orphans", "--elsewhere", "--as")
    shown = manage(*run, "olga@example.org")
    assert (shown.code, shown.out.split()[-5:-2]) == (0, ["app", "d9unknown", "/amplify/d9unknown"])
    [one] = json.loads(manage(*run, "olga@example.org", "--format", "json").out)
    assert (one["place"], one["app"], one["parameters"]) == ("app", "d9unknown", 1)
    assert manage(*run, "alice@example.org").code == 4
    assert manage(*run, "olga@example.org", "--app", "d1shop").code == 2
