"""Names of apps and groups hold nothing that can't be seen."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from console.models import App
from tests.fixtures.people import World

GENERAL = "/apps/d1shop/settings/general/"
GOOD = ["Shop", "日本語 ショップ", "👩\u200d💻 shop", "क्\u200dष", "Müller & Söhne", "<b>"]
HIDDEN = {
    "line break": "A\nB",
    "header": "A\r\nBcc: x@example.org",
    "line separator": "A\u2028B",
    "bidirectional override": "A\u202eB",
    "nothing but a zero-width space": "\u200b",
    "zero-width space": "Sh\u200bop",
    "escape": "A\x1b[31m",
    "tab": "A\tB",
}
PROBLEM = "contains a line break or a character that can&#x27;t be seen"


@pytest.mark.parametrize("name", GOOD)
def test_it_works(client_for: Callable[[str], Client], world: World, name: str) -> None:
    fields = {"name": name, "path_profile": "both"}
    assert client_for("alice").post(GENERAL, fields).status_code == 302
    world.app.refresh_from_db()
    assert world.app.name == name
    client_for("olga").post("/admin/auth/group/add/", {"name": name})
    assert Group.objects.filter(name=name).exists()


@pytest.mark.parametrize("kind", HIDDEN)
def test_hidden_characters(client_for: Callable[[str], Client], world: World, kind: str) -> None:
    fields = {"name": HIDDEN[kind], "path_profile": "both"}
    changed = client_for("alice").post(GENERAL, fields)
    olga = client_for("olga")
    created = olga.post("/apps/new/", {**fields, "app_id": "d9new"})
    assert (changed.status_code, created.status_code) == (422, 422)
    assert PROBLEM in changed.text
    assert PROBLEM in created.text
    assert PROBLEM in olga.post("/admin/auth/group/add/", {"name": HIDDEN[kind]}).text
    assert {*App.objects.values_list("name", flat=True)} == {"Shop", "Other"}
    assert not Group.objects.exists()
