"""Values that are selected in the matrix are removed at once, and Undo brings them back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import AuditEvent, Branch
from console.pages.compare import removing
from console.web import kit
from envvars_app.amplify_sync.waiting import push_waiting
from secrets_app.models import BinEntry, LeaseStage, Secret
from tests.factories import (
    audit_rows,
    expire_leases,
    messages_of,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.factories.compare import COMPARE, states
from tests.factories.deployments import connect
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

REMOVE = f"{COMPARE}remove/"


def tokens(page: Any, column: int) -> list[str]:
    """Return what the cells of a column can be removed with: 0 is All branches, 1 main, 2 dev."""
    lines = [line for group in page.context["groups"] for line in group.lines]
    return [line.cells[column][3] for line in lines if line.cells[column][3]]


def remove(client: Client, page: Any, column: int, branch: Branch | None, **data: Any) -> Any:
    """Post the values of a column, as the bar does."""
    fields = {
        "change_set": page.context["change_set"],
        "scope": str(branch.pk) if branch else "",
        "remove": "\n".join(tokens(page, column)),
    }
    return client.post(REMOVE, fields | data)


def go_on(client: Client, page: Any) -> None:
    """Post the form of a page that says what is left."""
    fields = {name: page.context[name] for name in ("change_set", "scope", "done")}
    client.post(REMOVE, {**fields, "remove": page.context["left"]})


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, alice: Client) -> None:
    for key in ("ONE", "TWO"):
        set_secret(world, key, f"CANARY {key}", world.main)
    set_secret(world, "ONE", "of dev", world.dev)
    set_variable(world, "API_URL", "https://example.org", world.main)
    response = remove(alice, alice.get(COMPARE), 1, world.main)
    assert response["Location"] == COMPARE
    page = alice.get(COMPARE)
    assert messages_of(page) == ["3 values removed from main."]
    assert stored_values(world, "ONE", world.main) == (None, None)
    assert stored_values(world, "ONE", world.dev)[0] == "of dev"
    assert variable_values(world) == {}
    assert sorted(BinEntry.objects.values_list("key", flat=True)) == ["ONE", "TWO"]
    removed = [(row.actor, row.key, row.outcome) for row in audit_rows(world, "secret.remove")]
    assert sorted(removed) == [("alice", "ONE", "succeeded"), ("alice", "TWO", "succeeded")]
    undo = f"/apps/d1shop/changes/{AuditEvent.objects.latest('pk').change_set}/"
    assert f'action="{undo}"' in page.text
    alice.post(undo, {"undo": "all"})
    assert stored_values(world, "ONE", world.main)[0] == "CANARY ONE"
    assert variable_values(world) == {("main", "API_URL"): "https://example.org"}


def test_all_branches_keeps_overrides(world: World, alice: Client) -> None:
    set_variable(world, "API_URL", "shared")
    set_variable(world, "API_URL", "of dev", world.dev)
    set_secret(world, "API_KEY", "shared")
    set_secret(world, "API_KEY", "of dev", world.dev)
    remove(alice, alice.get(COMPARE), 0, None)
    assert messages_of(alice.get(COMPARE)) == ["2 values removed from All branches."]
    assert variable_values(world) == {("dev", "API_URL"): "of dev"}
    assert stored_values(world, "API_KEY")[0] is None
    assert stored_values(world, "API_KEY", world.dev)[0] == "of dev"


def test_a_value_that_changed_since_stays(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", "CANARY1", world.dev)
    page = alice.get(COMPARE)
    set_secret(world, "API_KEY", "CANARY2", world.dev, by="mia")
    response = remove(alice, page, 2, world.dev)
    assert response.status_code == 422
    assert "Nothing was removed." in response.text
    assert "mia@example.org" in response.text
    assert stored_values(world, "API_KEY", world.dev)[0] == "CANARY2"


def test_the_rest_can_be_removed_after_a_conflict(world: World, alice: Client) -> None:
    for number in range(12):
        set_secret(world, f"KEY_{number:02}", "CANARY", world.dev)
    page = alice.get(COMPARE)
    set_secret(world, "KEY_05", "CANARY2", world.dev, by="mia")
    response = remove(alice, page, 2, world.dev)
    shown = " ".join(response.text.split())
    assert "Removed 9 of 12 values. 2 were not tried." in shown
    assert "Remove 2 values" in shown
    change_set = AuditEvent.objects.latest("pk").change_set
    assert f'href="/apps/d1shop/changes/{change_set}/"' in shown
    go_on(alice, response)
    after = alice.get(COMPARE)
    assert messages_of(after) == ["11 values removed from dev."]
    assert states(after).keys() == {"KEY_05"}


def test_a_held_secret(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", "CANARY", world.dev)
    page = alice.get(COMPARE)
    claim = AuditEvent.objects.latest("pk")
    later = timezone.now() + timedelta(minutes=2)
    Secret.objects.update(claim=claim, claimed_until=later, claim_stage=LeaseStage.LOST)
    response = remove(alice, page, 2, world.dev)
    assert response.status_code == 422
    assert f"The secret is held until {later:%H:%M:%S} UTC." in response.text
    assert "Remove 1 value\n" in response.text
    assert "See the change set" not in response.text
    expire_leases()
    go_on(alice, response)
    assert stored_values(world, "API_KEY", world.dev)[0] is None


def test_only_values_of_this_scope(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", "CANARY", world.main)
    remove(alice, alice.get(COMPARE), 1, world.dev)
    assert messages_of(alice.get(COMPARE)) == [removing.GONE]
    assert stored_values(world, "API_KEY", world.main)[0] == "CANARY"


def test_a_role_that_may_not(world: World, client_for: Callable[[str], Client]) -> None:
    set_role(world, "bob", "developer", "dev")
    set_secret(world, "API_KEY", "CANARY", world.main)
    as_owner = client_for("alice").get(COMPARE)
    bob = client_for("bob")
    assert tokens(bob.get(COMPARE), 1) == []
    fields = {"scope": world.main.pk, "remove": "\n".join(tokens(as_owner, 1))}
    response = bob.post(REMOVE, fields)
    assert response.status_code == 422
    assert "API_KEY" in response.text
    assert stored_values(world, "API_KEY", world.main)[0] == "CANARY"
    assert [row.outcome for row in audit_rows(world, "secret.remove")] == ["denied"]


def test_a_connected_app(
    world: World, alice: Client, amplify: AmplifyServer, console_on_amplify: None
) -> None:
    connect(world, amplify)
    ours = {f"KEY_{number}": "of dev" for number in range(11)}
    for key, value in ours.items():
        set_variable(world, key, value, world.dev)
    push_waiting(world.app)
    assert amplify.variables("d1shop", "dev") == ours
    page = alice.get(COMPARE)
    amplify.set_variable("d1shop", "THEIRS", "x", "dev")
    amplify.forget_requests()
    assert remove(alice, page, 2, world.dev).status_code == 302
    assert amplify.variables("d1shop", "dev") == {"THEIRS": "x"}
    assert amplify.count("UpdateBranch") == 2  # one for each ten
    undo = f"/apps/d1shop/changes/{AuditEvent.objects.latest('pk').change_set}/"
    alice.post(undo, {"undo": "all"})
    assert amplify.variables("d1shop", "dev") == {**ours, "THEIRS": "x"}


def test_amplify_is_unreachable(
    world: World, alice: Client, amplify: AmplifyServer, console_on_amplify: None
) -> None:
    connect(world, amplify)
    set_variable(world, "API_URL", "of dev", world.dev)
    push_waiting(world.app)
    amplify.always("failed")
    page = alice.get(COMPARE)
    assert remove(alice, page, 2, world.dev).status_code == 302
    assert messages_of(alice.get(COMPARE)) == ["API_URL removed from dev."]
    assert amplify.variables("d1shop", "dev") == {"API_URL": "of dev"}
    amplify.heal()
    push_waiting(world.app, at_once=True)
    assert amplify.variables("d1shop", "dev") == {}


def test_calls(world: World, alice: Client, store_calls: StoreCalls) -> None:
    for number in range(10):
        set_secret(world, f"KEY_{number}", "CANARY", world.dev)
    page = alice.get(COMPARE)
    before = {name: store_calls(name) for name in ("current", "read", "put", "remove")}
    remove(alice, page, 2, world.dev)
    calls = {name: store_calls(name) - number for name, number in before.items()}
    assert calls == {"current": 1, "read": 10, "put": 10, "remove": 10}  # as from the list


def test_without_a_recycle_bin_it_asks_first(world: World, alice: Client, settings: Any) -> None:
    settings.BIN_DAYS = 0
    set_secret(world, "API_KEY", "CANARY", world.dev)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    page = alice.get(COMPARE)
    asked = remove(alice, page, 2, world.dev)
    assert asked.status_code == 422
    text = " ".join(asked.text.split())
    assert "deleted for good" in text
    assert "Remove 2 values anyway" in text
    assert stored_values(world, "API_KEY", world.dev)[0] == "CANARY"
    remove(alice, page, 2, world.dev, without_copy="on")
    after = alice.get(COMPARE)
    assert messages_of(after) == ["2 values removed from dev."]
    assert "/changes/" not in after.text  # nothing that Undo could bring back
    assert stored_values(world, "API_KEY", world.dev)[0] is None


def test_many_values_take_several_posts(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kit, "PATIENCE", 0)
    for number in range(12):
        set_secret(world, f"KEY_{number}", "CANARY", world.dev)
    page = alice.get(COMPARE)
    first = remove(alice, page, 2, world.dev)
    assert first.status_code == 200
    assert "Removed 10 of 12 values." in first.text
    go_on(alice, first)
    assert messages_of(alice.get(COMPARE)) == ["12 values removed from dev."]
    removed = AuditEvent.objects.filter(action="secret.remove")
    assert removed.count() == 12
    assert len(set(removed.values_list("change_set", flat=True))) == 1


def test_a_form_that_is_sent_twice(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", "CANARY", world.dev)
    page = alice.get(COMPARE)
    for _ in range(2):
        assert remove(alice, page, 2, world.dev).status_code == 302
    sentences = messages_of(alice.get(COMPARE))
    assert sentences == ["API_KEY removed from dev.", removing.GONE]
