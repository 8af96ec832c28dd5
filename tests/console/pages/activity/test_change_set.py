"""The page of a change set: who did what, the preview of Undo, and Undo itself."""

import uuid
from typing import Any

import pytest
from django.test import Client

from console.models import AuditEvent
from tests.factories import (
    create_branch,
    create_command,
    new_variable,
    save_secrets,
    save_variables,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World

HTMX = {"HX-Request": "true"}


def address_of(key: str) -> str:
    """Return the page of the newest change set that wrote a key."""
    event = AuditEvent.objects.filter(subject=key).latest("pk")
    return f"/apps/d1shop/changes/{event.change_set}/"


def fields(page: str) -> dict[str, object]:
    """Return what the form of Undo posts."""
    names = ("change_set", "rows")
    return {name: page.partition(f'name="{name}" value="')[2].partition('"')[0] for name in names}


def test_it_works(alice: Client, world: World) -> None:
    set_secret(world, "API_KEY", "old", world.dev)
    changed = set_command(secret_row(world, "API_KEY", world.dev), "new")
    save_secrets(world, changed, create_command("OTHER", branch=world.main), by="mia")
    address = address_of("OTHER")
    page = alice.get(address).content.decode()
    assert "2 changes on dev and main" in page
    assert "mia@example.org" in page
    assert "1 secret goes back to the version before." in page
    assert "1 secret is removed." in page
    assert "Undo 2 changes" in page
    answer = alice.post(address, fields(page), follow=True)
    assert answer.redirect_chain == [(address_of("OTHER"), 302)]
    assert "Undid 2 changes." in answer.content.decode()
    assert "Undoes an earlier change set" in answer.content.decode()
    assert stored_values(world, "API_KEY", world.dev)[0] == "old"
    assert "2 secrets were undone before." in alice.get(address).content.decode()


def test_double_click(alice: Client, world: World) -> None:
    set_secret(world, "API_KEY", "old")
    save_secrets(world, set_command(secret_row(world, "API_KEY"), "new"))
    address = address_of("API_KEY")
    posted = fields(alice.get(address).content.decode())
    answers = [alice.post(address, posted).headers["Location"] for _ in range(2)]
    assert answers == [address_of("API_KEY")] * 2
    assert secret_row(world, "API_KEY").version == 3


def test_one_click(alice: Client, world: World) -> None:
    """The toast's form names no rows: it undoes what can be undone, and returns to the list."""
    save_variables(world, new_variable("API_URL"))
    posted = {"back": "variables", "query": "q=API&saved=nonsense"}
    answer = alice.post(address_of("API_URL"), posted, follow=True)
    assert answer.redirect_chain == [("/apps/d1shop/hosting/environment-variables/?q=API", 302)]
    assert "Undid the change of API_URL." in answer.content.decode()
    assert variable_values(world) == {}


def test_back_leads_to_no_other_site(alice: Client, world: World) -> None:
    save_variables(world, new_variable("API_URL"))
    answer = alice.post(address_of("API_URL"), {"back": "https://example.com"})
    assert answer.headers["Location"] == address_of("API_URL")


def test_conflict(alice: Client, world: World) -> None:
    """The page says what stayed, and why."""
    save_secrets(world, create_command("ONE"), create_command("TWO"))
    address = address_of("ONE")
    posted = fields(alice.get(address).content.decode())
    set_secret(world, "ONE", "newer", by="mia")
    answer = alice.post(address, posted, follow=True)
    page = answer.content.decode()
    assert answer.redirect_chain == [(address, 302)]
    assert "Undid 1 of 2 changes." in page
    assert "ONE: mia@example.org changed it" in page
    assert stored_values(world, "ONE")[0] == "newer"
    assert stored_values(world, "TWO")[0] is None


def test_changed_since(alice: Client, world: World) -> None:
    """The preview says who changed it, and when; the rest of the ID is there to be copied."""
    set_secret(world, "KEY")
    address = address_of("KEY")
    set_secret(world, "KEY", "newer", by="mia")
    page = " ".join(alice.get(address).text.split())
    at = AuditEvent.objects.latest("pk").at
    why = "1 secret stays as it is, because mia@example.org changed it at"
    assert f'{why} <time class="clock">{at:%Y-%m-%d %H:%M}Z</time>.' in page
    name = address.split("/")[-2]
    assert f'{name[:8]}<span class="sr-only">{name[8:]}</span>' in page


def test_many_branches(alice: Client, world: World) -> None:
    more = [create_branch(world, name) for name in ("one", "two")]
    save_secrets(
        world, *(create_command("KEY", branch=it) for it in (world.dev, world.main, *more))
    )
    title = "4 changes on dev, main, and 2 more"
    assert title in alice.get(address_of("KEY")).text
    assert title in alice.get("/apps/d1shop/activity/").text


def test_nothing_to_undo(alice: Client, world: World) -> None:
    set_secret(world, "KEY")
    address = address_of("KEY")
    set_secret(world, "KEY", "newer")
    assert "Undo 1 change" not in alice.get(address).content.decode()
    answer = alice.post(address, follow=True)
    assert "Nothing was undone." in answer.content.decode()


def test_in_parts(alice: Client, world: World) -> None:
    """Each response undoes ten secrets, and its form goes on with the rest."""
    save_secrets(world, *(create_command(f"KEY_{number}") for number in range(23)))
    address = address_of("KEY_0")
    posted = fields(alice.get(address).content.decode())
    page = alice.post(address, posted, headers=HTMX).content.decode()
    assert "Undid 10 of 23 changes." in page
    assert 'hx-trigger="load, submit"' in page
    left = fields(page) | {"done": "10", "failed": "0"}
    page = alice.post(address, left, headers=HTMX).content.decode()
    assert "Undid 20 of 23 changes." in page
    answer = alice.post(address, fields(page) | {"done": "20"}, headers=HTMX)
    assert answer.headers["HX-Redirect"] == address_of("KEY_0")
    assert not world.app.secrets.exists()
    assert AuditEvent.objects.filter(action="changes.undo").count() == 1


def test_more_changes_than_a_form_has_fields(alice: Client, world: World, settings: Any) -> None:
    settings.DATA_UPLOAD_MAX_NUMBER_FIELDS = 10
    save_variables(world, *(new_variable(f"KEY_{number}") for number in range(12)))
    address = address_of("KEY_0")
    posted = fields(alice.get(address).content.decode())
    assert alice.post(address, posted).status_code == 302
    assert variable_values(world) == {}


@pytest.mark.parametrize("name", ["rows", "change_set", "done"])
def test_forged_fields(alice: Client, world: World, name: str) -> None:
    save_secrets(world, create_command("KEY"))
    posted: dict[str, object] = {name: "secret-999"}
    assert alice.post(address_of("KEY"), posted).status_code == 302
    assert (stored_values(world, "KEY")[0] is None) == (name != "rows")


def test_unknown_change_set(alice: Client, world: World) -> None:
    assert alice.get(f"/apps/{world.app.app_id}/changes/{uuid.uuid4()}/").status_code == 404


def test_message_after_a_removal(alice: Client, world: World) -> None:
    """It says what was removed, and its form undoes that."""
    row = set_secret(world, "API_KEY", "old", world.main)
    manage = "/apps/d1shop/hosting/secrets/manage/"
    posted = {
        "change_set": alice.get(manage).context["change_set"],
        f"remove-{row.pk}": "on",
        f"base-{row.pk}": row.base,
    }
    page = alice.post(manage, posted, follow=True).text
    address = address_of("API_KEY")
    assert "API_KEY removed." in page
    assert "secret saved" not in page
    assert f'<form method="post" action="{address}">' in page
    page = alice.post(address, {"back": "secrets"}, follow=True).text
    assert "Undid the change of API_KEY." in page
    assert stored_values(world, "API_KEY", world.main) == ("old", "old")
