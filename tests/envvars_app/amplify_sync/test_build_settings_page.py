"""The page of a connected app's build settings: push after a save, and decide differences."""

import re
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Connection
from envvars_app.amplify_sync import deciding
from envvars_app.buildspec import DEFAULT
from envvars_app.models import SyncedScope
from tests.envvars_app.amplify_sync.steps import read_amplify
from tests.factories import messages_of
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

PAGE = "/apps/d1shop/hosting/build-settings/"
PUSH = "/apps/d1shop/hosting/environment-variables/amplify/push/"
OURS, THEIRS = f"{DEFAULT}# ours\n", f"{DEFAULT}# theirs\n"


def save(client: Client, text: str, base: int = 0, query: str = "") -> Any:
    """Save the build settings, and return the page that follows."""
    return client.post(f"{PAGE}edit/{query}", {"text": text, "base": base}, follow=True)


def decide(client: Client, choice: str, seen: str = "") -> list[str]:
    """Press a button of the page, and return the messages that follow."""
    page = client.get(PAGE).text
    form = re.search(rf'amplify/{choice}/".*?name="seen" value="(\w+)"', page, re.DOTALL)
    seen = seen or (form[1] if form else "")
    return messages_of(client.post(f"{PAGE}amplify/{choice}/", {"seen": seen}, follow=True))


def conflict(client: Client, amplify: AmplifyServer) -> Any:
    """Save after somebody has changed the settings in Amplify. Return the page that follows."""
    amplify.before("GetApp").set_build_spec("d1shop", THEIRS)
    return save(client, OURS)


def test_it_works(alice: Client, connected: AmplifyServer) -> None:
    page = save(alice, OURS)
    assert connected.build_spec("d1shop") == OURS
    assert connected.operations() == ["GetApp", "UpdateApp", "GetApp"]
    assert "build-difference" not in page.text


def test_conflict(alice: Client, connected: AmplifyServer) -> None:
    page = conflict(alice, connected)
    assert connected.build_spec("d1shop") == THEIRS
    assert "Branchkeep didn't push them" in " ".join(page.text.split())
    assert "What you save isn't pushed until" in " ".join(alice.get(f"{PAGE}edit/").text.split())


@pytest.mark.parametrize(
    ("choice", "text", "message"),
    [
        ("use", THEIRS, "Branchkeep now has Amplify's build settings."),
        ("keep", OURS, "Amplify now has Branchkeep's build settings."),
    ],
)
def test_decide(
    alice: Client, connected: AmplifyServer, choice: str, text: str, message: str
) -> None:
    conflict(alice, connected)
    assert decide(alice, choice) == [message]
    assert connected.build_spec("d1shop") == text
    assert alice.get(f"{PAGE}download/").text == text
    assert "isn't pushed until" not in alice.get(f"{PAGE}edit/").text


def test_amplify_changed_again_between_the_choice_and_the_push(
    alice: Client, connected: AmplifyServer
) -> None:
    conflict(alice, connected)
    connected.before("GetApp").set_build_spec("d1shop", f"{THEIRS}# again\n")
    assert decide(alice, "keep") == [
        "Nothing was pushed. Amplify was changed again in between. Review the difference, then "
        "choose again."
    ]
    assert connected.build_spec("d1shop") == f"{THEIRS}# again\n"


def test_kept_settings_wait_for_amplify(alice: Client, connected: AmplifyServer) -> None:
    conflict(alice, connected)
    connected.always("throttled")
    assert decide(alice, "keep") == [
        "Branchkeep's build settings will be pushed to Amplify later. Amplify is receiving too "
        "many requests. Try again in a minute."
    ]
    page = " ".join(alice.get(PAGE).text.split())
    assert "wait to be pushed to Amplify. Amplify is receiving too many requests." in page


@pytest.mark.parametrize("choice", ["use", "keep"])
def test_from_a_page_that_is_outdated(alice: Client, connected: AmplifyServer, choice: str) -> None:
    conflict(alice, connected)
    decide(alice, "keep")
    assert decide(alice, choice, seen="x") == [deciding.CHANGED]


def test_push_now_returns_to_the_page(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    query = f"?branch={world.dev.pk}"
    connected.always("throttled")
    assert f'action="{PUSH}{query}"' in save(alice, OURS, query=query).text
    connected.heal()
    SyncedScope.objects.update(attempted_at=None)
    response = alice.post(f"{PUSH}{query}", {"back": "build"}, follow=True)
    assert response.redirect_chain == [(f"{PAGE}{query}", 302)]
    assert messages_of(response) == ["1 change has reached Amplify."]
    assert connected.build_spec("d1shop", "dev") == OURS


def test_settings_from_amplify(
    alice: Client, world: World, console_on_amplify: AmplifyServer
) -> None:
    console_on_amplify.add_app("d1shop", "Shop", build_spec=THEIRS)
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    read_amplify(world)
    page = " ".join(alice.get(PAGE).text.split())
    assert "Version 1, saved in Amplify" in page
    assert '<span class="any">in Amplify</span>' in page
