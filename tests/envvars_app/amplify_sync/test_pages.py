"""The pages of a connected app's variables: push after a save, and restore."""

import re
from typing import Any

from django.test import Client
from django.utils import timezone

from console.models import Connection
from envvars_app.models import MapVersion, SyncedScope, SyncedVariable
from tests.envvars_app.amplify_sync.steps import read_amplify, states
from tests.factories import messages_of, set_variable, variable_row, variable_values
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

LIST = "/apps/d1shop/hosting/environment-variables/"
AMPLIFY = f"{LIST}amplify/"
ADD = {"new-1-key": "API_URL", "new-1-value": "ours", "new-1-branch": ""}


def decide(client: Client, key: str, choice: str) -> Any:
    """Press a button of the difference, as the page has it."""
    row = SyncedVariable.objects.get(key=key)
    page = client.get(AMPLIFY).content.decode()
    form = re.search(rf'amplify/{row.pk}/{choice}/".*?name="seen" value="(\w+)"', page, re.DOTALL)
    assert form, page
    return client.post(f"{AMPLIFY}{row.pk}/{choice}/", {"seen": form[1]})


def conflict(world: World, amplify: AmplifyServer) -> None:
    """Leave API_URL in conflict: ours here, theirs in Amplify."""
    set_variable(world, "API_URL", "ours")
    amplify.set_variable("d1shop", "API_URL", "theirs")
    read_amplify(world)


def test_it_works(alice: Client, world: World, connected: AmplifyServer) -> None:
    response = alice.post(f"{LIST}manage/", ADD)
    assert response.status_code == 302
    assert connected.variables("d1shop") == {"API_URL": "ours"}
    assert connected.operations() == ["GetApp", "UpdateApp", "GetApp"]
    page = alice.get(LIST).content.decode()
    assert "Compared with" in page
    assert "Pending" not in page


def test_not_connected(alice: Client, world: World) -> None:
    page = alice.get(LIST).content.decode()
    assert "isn't connected to Amplify" in page
    assert alice.get(AMPLIFY).status_code == 404


