"""Types of keys, which the secrets and variables of a key share."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.urls import reverse

from console.catalog import key_types, notes
from console.models import AuditEvent, KeyNote
from tests.factories import (
    audit_entries,
    changed_variable,
    create_command,
    form_errors,
    new_variable,
    save_secrets,
    save_variables,
    set_command,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World

ClientFor = Callable[[str], Client]
WRONG = "not-a-number-4711"
PORT = "This key takes a whole number from 1 to 65535."


def set_type(
    world: World, key: str = "PORT", kind: str = "integer", rule: str = "1..65535", base: int = 0
) -> None:
    key_types.set_type(
        actor=world.actor("mia"), app_id="d1shop", key=key, kind=kind, rule=rule, base=base
    )


def save(client: Client, page: str, kind: str = "", rule: str = "", base: object = 0) -> Any:
    return client.post(page, {"kind": kind, "rule": rule, "base": base})


def type_page(noun: str, pk: int) -> str:
    return reverse(f"{noun}_type", args=["d1shop", pk])


def test_it_works(world: World, client_for: ClientFor) -> None:
    mia = client_for("mia")
    secret = set_secret(world, "PORT", WRONG, branch=world.dev)
    variable = set_variable(world, "PORT", WRONG, world.main)
    page = type_page("variable", variable.pk)
    response = save(mia, page, "integer", " 1 .. 65535 ")
    assert response.headers["Location"] == page.replace("type/", "")
    current = KeyNote.objects.get(key="PORT", current=True)
    assert (current.kind, current.rule, current.version) == ("integer", "1..65535", 1)
    assert ("mia", "note.type", "PORT", "succeeded") in audit_entries()
    assert stored_values(world, "PORT", world.dev)[0] == WRONG  # stands as it is

    [outcome] = save_secrets(world, set_command(secret, "0"))
    assert (outcome.outcome, outcome.field, outcome.message) == ("refused", "value", PORT)
    [outcome] = save_variables(world, changed_variable(variable, "65536"))
    assert (outcome.outcome, outcome.field, outcome.message) == ("refused", "value", PORT)
    assert set_secret(world, "PORT", "443", branch=world.dev).version == 2
    set_variable(world, "PORT", "8080", world.dev)

    for address in (f"secrets/{secret.pk}/", f"environment-variables/{variable.pk}/"):
        assert PORT in client_for("vera").get(f"/apps/d1shop/hosting/{address}").text
    for address in ("secrets/", "environment-variables/"):
        assert ">Whole number</span>" in mia.get(f"/apps/d1shop/hosting/{address}").text
    secret_page = type_page("secret", secret.pk).replace("type/", "")
    assert "changed the type of the key, version 1" in mia.get(secret_page).text
    page_of = "/apps/d1shop/hosting/environment-variables/download/"
    download = f"{page_of}?branch={world.dev.pk}&format=env"
    assert "# PORT: (Whole number)" in mia.get(download).text
    assert save(mia, page, "", "", base=1).status_code == 302
    assert set_secret(world, "PORT", "anything", branch=world.dev).version == 3


def test_refused_in_the_forms(world: World, client_for: ClientFor) -> None:
    """A variable's value stays in the form, a secret's in the browser; no message repeats it."""
    set_type(world)
    bob = client_for("bob")
    for kind, shown in (("secrets", 0), ("environment-variables", 1)):
        data = {"new-1-key": "PORT", "new-1-value": WRONG, "new-1-branch": str(world.dev.pk)}
        response = bob.post(f"/apps/d1shop/hosting/{kind}/manage/", data)
        assert response.status_code == 422
        assert response.text.count(PORT) == 1
        assert response.text.count(WRONG) == shown
    assert not world.app.secrets.exists()
    assert variable_values(world) == {}


def test_each_row_for_itself(world: World) -> None:
    set_type(world)
    good, bad = create_command("PORT", "1", world.dev), create_command("PORT", WRONG, world.main)
    assert [it.outcome for it in save_secrets(world, good, bad)] == ["saved", "refused"]
    rows = new_variable("PORT", WRONG), new_variable("OTHER", WRONG), new_variable("PORT.", WRONG)
    assert [it.outcome for it in save_variables(world, *rows)] == ["refused", "saved", "saved"]


def test_renaming_takes_the_type_of_the_new_name(world: World) -> None:
    set_type(world)
    base = set_variable(world, "OLD", "1")
    set_variable(world, "OLD", WRONG, world.dev)
    [outcome] = save_variables(world, changed_variable(base, "1", key="PORT"))
    assert (outcome.outcome, outcome.message) == ("refused", f"{PORT} (dev)")
    assert {key for _, key in variable_values(world)} == {"OLD"}


def test_what_was_saved_before_can_come_back(world: World, client_for: ClientFor) -> None:
    """Also because a refusal would reveal something about a value that the person may not read."""
    secret, variable = (
        set_secret(world, "PORT", WRONG, world.dev),
        set_variable(world, "PORT", WRONG),
    )
    set_secret(world, "PORT", "1", world.dev)
    save_variables(world, changed_variable(variable, "1"))
    set_type(world)
    mia = client_for("mia")
    posted = {"version": "1", "base": "2"}
    mia.post(reverse("secret_restore", args=["d1shop", secret.pk]), posted)
    assert stored_values(world, "PORT", world.dev)[0] == WRONG
    mia.post(reverse("variable_restore", args=["d1shop", variable.pk]), posted)
    assert [*variable_values(world).values()] == [WRONG]


def test_conflict_with_a_note(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "PORT", "1", branch=world.dev)
    page, mia = type_page("secret", secret.pk), client_for("mia")
    notes.set_note(
        actor=world.actor("bob"), app_id="d1shop", key="PORT", note="HTTP", labels="net", base=0
    )
    response = save(mia, page, "integer", "1..65535")
    [problem] = form_errors(response)["__all__"]
    assert problem.startswith("bob@example.org changed the note or type")
    assert response.context["base"] == 1
    assert save(mia, page, "integer", "1..65535", base=1).status_code == 302
    notes.set_note(
        actor=world.actor("bob"), app_id="d1shop", key="PORT", note="TCP", labels="", base=2
    )
    current = KeyNote.objects.get(key="PORT", current=True)
    assert (current.note, current.labels, current.kind) == ("TCP", "", "integer")
    assert PORT in client_for("vera").get(page.replace("type", "note")).text


@pytest.mark.parametrize(
    ("kind", "rule", "field", "message"),
    [
        ("integer", "a", "rule", "Enter a range"),
        ("pattern", "(?=a)", "rule", "RE2 can't use"),
        ("", "a", "rule", "A rule needs a type"),
        ("uuid", "", "kind", "not one of the available choices"),
        ("pattern", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc", "rule", "a Stripe key"),
    ],
)
def test_invalid_input(
    world: World, client_for: ClientFor, kind: str, rule: str, field: str, message: str
) -> None:
    secret = set_secret(world, "PORT", "1", branch=world.dev)
    response = save(client_for("mia"), type_page("secret", secret.pk), kind, rule)
    assert message in form_errors(response)[field][0]
    assert not KeyNote.objects.exists()
    assert not AuditEvent.objects.filter(action="note.type").exists()


def test_rules_are_not_in_the_audit_trail(world: World, client_for: ClientFor) -> None:
    secret = set_secret(world, "PORT", "1", branch=world.dev)
    page = type_page("secret", secret.pk)
    data = {"kind": "enum", "rule": "hunter2hunter2", "base": 0, "sure": "on"}
    assert client_for("mia").post(page, data).status_code == 302
    event = AuditEvent.objects.get(action="note.type")
    assert event.outcomes.get().detail == "to enum"
    assert event.subject == "PORT"


def test_who_may_set_one(world: World, client_for: ClientFor) -> None:
    """Only those who may reveal and change every value, as a type reveals something about each."""
    secret = set_secret(world, "PORT", "1", branch=world.dev)
    page = type_page("secret", secret.pk)
    set_role(world, "gina", "maintainer", "*")  # limited to branches, so not for All branches
    for name in ("vera", "bob", "gina"):
        assert save(client_for(name), page, "json").status_code == 403
        assert "<form" not in client_for(name).get(page).text.partition("<main")[2]
        with pytest.raises(PermissionDenied):
            key_types.set_type(
                actor=world.actor(name), app_id="d1shop", key="A", kind="url", rule="", base=0
            )
    assert {it[-1] for it in audit_entries("note.type")} == {"denied"}
    assert not KeyNote.objects.exists()
    world.main.protected = False
    world.main.save()
    assert save(client_for("bob"), page, "json").status_code == 302  # who may reveal everything


def test_another_app_has_its_own(world: World) -> None:
    key_types.set_type(
        actor=world.actor("oscar"), app_id="d2other", key="PORT", kind="url", rule="", base=0
    )
    assert set_variable(world, "PORT", WRONG).version == 1
