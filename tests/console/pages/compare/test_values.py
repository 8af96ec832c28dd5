"""Values are compared with production's: variables for everyone, secrets as an audited act."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.audit.events import Action
from console.members import exposure
from console.models import AuditEvent
from console.workflows import comparing
from tests.factories import audit_rows, set_role, set_secret, set_variable
from tests.factories.compare import COMPARE, add_branches, marks, states
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, deny_access

DIFFERS = "changed differs"


def compared(world: World) -> list[tuple[object, ...]]:
    """Return the audited comparisons: person, key and outcome."""
    rows = audit_rows(world, "secret.compare")
    return [(person, key, end) for person, _, key, _, end, _ in rows]


@pytest.fixture
def secrets(world: World) -> None:
    """Set secrets that are the same and different on main and dev."""
    for key, on_main, on_dev in (("SAME", "CANARY", "CANARY"), ("OTHER", "CANARY1", "CANARY2")):
        set_secret(world, key, on_main, world.main)
        set_secret(world, key, on_dev, world.dev)
    set_secret(world, "SHARED", "CANARY")


@pytest.mark.usefixtures("either_store", "secrets")
def test_it_works(world: World, alice: Client, store_calls: StoreCalls) -> None:
    assert marks(alice.get(COMPARE))["OTHER"] == ["", "changed", "changed"]
    assert store_calls("read") == 0
    response = alice.post(COMPARE)
    assert marks(response)["OTHER"] == ["", "changed", DIFFERS]
    assert marks(response)["SAME"] == ["", "changed", "changed"]
    assert marks(response)["SHARED"] == ["changed"] * 3
    assert store_calls("read") == 1
    assert sorted(compared(world)) == [
        ("alice", key, "succeeded") for key in ("OTHER", "OTHER", "SAME", "SAME")
    ]
    acts = AuditEvent.objects.filter(action=Action.SECRET_COMPARED)
    assert acts.values("change_set").distinct().count() == 1
    assert response["Cache-Control"] == "no-store"
    assert "CANARY" not in response.text
    assert "4 secrets compared with main" in " ".join(response.text.split())
    assert marks(alice.get(COMPARE))["OTHER"] == ["", "changed", "changed"]  # stored nowhere


def warnings(response: Any) -> list[str]:
    return [f"{it.key} {it.words} on {', '.join(it.scopes)}" for it in response.context["findings"]]


def test_warnings(world: World, alice: Client) -> None:
    """Of the same secret on production and elsewhere, and of what else the comparison sees."""
    [other] = add_branches(world, 1)
    full, same = "has 3,700 of at most 4,096 bytes", "has the same value"
    for key, values in {
        "SAME": {world.main: "CANARY", world.dev: "CANARY", other: "CANARY2"},
        "OF_ALL": {None: "CANARY", world.main: "CANARY"},
        "INHERITED": {None: "CANARY", world.dev: "CANARY"},  # by production, so shared on purpose
        "TO_DO": {world.main: "TODO", world.dev: "changeme"},
        "FULL": {world.main: "CANARY" + "x" * 3_694, world.dev: "CANARY"},
        "FINE": {world.main: "CANARY", world.dev: "CANARY2"},
        "DB_URL": {
            world.main: "postgres://u:CANARY@db-dev.example.com/x",
            world.dev: "postgres://u:CANARY2@db-dev.example.com/x",
        },
    }.items():
        for branch, value in values.items():
            set_secret(world, key, value, branch)
    response = alice.post(COMPARE)
    assert warnings(response) == [
        "DB_URL has a host that names dev on main",
        f"FULL {full} on main",
        f"OF_ALL {same} on main, All branches",
        f"SAME {same} on main, dev",
        "TO_DO looks like a placeholder on main, dev",
    ]
    assert f'<span class="key">SAME</span> {same} on main, dev.' in response.text
    assert "CANARY" not in response.text
    assert "findings" not in alice.get(COMPARE).context


@pytest.mark.usefixtures("secrets")
def test_no_warning_of_what_may_not_be_compared(
    world: World, client_for: Callable[[str], Client]
) -> None:
    [other] = add_branches(world, 1)
    set_secret(world, "SAME", "CANARY", other)
    set_role(world, "mia", "maintainer", "main\nfeature/*")  # not on dev
    page = client_for("mia").post(COMPARE)
    assert warnings(page) == [f"SAME has the same value on main, {other.name}"]


def test_variables_need_no_act(world: World, client_for: Callable[[str], Client]) -> None:
    set_variable(world, "API_URL", "shared")
    set_variable(world, "API_URL", "own", world.main)
    set_variable(world, "API_URL", "own", world.dev)
    [other] = add_branches(world, 1)
    response = client_for("vera").get(COMPARE)
    assert marks(response)["API_URL"] == [DIFFERS, "changed", "changed", DIFFERS]
    assert other.name == response.context["heads"][-1].name
    [chip] = [it for it in response.context["chips"] if it.label == "Different from main"]
    assert (chip.count, chip.form) == (1, "")
    assert compared(world) == []


def test_an_inherited_secret_is_compared_with_an_override(world: World, alice: Client) -> None:
    set_secret(world, "API_KEY", "shared")
    set_secret(world, "API_KEY", "own", world.main)
    assert marks(alice.post(COMPARE))["API_KEY"] == [DIFFERS, "changed", DIFFERS]


def test_it_counts_as_exposure(world: World, client_for: Callable[[str], Client]) -> None:
    set_role(world, "bob", "maintainer")
    set_secret(world, "API_KEY", "one", world.main)
    set_secret(world, "API_KEY", "two", world.dev)
    client_for("bob").post(COMPARE)
    known = exposure.exposed_secrets(world.person("bob").pk)
    assert {(it.branch, it.key) for it in known} == {("main", "API_KEY"), ("dev", "API_KEY")}


@pytest.mark.usefixtures("secrets")
def test_both_scopes_need_the_permission(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    bob = client_for("bob")  # a developer: not on main, which is protected
    assert "Compare values of secrets" not in bob.get(COMPARE).text
    store_calls.clear()
    assert marks(bob.post(COMPARE))["OTHER"] == ["", "changed", "changed"]
    assert store_calls("read") == 0
    assert compared(world) == []
    set_role(world, "mia", "maintainer", "main")
    page = client_for("mia").post(COMPARE)  # not on dev
    assert marks(page)["OTHER"] == ["", "changed", "changed"]
    assert "Your role doesn't allow comparing the secrets" in " ".join(page.text.split())


@pytest.mark.usefixtures("secrets")
def test_some_branches_are_left_out(world: World, client_for: Callable[[str], Client]) -> None:
    [other] = add_branches(world, 1)
    set_secret(world, "OTHER", "CANARY3", other)
    set_role(world, "mia", "maintainer", "main\nfeature/*")
    page = client_for("mia").post(COMPARE)
    assert marks(page)["OTHER"] == ["", "changed", "changed", DIFFERS]
    assert "comparing some secrets of dev with main" in " ".join(page.text.split())


@pytest.mark.usefixtures("secrets")
def test_a_viewer_is_refused(
    world: World, client_for: Callable[[str], Client], store_calls: StoreCalls
) -> None:
    store_calls.clear()
    assert client_for("vera").post(COMPARE).status_code == 403
    assert store_calls() == 0
    assert audit_rows(world)[-1][1:2] == ("secret.compare",)
    assert audit_rows(world)[-1].outcome == "denied"


@pytest.mark.usefixtures("secrets")
def test_it_asks_for_recent_reauthentication(
    world: World, client_for: Callable[[str], Client], clock: Any, store_calls: StoreCalls
) -> None:
    alice = client_for("alice")
    clock.shift(1000)
    store_calls.clear()
    response = alice.post(COMPARE)
    assert response.status_code == 302
    assert "reauthenticate" in response["Location"]
    assert store_calls("read") == 0
    assert compared(world) == []
    assert "data-confirm" in alice.get(COMPARE).text


@pytest.mark.usefixtures("secrets")
def test_only_what_is_shown_is_compared(world: World, alice: Client) -> None:
    alice.post(f"{COMPARE}?q=OTHER")
    assert {key for _, key, _ in compared(world)} == {"OTHER"}


@pytest.mark.usefixtures("secrets")
def test_what_is_different_alone(world: World, alice: Client) -> None:
    [chip] = [it for it in alice.post(COMPARE).context["chips"] if it.form]
    assert (chip.label, chip.count, chip.address) == ("Different from main", 1, "?show=different")
    response = alice.post(f"{COMPARE}{chip.address}")
    assert [*states(response)] == ["OTHER"]
    assert 'form="compare-values" formaction="?"' in " ".join(response.text.split())


@pytest.mark.usefixtures("secrets")
def test_too_many(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch, store_calls: StoreCalls
) -> None:
    monkeypatch.setattr(comparing, "MAX_VALUES", 3)
    store_calls.clear()
    response = alice.post(COMPARE)
    assert response.status_code == 422
    assert "You can compare at most 3 secrets at a time, and the table shows 4" in response.text
    assert store_calls("read") == 0
    assert alice.post(f"{COMPARE}?q=OTHER").status_code == 200


@pytest.mark.usefixtures("secrets")
def test_the_store_fails(world: World, alice: Client, interrupted: InterruptedStore) -> None:
    interrupted.before("read", deny_access)
    assert alice.post(COMPARE).status_code in {502, 503}
    assert {end for _, _, end in compared(world)} == {"failed"}
