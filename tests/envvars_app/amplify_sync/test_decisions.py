"""Differences between here and Amplify: a person decides which value stays."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Connection, Member
from envvars_app.amplify_sync import deciding
from envvars_app.models import SyncedVariable
from tests.envvars_app.amplify_sync.steps import events, read_amplify, states
from tests.envvars_app.amplify_sync.test_pages import ADD, AMPLIFY, LIST, conflict, decide
from tests.factories import messages_of, set_variable, variable_values
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World


def test_it_works(alice: Client, world: World, connected: AmplifyServer) -> None:
    conflict(world, connected)
    page = alice.get(AMPLIFY).content.decode()
    assert "Conflict" in page
    assert "theirs" in page
    assert decide(alice, "API_URL", "use").status_code == 302
    assert variable_values(world) == {("", "API_URL"): "theirs"}
    assert states(world) == {}
    assert connected.variables("d1shop") == {"API_URL": "theirs"}


@pytest.mark.parametrize(("choice", "value"), [("use", "theirs"), ("keep", "ours")])
def test_decide_at_the_row(
    alice: Client, world: World, connected: AmplifyServer, choice: str, value: str
) -> None:
    conflict(world, connected)
    page = alice.get(LIST).content.decode()
    assert '<span>Amplify holds</span><code class="value">theirs</code>' in page
    button = rf'name="seen" value="(\w+)"\s+formaction="(amplify/[0-9]+/{choice}/)"'
    found = re.search(button, page)
    assert found, page
    response = alice.post(f"{LIST}{found[2]}", {"seen": found[1], "back": "list"})
    assert response["Location"] == LIST
    assert connected.variables("d1shop") == {"API_URL": value}
    assert variable_values(world) == {("", "API_URL"): value}


def test_keep_the_value_here(alice: Client, world: World, connected: AmplifyServer) -> None:
    conflict(world, connected)
    decide(alice, "API_URL", "keep")
    assert connected.variables("d1shop") == {"API_URL": "ours"}
    assert states(world) == {}
    assert [event[1:] for event in events("amplify")] == [
        ("amplify.keep_variable", "API_URL", "succeeded"),
        ("amplify.variable", "API_URL", "succeeded"),
    ]


def test_removed_in_amplify(alice: Client, world: World, connected: AmplifyServer) -> None:
    alice.post(f"{LIST}manage/", ADD)
    connected.remove_variable("d1shop", "API_URL")
    read_amplify(world)
    decide(alice, "API_URL", "use")
    assert variable_values(world) == {}
    assert states(world) == {}


def test_added_in_amplify(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.set_variable("d1shop", "NEW", "theirs", "dev")
    read_amplify(world)
    decide(alice, "NEW", "use")
    assert variable_values(world) == {("dev", "NEW"): "theirs"}


def test_added_in_amplify_and_refused(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    connected.set_variable("d1shop", "NEW", "theirs", "dev")
    read_amplify(world)
    decide(alice, "NEW", "keep")
    assert connected.variables("d1shop", "dev") == {}
    assert SyncedVariable.objects.count() == 0


def test_the_value_changed_after_the_page_was_loaded(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    row = SyncedVariable.objects.get()
    page = alice.get(AMPLIFY).content.decode()
    seen = re.search(r'name="seen" value="(\w+)"', page)
    assert seen
    connected.set_variable("d1shop", "API_URL", "theirs again")
    read_amplify(world)
    response = alice.post(f"{AMPLIFY}{row.pk}/keep/", {"seen": seen[1]}, follow=True)
    assert "has changed since this page was loaded" in response.content.decode()
    assert connected.variables("d1shop") == {"API_URL": "theirs again"}


def test_amplify_changed_again_between_the_choice_and_the_push(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    connected.before("GetApp").set_variable("d1shop", "API_URL", "theirs again")
    decide(alice, "API_URL", "keep")
    assert messages_of(alice.get(AMPLIFY)) == [
        "Nothing was pushed. Amplify was changed again in between. Review the difference, then "
        "choose again."
    ]
    assert connected.variables("d1shop") == {"API_URL": "theirs again"}


def test_a_kept_value_waits_for_amplify(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    connected.always("throttled")
    decide(alice, "API_URL", "keep")
    assert messages_of(alice.get(AMPLIFY)) == [
        "Branchkeep's value will be pushed to Amplify later. Amplify is receiving too many "
        "requests. Try again in a minute."
    ]


@pytest.mark.parametrize("choice", ["use", "keep"])
def test_a_button_pressed_twice(
    alice: Client, world: World, connected: AmplifyServer, choice: str
) -> None:
    connected.set_variable("d1shop", "NEW", "theirs")
    read_amplify(world)
    url = f"{AMPLIFY}{SyncedVariable.objects.get().pk}/{choice}/"
    decide(alice, "NEW", "keep")  # neither side has it anymore
    assert messages_of(alice.get(AMPLIFY)) == ["The variable was removed in Amplify."]
    response = alice.post(url, {"seen": "x"}, follow=True)
    assert messages_of(response) == [deciding.CHANGED]


@pytest.mark.parametrize("choice", ["use", "keep"])
def test_a_viewer_decides_nothing(
    client_for: Callable[[str], Client], world: World, connected: AmplifyServer, choice: str
) -> None:
    conflict(world, connected)
    row = SyncedVariable.objects.get()
    vera = client_for("vera")
    assert "Keep Branchkeep" not in vera.get(AMPLIFY).content.decode()
    assert vera.post(f"{AMPLIFY}{row.pk}/{choice}/", {"seen": "x"}).status_code == 403
    assert states(world) == {"API_URL": "conflict"}


def test_a_difference_of_another_app(
    client_for: Callable[[str], Client], world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    row = SyncedVariable.objects.get()
    oscar = client_for("oscar")
    Connection.objects.create(app=world.other_app, connected_at=timezone.now(), connected_by="x")
    url = f"/apps/d2other/hosting/environment-variables/amplify/{row.pk}/keep/"
    assert messages_of(oscar.post(url, {"seen": "x"}, follow=True)) == [deciding.CHANGED]
    assert states(world) == {"API_URL": "conflict"}


def test_another_person_decides_for_one_who_lost_the_permission(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours", world.dev, by="bob")
    Member.objects.filter(user=world.person("bob")).delete()
    alice.post(f"{AMPLIFY}push/")
    assert "may no longer change it here" in alice.get(AMPLIFY).content.decode()
    decide(alice, "API_URL", "keep")
    assert connected.variables("d1shop", "dev") == {"API_URL": "ours"}
