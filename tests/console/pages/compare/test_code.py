"""A member uploads a zip of a project, and sees which keys branches have and which they don't."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from console.catalog.previews import add_rule
from console.lib.scanning.isolated.answers import NO_FOLDER
from console.lib.scanning.isolated.parent import BUSY, Refused
from console.pages.compare import code
from console.server.connection import BODY_BYTES
from tests.console.lib.scanning.zips import zip_of
from tests.factories import (
    audit_events,
    create_branch,
    form_errors,
    last_event_id,
    set_role,
    set_secret,
    set_variable,
)
from tests.factories.compare import COMPARE
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

ClientFor = Callable[[str], Client]
CODE = f"{COMPARE}code/"
NAMED = "import { secret } from '@aws-amplify/backend';\n"
PROJECT = {
    "shop/amplify/a.ts": NAMED + "secret('KEY');\nf(process.env.URL, process.env.MODE ?? '');"
}
QUERIES = 15


def upload(client: Client, files: Mapping[str, str | bytes] | bytes, **fields: object) -> Any:
    """Post a zip with these files, or these bytes."""
    data = files if isinstance(files, bytes) else zip_of(files)
    sent = SimpleUploadedFile("project.zip", data, "application/zip")
    return client.post(CODE, {"zip": sent, **fields})


def table(response: Any) -> dict[str, list[tuple[str, ...]]]:
    """Return state, key, kind and places of each row, by its branches."""
    return {
        " ".join(group.branches): [
            (str(row.state), row.key, row.noun, *row.places)
            for row in (*group.missing, *group.others)
        ]
        for group in response.context["groups"]
    }


def test_it_works(world: World, client_for: ClientFor) -> None:
    vera = client_for("vera")
    create_branch(world, "feature/login")
    set_secret(world, "KEY", "a-confidential-value")
    set_secret(world, "SPARE", "x", world.dev)
    set_variable(world, "URL", "https://main.example.org", world.main)
    page = vera.get(CODE)
    assert (page.status_code, 'enctype="multipart/form-data"' in page.text) == (200, True)
    before = last_event_id()
    in_file = {
        "shop/.env": "TOKEN=value-in-a-file\n",
        "shop/src/a.ts": "const a = 'value-in-code';",
    }
    response = upload(vera, PROJECT | in_file)
    assert response.status_code == 200
    missing = ("missing", "URL", "variable", "amplify/a.ts:3")
    not_set = ("not set", "MODE", "variable", "amplify/a.ts:3")
    key = ("All branches", "KEY", "secret", "amplify/a.ts:2")
    assert table(response) == {
        "dev": [missing, not_set, key, ("unused", "SPARE", "secret")],
        "feature/login": [missing, not_set, key],
        "main": [not_set, ("own", "URL", "variable", "amplify/a.ts:3"), key],
    }
    text = " ".join(response.text.split())
    assert "1 required key has no value on at least one branch." in text
    assert "<code>amplify/a.ts:3</code>" in text
    assert "a-confidential-value" not in text
    assert "main.example.org" not in text
    assert "value-in" not in text
    assert response["Cache-Control"] == "no-store"
    assert audit_events(before) == []


def test_one_branch_and_one_folder(world: World, alice: Client) -> None:
    files = {"s/web/a.ts": "f(process.env.WEB)", "s/api/a.ts": "f(process.env.API)"}
    response = upload(alice, files, folder="web", branch=world.dev.pk)
    assert table(response) == {"dev": [("missing", "WEB", "variable", "a.ts:1")]}
    assert form_errors(upload(alice, files, folder="none")) == {"folder": [NO_FOLDER]}
    assert upload(alice, files, branch=10**9).status_code == 422


def test_branches_with_the_same_result(world: World, alice: Client) -> None:
    for number in range(30):
        create_branch(world, f"feature/{number}")
    set_secret(world, "KEY", "x", world.main)
    [many, main] = upload(alice, PROJECT).context["groups"]
    assert (len(many.branches), main.branches) == (31, ["main"])


def test_previews_of_one_branch(world: World, alice: Client) -> None:
    """They have the same result, with where each would take a value from."""
    alices = world.actor("alice")
    add_rule(actor=alices, app_id="d1shop", pattern="pr-*", source_id=world.dev.pk)
    for number in range(5):
        create_branch(world, f"pr-{number}")
    set_secret(world, "KEY", "x", world.dev)
    _, _, previews = upload(alice, PROJECT).context["groups"]
    assert previews.branches == [f"pr-{number}" for number in range(5)]
    key = next(row for row in previews.missing if row.key == "KEY")
    assert key.remarks == ["A preview would take this from dev. Copy it to make it effective."]


def test_links_to_add(world: World, client_for: ClientFor) -> None:
    """Members get a link for what they may add on a branch, within their grants."""

    def links(name: str) -> list[list[bool]]:
        response = upload(client_for(name), PROJECT)
        return [
            [bool(it.address) for it in (*group.missing, *group.others)]
            for group in response.context["groups"]
        ]

    set_secret(world, "SPARE", "x", world.dev)  # so that the branches differ
    assert links("alice") == [[True, True, False, False], [True, True, False]]
    assert links("vera") == [[False] * 4, [False] * 3]
    set_role(world, "bob", "developer", "feature/*")
    assert links("bob") == [[False] * 4, [False] * 3]
    group = upload(client_for("alice"), PROJECT).context["groups"][0]
    page = client_for("alice").get(group.missing[0].address)
    assert page.status_code == 200
    assert f'value="{group.missing[0].key}"' in page.text


def test_what_is_refused(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    assert form_errors(alice.post(CODE)) == {"zip": ["Choose a zip."]}
    assert form_errors(upload(alice, b"")) == {"zip": ["This file is empty."]}
    assert form_errors(upload(alice, b"x")) == {
        "zip": ["This file is not a zip, or it is damaged. Make the zip again."]
    }
    assert form_errors(upload(alice, b"x" * (code.MAX_BYTES + 1))) == {"zip": [code.TOO_LARGE]}

    def busy(*_: object) -> None:
        raise Refused(BUSY)

    monkeypatch.setattr(code, "scan_upload", busy)
    assert form_errors(upload(alice, PROJECT)) == {"zip": [BUSY]}


def test_without_token(world: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(world.person("alice"))
    assert upload(client, PROJECT).status_code == 403


def test_uploads_stay_in_memory() -> None:
    """The server takes no larger body than what is kept in memory, so no file is written."""
    assert settings.FILE_UPLOAD_MAX_MEMORY_SIZE >= BODY_BYTES > code.MAX_BYTES
    assert [name.rpartition(".")[2] for name in settings.FILE_UPLOAD_HANDLERS] == [
        "MemoryFileUploadHandler"
    ]


def test_hostile_names(alice: Client, world: World) -> None:
    name = "src/a\n<script>\u202e.ts"
    keys = ["<b>\\n\\u202e", "\\ud800", "K" * 300_000, "ghp_" + "a1B2" * 9]
    text = ",".join(f"process.env['{key}']" for key in keys)
    response = upload(alice, {"s/" + name: f"f({text})", "s/branchkeep.toml": '["a\\n<b>"]\n'})
    assert response.status_code == 200
    assert "<script>\\u202e" not in response.text
    assert "\u202e" not in response.text
    assert "a1B2a1B2" not in response.text
    assert len(response.text) < 60_000
    assert "was not read to its end" in response.text


def test_many_keys(world: World, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    set_variable(world, "K0", "x", world.main)
    monkeypatch.setattr(code, "MAX_ROWS", 3)
    monkeypatch.setattr(code, "MAX_REMARKS", 2)
    lines = [f"f(process.env.K{n}, process.env[name])" for n in range(5)]
    response = upload(alice, {"s/a.ts": "\n".join(lines)})
    dev, main = response.context["groups"]
    assert (len(dev.missing), dev.left_out) == (3, 2)
    assert (main.number_missing, main.missing, main.left_out) == (4, [], 5)
    page = " ".join(response.text.split())
    assert "2 more keys are not shown." in page
    assert '<span class="badge bad">4 missing</span>' in page
    assert "3 more are not shown." in page


def test_too_many_keys_for_so_many_branches(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each key is compared on each branch, which would take minutes and a gigabyte."""
    monkeypatch.setattr(code, "MAX_COMPARED", 5)
    files = {
        "s/a.ts": "f(process.env.A, process.env.B);",
        "s/branchkeep.toml": "[secrets.A]\n",
    }
    assert form_errors(upload(alice, files)) == {"zip": [code.TOO_MANY]}
    assert form_errors(upload(alice, {"s/.env": "A=1\nB=2\nC=3\n"})) == {"zip": [code.TOO_MANY]}
    assert upload(alice, files, branch=str(world.dev.pk)).status_code == 200


def test_nothing_is_used(alice: Client) -> None:
    response = upload(alice, {"s/a.ts": "const a = 1;"})
    assert "The code uses no secrets or variables" in response.text


def test_the_store_does_not_answer(alice: Client, interrupted: InterruptedStore) -> None:
    interrupted.before("list", deny_access)
    response = upload(alice, PROJECT)
    assert response.status_code == 200
    assert "The store of the secrets did not answer." in response.text


def test_queries(
    world: World, alice: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(10):
        create_branch(world, f"feature/{number}")
        set_variable(world, f"K{number}", "x", world.dev)
    upload(alice, PROJECT)
    with django_assert_num_queries(QUERIES):
        upload(alice, PROJECT)


@pytest.mark.parametrize("address", [COMPARE, "/apps/d1shop/"])
def test_pages_link_it(world: World, client_for: ClientFor, address: str) -> None:
    set_secret(world, "KEY", "x", world.dev)
    assert f'href="{CODE}"' in client_for("vera").get(address).text
