"""After Compare was loaded, the browser has the stores checked, and shows what changed outside."""

from django.test import Client

from tests.factories import secret_paths, set_secret, write_outside
from tests.factories.compare import COMPARE, states
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

CHECK = f"{COMPARE}check/"
HTMX = {"hx-request": "true"}


def test_it_works(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    write_outside(secret_paths(world, "OUTSIDE", world.main)[0])
    assert f'hx-post="{CHECK}?"' in alice.get(COMPARE).text
    response = alice.post(f"{CHECK}?q=OUT", headers=HTMX)
    assert states(response) == {"OUTSIDE": ["Not set", "Own", "Missing"]}
    assert "<html" not in response.text


def test_nothing_changed(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    assert alice.post(CHECK, headers=HTMX).status_code == 204


def test_the_store_does_not_answer(
    world: World, alice: Client, interrupted: InterruptedStore
) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    interrupted.before("list", deny_access)
    assert alice.post(CHECK, headers=HTMX).status_code == 204


def test_without_scripts(alice: Client) -> None:
    assert alice.post(CHECK)["Location"] == COMPARE
