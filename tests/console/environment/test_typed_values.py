"""A host of another environment is remarked on where somebody gives production its own value."""

import json
from functools import partial

from django.test import Client
from django.utils import timezone

from console.environment.typed_values import host_risk, rules_as_json
from console.lib.documents import parse
from console.models import Branch
from console.workflows import importing
from console.workflows.importing import Choice
from secrets_app.store.limits import REMARKS
from tests.factories import (
    access_of,
    create_command,
    new_variable,
    save_secrets,
    save_variables,
)
from tests.fixtures.people import World

URL = "https://api-dev.example.com"
SAID = "The value has a host that names dev."


def test_it_works(world: World) -> None:
    """After saving. tests/browser/lists/test_unseen.py types."""
    for branch, said in ((world.main, SAID), (world.dev, ""), (None, "")):
        [secret] = save_secrets(world, create_command("TOKEN_URL", URL, branch))
        [variable] = save_variables(world, new_variable("API_URL", URL, branch))
        assert (secret.message, variable.message) == (said, said)


def test_import(world: World) -> None:
    choice = Choice((world.main, world.dev, None))
    text = f"API_URL={URL}\nDB_PASSWORD=postgres://u:p@db-dev.example.com/x\nPLAIN=dev"
    lines = importing.preview(access_of(world, "alice"), parse(text), choice)
    found = [
        (line.planned.key, line.planned.branch) for line in lines if SAID in line.planned.notes
    ]
    assert found == [("API_URL", world.main), ("DB_PASSWORD", world.main)]


def test_bulk_edit(world: World, alice: Client) -> None:
    page = "/apps/d1shop/hosting/environment-variables/bulk/"
    for branch, number in ((world.main, 1), (world.dev, 0)):
        form = {"action": "preview", "text": f"API_URL={URL}", "scope": branch.pk}
        assert alice.post(page, form).content.decode().count(SAID) == number


def test_without_production(world: World) -> None:
    rules = partial(rules_as_json, access_of(world, "alice"), REMARKS)
    assert json.loads(rules())["hosts"]["production"] == str(world.main.pk)
    assert host_risk(access_of(world, "alice"), world.main, "API_URL", URL)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert not host_risk(access_of(world, "alice"), world.main, "API_URL", URL)
    Branch.objects.update(production=False)
    world.main.refresh_from_db()
    assert not host_risk(access_of(world, "alice"), world.main, "API_URL", URL)
    assert "hosts" not in json.loads(rules_as_json(access_of(world, "alice"), REMARKS))