def test_amplify_is_unreachable(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.always("throttled")
    assert alice.post(f"{LIST}manage/", ADD).status_code == 302
    page = alice.get(LIST).content.decode()
    assert "1 change\n" in page
    assert "to be pushed to Amplify" in page
    assert "Pending</span>" in page
    assert variable_values(world) == {("", "API_URL"): "ours"}
    connected.heal()
    SyncedScope.objects.update(attempted_at=None)
    headers = {"HX-Request": "true", "HX-Target": "amplify-status"}
    pushed = alice.post(f"{AMPLIFY}push/", headers=headers).content.decode()
    assert "Pending</span>" not in pushed
    assert connected.variables("d1shop") == {"API_URL": "ours"}


def test_edit_mode_with_javascript_leaves_the_push_to_the_next_page(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    alice.post(f"{LIST}manage/", ADD, headers={"HX-Request": "true"})
    assert connected.operations() == []
    page = alice.get(LIST).content.decode()
    assert f'hx-post="{AMPLIFY}push/' in page
    assert connected.operations() == []  # rendering calls nobody


def test_another_page_is_loaded_again_if_something_was_pushed(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours")
    headers = {"HX-Request": "true", "HX-Target": "build-difference"}
    responses = [alice.post(f"{AMPLIFY}push/", headers=headers) for _ in range(2)]
    assert [response.status_code for response in responses] == [204, 204]
    assert [response.get("HX-Refresh") for response in responses] == ["true", None]


def test_the_list_finds_what_changed_in_amplify(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    connected.set_variable("d1shop", "NEW", "theirs", "dev")
    assert f'hx-post="{AMPLIFY}push/' in alice.get(LIST).content.decode()
    headers = {"HX-Request": "true", "HX-Target": "amplify-status"}
    refreshed = alice.post(f"{AMPLIFY}push/", headers=headers).content.decode()
    assert "1 variable\n" in refreshed
    assert f'hx-post="{AMPLIFY}push/' not in alice.get(LIST).content.decode()  # for a minute


def test_any_page_of_the_app_pushes_what_waits(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours")
    assert alice.post("/apps/d1shop/amplify/refresh/").status_code == 302
    assert connected.variables("d1shop") == {"API_URL": "ours"}


def test_without_javascript_a_button_pushes(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours")
    response = alice.post(f"{AMPLIFY}push/", follow=True)
    assert "1 change has reached Amplify." in response.content.decode()


def test_the_button_pushes_at_once_after_a_failure(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    connected.always("throttled")
    alice.post(f"{LIST}manage/", ADD)
    connected.heal()
    headers = {"HX-Request": "true", "HX-Target": "amplify-status"}
    alice.post(f"{AMPLIFY}push/", headers=headers)  # as a page that has loaded
    assert connected.variables("d1shop") == {}
    response = alice.post(f"{AMPLIFY}push/", follow=True)
    assert messages_of(response) == ["1 change has reached Amplify."]
    assert connected.variables("d1shop") == {"API_URL": "ours"}
    assert messages_of(alice.post(f"{AMPLIFY}push/", follow=True)) == [
        "Nothing waits to be pushed."
    ]


def test_the_button_says_what_needs_a_decision(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    assert messages_of(alice.post(f"{AMPLIFY}push/", follow=True)) == [
        "Nothing was pushed. 1 change needs a decision first."
    ]


def test_a_value_is_kept_at_once_after_a_failure(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    conflict(world, connected)
    SyncedScope.objects.update(problem="Amplify failed.", attempted_at=timezone.now())
    decide(alice, "API_URL", "keep")
    assert connected.variables("d1shop") == {"API_URL": "ours"}


def test_restore_what_amplify_held(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.set_variables("d1shop", {"A": "1", "B": "2"})
    read_amplify(world)
    for key in ("A", "B"):
        decide(alice, key, "use")
    alice.post(
        f"{LIST}manage/",
        {f"remove-{variable_row(world, 'A').pk}": "on"}
        | {f"base-{variable_row(world, 'A').pk}": "1"},
    )
    assert connected.variables("d1shop") == {"B": "2"}
    page = alice.get(f"{AMPLIFY}maps/{MapVersion.objects.latest('pk').pk}/").content.decode()
    assert "Review and restore" in page
    text = '{"A": "1", "B": "2"}'
    fields = {"action": "preview", "mode": "replace", "format": "json", "scope": "", "text": text}
    preview = alice.post(f"{LIST}bulk/", fields).content.decode()
    seen = re.search(r'name="seen" value="([^"]*)"', preview)
    token = re.search(r'name="change_set" value="([^"]*)"', preview)
    assert seen
    assert token
    fields |= {"action": "apply", "seen": seen[1].replace("&quot;", '"'), "change_set": token[1]}
    assert alice.post(f"{LIST}bulk/", fields).status_code == 302
    assert connected.variables("d1shop") == {"A": "1", "B": "2"}


def test_a_list_takes_few_queries(
    alice: Client, world: World, connected: AmplifyServer, django_assert_max_num_queries: Any
) -> None:
    conflict(world, connected)
    alice.get(LIST)
    with django_assert_max_num_queries(16):
        alice.get(LIST)
    assert "UpdateApp" not in connected.operations()


def test_disconnected_and_connected_again(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    connected.always("throttled")
    alice.post(f"{LIST}manage/", ADD)
    connected.heal()
    Connection.objects.all().delete()
    assert not SyncedVariable.objects.exists()
    connected.set_variable("d1shop", "NEW", "theirs")
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    read_amplify(world)
    assert variable_values(world) == {("", "API_URL"): "ours", ("", "NEW"): "theirs"}
    assert states(world) == {"API_URL": "drift"}
    alice.post(f"{AMPLIFY}push/")
    assert connected.variables("d1shop") == {"NEW": "theirs"}  # nobody saved it since


def test_variable_from_amplify(
    world: World, alice: Client, console_on_amplify: AmplifyServer
) -> None:
    console_on_amplify.add_app("d1shop", "Shop", variables={"API_URL": "theirs"})
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    read_amplify(world)
    assert '<span class="by">in Amplify</span>' in alice.get(LIST).text
    page = alice.get(f"{LIST}{variable_row(world, 'API_URL').pk}/").text
    assert "Someone outside" not in page
    assert page.count("in Amplify") == 2  # the last change, and its version
