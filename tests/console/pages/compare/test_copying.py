"""Values are copied to other scopes: chosen, previewed without reading secrets, then written."""

from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from django.test import Client

from console.members import exposure
from console.models import AuditEvent, Branch
from console.pages.compare import copying
from tests.factories import (
    audit_rows,
    messages_of,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.factories.compare import COMPARE, add_branches
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access

COPY = f"{COMPARE}copy/"
ClientFor = Callable[[str], Client]


class Fields(HTMLParser):
    """The fields of the form that the page would post, with what is checked."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.posted: dict[str, list[str]] = {}
        self.offered: dict[str, list[str]] = {}
        self.feed(response.text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        field = dict(attrs)
        if tag != "input" or "name" not in field or "disabled" in field:
            return
        self.offered.setdefault(field["name"], []).append(field.get("value", ""))
        if field.get("type") != "checkbox" or "checked" in field:
            self.posted.setdefault(field["name"], []).append(field.get("value", ""))


def secrets_on(world: World, branch: Branch) -> dict[str, str]:
    """Return the secrets that the store holds for a branch."""
    keys = world.app.secrets.filter(branch=branch, version__gt=0).values_list("key", flat=True)
    return {key: stored_values(world, key, branch)[0] or "" for key in keys}


def preview(client: Client, values: list[str], *scopes: Any) -> Any:
    """Post the chosen values and scopes."""
    ids = [str(scope.pk) if scope else "" for scope in scopes]
    return client.post(COPY, {"action": "preview", "value": values, "scope": ids})


def save(client: Client, previewed: Any, *, everything: bool = False) -> Any:
    """Post the form of a preview, with what is checked in it."""
    fields = Fields(previewed)
    rows = fields.offered if everything else fields.posted
    return client.post(COPY, {**fields.posted, "row": rows.get("row", []), "action": "save"})


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, alice: Client, store_calls: StoreCalls) -> None:
    [other] = add_branches(world, 1)
    secrets = [set_secret(world, key, f"CANARY {key}", world.main) for key in ("ONE", "TWO")]
    variable = set_variable(world, "API_URL", "https://example.org", world.main)
    values = [*(f"secret:{row.pk}" for row in secrets), f"variable:{variable.pk}"]
    offered = Fields(alice.get(COPY)).offered
    assert offered["value"] == values
    assert offered["scope"] == ["", *(str(branch.pk) for branch in (world.dev, other, world.main))]
    store_calls.clear()
    previewed = preview(alice, values, world.dev, other)
    assert store_calls() == 0
    assert "CANARY" not in previewed.text
    response = save(alice, previewed)
    assert response["Location"] == COMPARE
    assert messages_of(alice.get(COMPARE)) == ["Copied 6 values."]
    for branch in (world.dev, other):
        assert secrets_on(world, branch) == {"ONE": "CANARY ONE", "TWO": "CANARY TWO"}
    reads = [(row.actor, row.key, row.outcome) for row in audit_rows(world, "secret.reveal")]
    assert sorted(reads) == [("alice", "ONE", "succeeded"), ("alice", "TWO", "succeeded")]
    written = AuditEvent.objects.filter(action__in=["secret.create", "variable.create"])
    copied = written.order_by("-pk")[:6]
    assert len({event.change_set for event in copied}) == 1


def test_existing_values_stay_unless_chosen(world: World, alice: Client) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    set_secret(world, "API_KEY", "of dev", world.dev)
    previewed = preview(alice, [f"secret:{source.pk}"], world.dev)
    assert "Replaces a value" in previewed.text
    refused = save(alice, previewed)
    assert refused.status_code == 422
    assert "Choose at least one value to copy." in refused.text
    assert secrets_on(world, world.dev) == {"API_KEY": "of dev"}
    assert save(alice, previewed, everything=True).status_code == 302
    assert secrets_on(world, world.dev) == {"API_KEY": "of main"}


def test_an_inherited_value_and_one_for_all_branches(world: World, alice: Client) -> None:
    shared = set_variable(world, "API_URL", "shared")
    own = set_variable(world, "LEVEL", "of main", world.main)
    values = [f"variable:{shared.pk}", f"variable:{own.pk}"]
    previewed = preview(alice, values, None, world.dev)
    assert "The branch inherits the value for All branches now." in previewed.text
    assert len(Fields(previewed).posted["row"]) == 2  # the override is not chosen by itself
    save(alice, previewed, everything=True)
    assert variable_values(world) == {
        ("", "API_URL"): "shared",
        ("dev", "API_URL"): "shared",
        ("", "LEVEL"): "of main",
        ("main", "LEVEL"): "of main",
        ("dev", "LEVEL"): "of main",
    }


def test_a_value_that_changed_since_the_preview_stays(world: World, alice: Client) -> None:
    source = set_secret(world, "API_KEY", "CANARY1", world.main)
    previewed = preview(alice, [f"secret:{source.pk}"], world.dev)
    set_secret(world, "API_KEY", "CANARY2", world.dev, by="mia")
    response = save(alice, previewed)
    assert response.status_code == 422
    assert "mia@example.org" in response.text
    assert secrets_on(world, world.dev) == {"API_KEY": "CANARY2"}
    assert "of m" not in response.text.replace("CANARY1", "")  # no value


def test_a_value_that_was_removed_since(world: World, alice: Client) -> None:
    source = set_variable(world, "API_URL", "x", world.main)
    previewed = preview(alice, [f"variable:{source.pk}"], world.dev)
    source.delete()
    assert save(alice, previewed).status_code == 422
    assert variable_values(world) == {}


def test_a_repeated_post_copies_once(world: World, alice: Client) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    previewed = preview(alice, [f"secret:{source.pk}"], world.dev)
    assert [save(alice, previewed).status_code for _ in range(2)] == [302, 302]
    assert [row.outcome for row in audit_rows(world, "secret.create")] == ["succeeded"] * 2


def test_many_are_copied_in_parts(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch, store_calls: StoreCalls
) -> None:
    monkeypatch.setattr(copying, "PART", 2)
    scopes = [world.dev, *add_branches(world, 2)]
    values = [set_secret(world, key, key, world.main) for key in ("ONE", "TWO")]
    previewed = preview(alice, [f"secret:{row.pk}" for row in values], *scopes)
    page = save(alice, previewed)
    assert "Copied 2 of 6 values." in page.text
    assert page.status_code == 200
    page = save(alice, page)  # as the browser does by itself, or with Continue
    assert "Copied 4 of 6 values." in page.text
    fields = Fields(page).posted
    done = alice.post(COPY, fields, headers={"hx-request": "true"})
    assert done["HX-Redirect"] == COMPARE
    [message] = alice.get(COMPARE).context["messages"]
    assert str(message) == "Copied 6 values."
    written = AuditEvent.objects.filter(action="secret.create").order_by("-pk")[:6]
    [change_set] = {event.change_set for event in written}
    assert message.extra_tags.endswith(f"/changes/{change_set}/")  # Undo undoes all
    for scope in scopes:
        assert secrets_on(world, scope) == {"ONE": "ONE", "TWO": "TWO"}


def test_too_many(world: World, alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    monkeypatch.setattr(copying, "MAX_COPIES", 1)
    response = preview(alice, [f"secret:{source.pk}"], world.dev, *add_branches(world, 1))
    assert response.status_code == 422
    assert "This would make 2 copies" in response.text


def test_the_store_fails(world: World, alice: Client, interrupted: InterruptedStore) -> None:
    scopes = [world.dev, *add_branches(world, 12)]
    source = set_secret(world, "API_KEY", "CANARY", world.main)
    previewed = preview(alice, [f"secret:{source.pk}"], *scopes)
    interrupted.before("current", deny_access)
    page = save(alice, previewed)
    assert page.status_code == 422
    assert "CANARY" not in page.text
    assert len(Fields(page).posted["row"]) == 12  # what was not tried is still chosen
    assert save(alice, page, everything=True).status_code == 302
    assert secrets_on(world, world.dev) == {"API_KEY": "CANARY"}


def test_the_source_needs_the_permission_to_reveal(
    world: World, client_for: ClientFor, store_calls: StoreCalls
) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    bob = client_for("bob")  # a developer: not on main, which is protected
    previewed = preview(bob, [f"secret:{source.pk}"], world.dev)
    assert "revealing this value" in previewed.text
    fields = {**Fields(previewed).posted, "row": f"secret {world.dev.pk} 0 API_KEY"}
    store_calls.clear()
    assert bob.post(COPY, fields | {"action": "save"}).status_code == 403
    assert store_calls("read") == 0
    assert audit_rows(world, "secret.reveal")[-1].outcome == "denied"
    assert secrets_on(world, world.dev) == {}


def test_the_target_needs_the_permission_to_write(world: World, client_for: ClientFor) -> None:
    source = set_secret(world, "API_KEY", "of dev", world.dev)
    bob = client_for("bob")
    previewed = preview(bob, [f"secret:{source.pk}"], world.main)
    assert "Not possible" in previewed.text
    fields = {**Fields(previewed).posted, "row": f"secret {world.main.pk} 0 API_KEY"}
    assert bob.post(COPY, fields | {"action": "save"}).status_code == 422
    assert secrets_on(world, world.main) == {}


def test_it_asks_for_recent_reauthentication(
    world: World, client_for: ClientFor, clock: Any
) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    alice = client_for("alice")
    previewed = preview(alice, [f"secret:{source.pk}"], world.dev)
    assert "data-confirm" in previewed.text
    clock.shift(1000)
    response = save(alice, previewed)
    assert "reauthenticate" in response["Location"]
    assert secrets_on(world, world.dev) == {}


def test_it_counts_as_exposure(world: World, client_for: ClientFor) -> None:
    set_role(world, "bob", "maintainer")
    source = set_secret(world, "API_KEY", "of main", world.main)
    bob = client_for("bob")
    save(bob, preview(bob, [f"secret:{source.pk}"], world.dev))
    known = exposure.exposed_secrets(world.person("bob").pk)
    assert {(it.branch, it.key) for it in known} == {("main", "API_KEY"), ("dev", "API_KEY")}


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"value": "secret:1"},
        {"scope": ""},
        {"value": "nonsense:1", "scope": ""},
        {"value": ["secret:99999999", "secret:x", "\0"], "scope": ""},
    ],
)
def test_nothing_chosen(alice: Client, fields: dict[str, Any]) -> None:
    response = alice.post(COPY, fields)
    assert response.status_code == 422
    assert "Choose at least one key, and a branch to copy to." in response.text


def test_another_app(world: World, alice: Client) -> None:
    source = set_secret(world, "API_KEY", "of main", world.main)
    assert preview(alice, [f"secret:{source.pk}"], world.other_branch).status_code == 404
    fields = {"value": f"secret:{source.pk}", "scope": world.dev.pk, "action": "save"}
    row = f"secret {world.other_branch.pk} 0 API_KEY"
    assert alice.post(COPY, fields | {"row": row}).status_code == 422


def test_the_keys_of_another_scope_are_offered(world: World, alice: Client) -> None:
    set_secret(world, "ON_MAIN", branch=world.main)
    on_dev = set_secret(world, "ON_DEV", branch=world.dev)
    shared = set_secret(world, "SHARED")
    response = alice.get(COPY, {"from": world.dev.pk, "value": f"secret:{shared.pk}"})
    fields = Fields(response)
    assert fields.offered["value"] == [f"secret:{on_dev.pk}", f"secret:{shared.pk}"]
    assert fields.posted["value"] == [f"secret:{shared.pk}"]
    assert Fields(alice.get(COPY, {"from": "nonsense"})).offered["value"] == [f"secret:{shared.pk}"]


def test_a_viewer(world: World, client_for: ClientFor) -> None:
    set_secret(world, "API_KEY")
    assert client_for("vera").get(COPY).status_code == 403
    assert client_for("vera").post(COPY).status_code == 403
    assert COPY not in client_for("vera").get(COMPARE).text
