"""The page that imports a text, without scripts: preview, compare, save; and what it never says."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from console.models import AuditEvent, Branch
from console.workflows import comparing
from tests.factories import (
    audit_rows,
    secret_row,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.people import World

TEXT = "API_KEY=hunter-2-hunter\nAPI_URL=https://plain.example.org\n"
FRAGMENT = {"HX-Request": "true"}


def url() -> str:
    return reverse("import", args=["d1shop"])


def post(client: Client, action: str = "preview", text: str = TEXT, **more: Any) -> Any:
    return client.post(url(), {"action": action, "text": text, **more})


def rows(page: Any) -> list[str]:
    """Return the rows that are chosen in a preview, as the form posts them."""
    return [row["text"] for row in page.context["rows"] if row["is_chosen"]]


def save(client: Client, page: Any, text: str = TEXT, **more: Any) -> Any:
    fields = {"row": rows(page), "change_set": page.context["change_set"], **more}
    return post(client, "save", text, **fields)


def test_it_works(client_for: Callable[[str], Client], world: World) -> None:
    alice = client_for("alice")
    page = post(alice, scope=[world.dev.pk])
    assert page.status_code == 200
    html = page.content.decode()
    assert "hunter" not in html
    assert "plain.example.org" not in html
    assert "15 bytes" in html
    assert rows(page) == [f"secret {world.dev.pk} 0 API_KEY", f"variable {world.dev.pk} 0 API_URL"]
    done = save(alice, page)
    assert done.status_code == 302
    events = AuditEvent.objects.filter(action__in=("secret.create", "variable.create"))
    [change_set] = {event.change_set for event in events}
    assert done.url == reverse("change_set", args=["d1shop", change_set])
    assert "Imported 1 secret and 1 variable." in alice.get(done.url).content.decode()
    assert stored_values(world, "API_KEY", world.dev)[0] == "hunter-2-hunter"
    assert variable_values(world) == {("dev", "API_URL"): "https://plain.example.org"}
    again = post(alice, "compare", scope=[world.dev.pk])
    assert "Everything is already saved" in again.content.decode()
    assert "hunter" not in again.content.decode()


def test_the_form(client_for: Callable[[str], Client], world: World) -> None:
    page = client_for("bob").get(url(), {"scope": world.dev.pk})
    assert [label for _, label in page.context["scope_choices"]] == ["dev"]
    assert re.search(rf'value="{world.dev.pk}" selected', page.content.decode())


def test_a_double_click_saves_once(client_for: Callable[[str], Client], world: World) -> None:
    alice = client_for("alice")
    page = post(alice)
    assert save(alice, page).status_code == save(alice, page).status_code == 302
    assert len(audit_rows(world)) == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"text": "A: {B: 1}"}, "Line 1: The value is a list"),
        ({"text": "  "}, "Paste the text first."),
        ({"action": "save", "row": ["secret all 0 API_KEY"], "text": ""}, "Paste it again"),
        ({"action": "save", "row": ["secret all 0 OTHER"]}, "1 of the chosen keys"),
        ({"action": "save"}, "Choose at least one key"),
        ({"action": "save", "row": ["secret all 0 API_KEY"]}, "path profile changed"),
        ({"action": "save", "row": ["plan all 0 API_KEY"]}, "Choose at least one key"),
        ({"action": "save", "row": ["nonsense", "secret 0 0 API_KEY"]}, "Choose at least one key"),
    ],
)
def test_refused(
    client_for: Callable[[str], Client], world: World, fields: dict[str, Any], words: str
) -> None:
    page = client_for("alice").post(url(), {"action": "preview", "text": TEXT, **fields})
    assert page.status_code == 422
    assert words in page.content.decode()
    assert "hunter" not in page.content.decode()
    assert not AuditEvent.objects.filter(action__startswith="secret.").exists()


def test_a_conflict_is_shown_and_can_be_overwritten(
    client_for: Callable[[str], Client], world: World
) -> None:
    alice = client_for("alice")
    set_secret(world, "API_KEY", "one")
    page = post(alice)
    set_secret(world, "API_KEY", "two", by="mia")
    failed = save(alice, page)
    assert failed.status_code == 422
    html = failed.content.decode()
    assert "Saved 1 of 2 changes." in html
    assert "mia@example.org changed this secret" in html
    assert "hunter" not in html
    [text] = [row["text"] for row in failed.context["rows"] if row["key"] == "API_KEY"]
    done = post(alice, "save", row=[text], change_set=failed.context["change_set"])
    assert done.status_code == 302
    assert stored_values(world, "API_KEY")[0] == "hunter-2-hunter"


def test_a_kind_that_was_chosen_with_the_save(
    client_for: Callable[[str], Client], world: World
) -> None:
    """Nobody has seen what there is of that kind, so nothing is overwritten."""
    set_variable(world, "API_KEY", "one")
    alice = client_for("alice")
    page = post(alice)
    fields = {"row": ["secret all 0 API_KEY"], "change_set": page.context["change_set"]}
    failed = post(alice, "save", **fields, **{"kind-0": "variable API_KEY"})
    assert failed.status_code == 422
    assert variable_values(world) == {("", "API_KEY"): "one"}
    [row] = [it for it in failed.context["rows"] if it["key"] == "API_KEY"]
    assert (row["line"].noun, row["change"]) == ("variable", "changed")


def test_what_cannot_be_seen_is_removed_on_request(
    client_for: Callable[[str], Client], world: World
) -> None:
    text = 'API_KEY="hunter\\n"'
    alice = client_for("alice")
    assert "ends with a line break" in post(alice, text=text).content.decode()
    page = post(alice, text=text, clean="API_KEY")
    assert "ends with a line break" not in page.content.decode()
    save(alice, page, text, clean="API_KEY")
    assert stored_values(world, "API_KEY")[0] == "hunter"


def test_comparing_asks_for_the_identity(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "API_KEY", "hunter-2-hunter", world.main)
    alice = client_for("alice")
    session = alice.session
    session["confirmed_at"] -= 3600
    session.save()
    answer = post(alice, "compare", scope=[world.main.pk])
    assert (answer.status_code, "reauthenticate" in answer.url) == (302, True)
    assert [row.action for row in audit_rows(world)] == ["secret.create"]


def test_too_many_to_compare(
    client_for: Callable[[str], Client], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "MAX_VALUES", 1)
    for branch in (world.main, world.dev):
        set_secret(world, "API_KEY", "x", branch)
    alice = client_for("alice")
    both = {"scope": [world.main.pk, world.dev.pk], "kind": "secret API_URL"}
    for action in ("preview", "compare"):
        page = post(alice, action, **both)
        shown = " ".join(page.text.split())
        assert "2 secrets exist. You can compare at most 1 with the text at a time." in shown
        assert 'value="compare"' not in shown
        assert len(rows(page)) == 4  # with what was chosen
    assert audit_rows(world, "secret.compare") == []
    assert 'value="compare"' in post(alice, scope=[world.dev.pk]).text


@pytest.mark.parametrize(("person", "status"), [("vera", 403), ("charlie", 404), ("", 302)])
def test_permissions(
    client_for: Callable[[str], Client], world: World, person: str, status: int
) -> None:
    client = client_for(person)
    assert client.get(url()).status_code == status
    assert post(client).status_code == status


def test_ids_of_another_app(client_for: Callable[[str], Client], world: World) -> None:
    alice = client_for("alice")
    assert post(alice, scope=[world.other_branch.pk]).status_code == 404
    page = post(alice)
    row = f"secret {world.other_branch.pk} 0 API_KEY"
    failed = post(alice, "save", row=[row], change_set=page.context["change_set"])
    assert failed.status_code == 422
    assert not world.other_app.secrets.exists()


def test_scripts_save_a_part_at_a_time(
    client_for: Callable[[str], Client], world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is left for another request has no message; one field holds all rows."""
    monkeypatch.setattr("console.pages.importing.views.FRAGMENT_PATIENCE", 0)
    text = "".join(f"API_KEY_{number}=hunter{number}\n" for number in range(15))
    alice = client_for("alice")
    page = post(alice, text=text)
    fields = {"row": "\n".join(rows(page)), "change_set": page.context["change_set"]}
    answer = alice.post(url(), {"action": "save", "text": text, **fields}, headers=FRAGMENT)
    found = re.findall(r'data-outcome="(\w+)"', answer.content.decode())
    assert found == ["saved"] * 10 + ["not_tried"] * 5
    answer = alice.post(url(), {"action": "save", "text": text, **fields}, headers=FRAGMENT)
    assert re.findall(r'data-outcome="(\w+)"', answer.content.decode()) == ["saved"] * 15
    assert len(audit_rows(world)) == 15


