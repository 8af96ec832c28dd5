"""The first steps of a new app, which its owners see until they are done or hidden."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.audit.events import Action
from console.lib.naming.names import SAMPLE_APP_IDS
from console.models import App, Branch
from tests.factories import audit_events, connect, last_event_id, set_secret, summarize
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

URL = "/apps/d1shop/"
HIDE = f"{URL}first-steps/hide/"


def steps(client: Client) -> list[tuple[str, str]]:
    """Return the steps on the page, each "done", "next" or ""."""
    found = client.get(URL).context["overview"].steps
    return [(it.name.value, "done" if it.is_done else "next" if it.is_next else "") for it in found]


def test_it_works(alice: Client, world: World, olga: Client) -> None:
    Branch.objects.filter(app=world.app).delete()
    assert steps(alice) == [
        ("create", "done"),
        ("branches", "next"),
        ("values", ""),
        ("invite", ""),
    ]
    page = alice.get(URL).text
    assert page.count('<a class="button primary"') == 1
    assert "1 of 4 done" in page
    Branch.objects.create(app=world.app, name="main")
    assert dict(steps(alice))["values"] == "next"
    set_secret(world, "A_KEY", "value")
    assert dict(steps(alice))["invite"] == "next"
    world.person("bob")
    assert steps(alice) == []
    assert "Get started" not in alice.get(URL).text


def test_who_created_the_app(olga: Client, world: World) -> None:
    fields = {"name": "New", "app_id": "d1new", "path_profile": "both"}
    page = olga.post("/apps/new/", fields, follow=True)
    assert "Done by olga@example.org, <time>" in " ".join(page.text.split())


def test_connecting_is_a_step_if_amplify_is_on(
    alice: Client, world: World, console_on_amplify: AmplifyServer
) -> None:
    set_secret(world, "A_KEY", "value")
    assert dict(steps(alice))["connect"] == "next"
    assert "Ask an operator to connect the app." in alice.get(URL).text
    connect(world, console_on_amplify)
    assert dict(steps(alice))["connect"] == "done"


def test_only_owners(client_for: Callable[[str], Client], world: World) -> None:
    assert steps(client_for("mia")) == []
    assert steps(client_for("vera")) == []


def test_old_app(alice: Client, world: World) -> None:
    App.objects.update(created_at=timezone.now() - timedelta(days=31))
    assert steps(alice) == []


def test_sample_app(alice: Client, world: World) -> None:
    app_id = f"{SAMPLE_APP_IDS}1"
    App.objects.filter(pk=world.app.pk).update(app_id=app_id)
    assert alice.get(f"/apps/{app_id}/").context["overview"].steps == []


def test_hide(alice: Client, world: World) -> None:
    before = last_event_id()
    response = alice.post(HIDE)
    assert (response.status_code, response["Location"]) == (302, URL)
    assert steps(alice) == []
    assert [it[1] for it in summarize(audit_events(before))] == [Action.STEPS_HIDDEN]


@pytest.mark.parametrize("name", ["mia", "vera"])
def test_a_refused_attempt_hides_nothing(
    client_for: Callable[[str], Client], alice: Client, world: World, name: str
) -> None:
    assert client_for(name).post(HIDE).status_code == 403
    Branch.objects.filter(app=world.app).delete()
    assert steps(alice)


def test_faults_are_shown_beside_the_steps(alice: Client, world: World) -> None:
    def is_hidden() -> Any:
        return "hidden>" in alice.get(URL).text.partition('id="attention"')[2][:120]

    assert is_hidden()
    set_secret(world, "A_KEY", "value", world.main)
    assert not is_hidden()


def test_the_first_branch_leads_back_to_the_steps(alice: Client, world: World) -> None:
    Branch.objects.filter(app=world.app).delete()
    add, branches = f"{URL}settings/branches/add/", f"{URL}settings/branches/"
    fields = {"stage": "NONE", "protected": "on"}
    assert alice.post(add, {"name": "main", **fields})["Location"] == URL
    assert alice.post(add, {"name": "dev", **fields})["Location"] == branches