def test_a_fragment_of_the_preview(client_for: Callable[[str], Client], world: World) -> None:
    answer = client_for("alice").post(url(), {"text": TEXT}, headers=FRAGMENT)
    assert answer.content.decode().strip().startswith('<div id="import-preview">')


@pytest.mark.parametrize("generated", ["", "[", '{"API_KEY": 1}', '{"OTHER": "x"}', "[" * 9_999])
def test_no_generated_value(
    client_for: Callable[[str], Client], world: World, generated: str
) -> None:
    page = post(client_for("alice"), generated=generated)
    assert "15 bytes" in page.content.decode()


def test_remarks_quote_no_value(client_for: Callable[[str], Client], world: World) -> None:
    text = "NAME=a$HUNTER_2\nOTHER=${HUNTER_3}\nMORE=\u201cHUNTER_4\u201d\n_BUILD_TIMEOUT=HUNTER_5"
    html = post(client_for("alice"), text=text).content.decode()
    assert "references" in html
    assert "typographic" in html
    assert "HUNTER" not in html


def absent(page: Any) -> list[str]:
    """Return the rows that would remove a value."""
    return [row["text"] for row in page.context["rows"] if row["change"] == "remove"]


def test_keys_that_are_not_in_the_text(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "OLD_KEY", "CANARY", world.dev)
    secret = secret_row(world, "OLD_KEY", world.dev)
    variable = set_variable(world, "OLD_URL", "x", world.dev)
    alice, scope = client_for("alice"), {"scope": [world.dev.pk]}
    assert absent(post(alice, **scope)) == []  # they are kept, unless somebody asks
    page = post(alice, **scope, absent="remove")
    chosen = [
        f"secret {world.dev.pk} {secret.pk}:{secret.base} OLD_KEY",
        f"variable {world.dev.pk} variable-{variable.pk}:1 OLD_URL",
    ]
    assert absent(page) == chosen
    assert "Needs a decision (2)" in page.text
    assert "Left out: 2 not in the text." in page.text
    assert save(alice, page).status_code == 302  # none of them is chosen
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"
    page = post(alice, **scope, absent="remove")
    done = save(alice, page, remove=chosen, row=rows(page)[:1])
    assert "Imported 1 secret. Removed 1 secret and 1 variable." in alice.get(done.url).text
    assert stored_values(world, "OLD_KEY", world.dev)[0] is None
    alice.post(done.url, {"undo": "all"})
    assert stored_values(world, "OLD_KEY", world.dev)[0] == "CANARY"
    assert variable_values(world)["dev", "OLD_URL"] == "x"


def test_only_a_removal_sent_twice(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "OLD_KEY", "CANARY")
    alice = client_for("alice")
    page = post(alice, text="# nothing", absent="remove")
    for _ in range(2):
        done = save(alice, page, text="# nothing", remove=absent(page))
        assert done.status_code == 302
    assert "Removed 1 secret." in alice.get(done.url).text
    assert len(audit_rows(world, "secret.remove")) == 1


def test_a_removal_waits_for_the_import(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "OLD_KEY", "CANARY")
    alice = client_for("alice")
    page = post(alice, absent="remove")
    set_secret(world, "API_KEY", "theirs", by="mia")
    done = save(alice, page, remove=absent(page), absent="remove")
    assert done.status_code == 422
    assert "Not removed, because something to import was not saved." in done.text
    assert stored_values(world, "OLD_KEY")[0] == "CANARY"


def test_a_value_to_remove_that_changed(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "OLD_KEY", "CANARY")
    alice = client_for("alice")
    page = post(alice, absent="remove")
    set_secret(world, "OLD_KEY", "CANARY2", by="mia")
    done = save(alice, page, remove=absent(page), absent="remove")
    assert done.status_code == 422
    assert "mia@example.org changed this secret" in done.text
    assert stored_values(world, "OLD_KEY")[0] == "CANARY2"
    assert save(alice, done, row=[], remove=absent(done)).status_code == 302  # seen now
    assert stored_values(world, "OLD_KEY")[0] is None


def test_a_key_to_remove_that_is_in_the_text(
    client_for: Callable[[str], Client], world: World
) -> None:
    set_secret(world, "OLD_KEY", "CANARY")
    alice = client_for("alice")
    page = post(alice, absent="remove")
    done = save(alice, page, text=f"{TEXT}OLD_KEY=new\n", remove=absent(page))
    assert done.status_code == 422
    assert "1 of the keys to remove are in this text." in done.text
    assert stored_values(world, "OLD_KEY")[0] == "CANARY"


def test_a_removal_that_is_not_allowed(client_for: Callable[[str], Client], world: World) -> None:
    set_role(world, "bob", "developer", "dev")
    set_secret(world, "OLD_KEY", "CANARY", world.main)
    as_alice = post(client_for("alice"), scope=[world.main.pk], absent="remove")
    bob = client_for("bob")
    page = post(bob, scope=[world.dev.pk, world.main.pk], absent="remove")
    [row] = [row for row in page.context["rows"] if row["change"] == "remove"]
    assert row["is_fixed"]
    done = save(bob, page, row=[], remove=absent(as_alice))
    assert done.status_code == 422
    assert stored_values(world, "OLD_KEY", world.main)[0] == "CANARY"
    assert [it.outcome for it in audit_rows(world, "secret.remove")] == ["denied"]
    foreign = absent(as_alice)[0].replace(f" {world.main.pk} ", " 999 ")
    assert save(bob, page, row=[], remove=[foreign]).status_code == 422


def test_many_rows(client_for: Callable[[str], Client], world: World) -> None:
    for number in range(10):
        Branch.objects.create(app=world.app, name=f"b{number}")
    text = "".join(f"K{number}=v\n" for number in range(100))
    scopes = [branch.pk for branch in world.app.branches.all()[:5]]
    page = post(client_for("alice"), text=text, scope=scopes)
    assert len(page.context["rows"]) == 500
    assert "too many rows to save without JavaScript" in page.content.decode()


def test_a_file_of_amplify_gen_1(client_for: Callable[[str], Client], world: World) -> None:
    alice = client_for("alice")
    values = {"dev": {"apiUrl": "dev-value"}, "prod": {"apiUrl": "prod-value"}}
    text = json.dumps(
        {
            name: {
                "awscloudformation": {},
                "categories": {"function": {"hello": {**found, "secretsPathAmplifyAppId": "d1"}}},
            }
            for name, found in values.items()
        }
    )
    page = post(alice, text=text, scope=[world.main.pk])
    assert page.context["environment"] == "dev"
    assert rows(page) == [f"variable {world.main.pk} 0 API_URL"]
    assert "/amplify/d1/dev/AMPLIFY_hello_…" in page.text
    assert "dev-value" not in page.text
    fields = {"scope": [world.main.pk], "environment": "prod"}
    page = post(alice, text=text, **fields)
    assert '<option value="prod" selected>' in page.text
    assert save(alice, page, text, **fields).status_code == 302
    assert variable_values(world) == {("main", "API_URL"): "prod-value"}
    page = post(alice, text=text, scope=[world.dev.pk], environment="none")
    assert page.context["environment"] == "dev"  # named like the branch
