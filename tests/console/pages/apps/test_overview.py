"""An app's Overview: what needs attention, its branches, and recent changes (guarantee 13)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from console.audit.events import Action, Outcome, Target, attempt_all, conclude
from console.environment.faults import FaultKind
from console.models import Branch
from console.workflows.change_sets import plan
from console.workflows.undoing import undo
from secrets_app.models import LeaseStage, Revalidation, Secret
from secrets_app.store import parameter_store
from tests.factories import (
    access_of,
    change_variable,
    delete_secret,
    reconcile_now,
    secret_paths,
    set_secret,
    set_variable,
    write_outside,
)
from tests.fixtures.people import World

URL = "/apps/d1shop/"
CHECK = f"{URL}check/?of=store"


def cards(response: Any) -> list[str]:
    """Return the names of the branches on the page, in order."""
    return [card.branch.name for card in response.context["cards"]]


def words(response: Any) -> str:
    """Return the page in one line, with single spaces."""
    return " ".join(response.text.split())


def kinds(response: Any) -> list[FaultKind]:
    """Return what needs attention."""
    return [line.kind for line in response.context["overview"].lines]


def tallies(response: Any, branch: Branch) -> dict[str, tuple[int, int, int]]:
    """Return how many a branch has itself, inherits and lacks, by noun."""
    [card] = [it for it in response.context["cards"] if it.branch == branch]
    return {it.noun: (it.own, it.inherited, it.missing) for it in card.tallies}


def test_it_works(alice: Client, world: World) -> None:
    set_secret(world, "SHARED", "value")
    set_secret(world, "SHARED", "value", world.main)
    set_secret(world, "STRIPE_KEY", "value", world.main)
    set_variable(world, "API_URL", "https://example.org", world.dev, by="bob")
    reconcile_now(world)
    response = alice.get(URL)
    assert cards(response) == ["main", "dev"]
    assert tallies(response, world.main) == {"secret": (2, 0, 0), "variable": (0, 0, 1)}
    assert tallies(response, world.dev) == {"secret": (0, 1, 1), "variable": (1, 0, 0)}
    assert kinds(response) == [FaultKind.MISSING, FaultKind.LACKING]
    page = words(response)
    assert "Needs attention (2)" in page
    assert '1 key is missing on <strong>main</strong>: <span class="key">API_URL</span>' in page
    assert "1 key of production is missing on <strong>dev</strong>: " in page
    assert f'href="{URL}compare/?show=missing-production"' in response.text
    assert f'href="{URL}compare/?show=missing&amp;kind=secret"' in response.text
    assert "by bob@example.org" in page
    assert '<span class="key">API_URL</span> added on dev' in page
    assert "Checked against the parameter store <time>" in page


def test_a_secret_on_one_branch_and_a_variable_on_another(alice: Client, world: World) -> None:
    set_secret(world, "KEY", branch=world.main)
    set_variable(world, "KEY", "value", world.dev)
    response = alice.get(URL)
    assert tallies(response, world.main) == {"secret": (1, 0, 0), "variable": (0, 0, 0)}
    assert tallies(response, world.dev) == {"secret": (0, 0, 1), "variable": (1, 0, 0)}


def test_nothing_is_wrong(alice: Client, world: World) -> None:
    set_secret(world, "SHARED", "value")
    reconcile_now(world)
    page = words(alice.get(URL))
    assert "Everything is in order. Checked <time>" in page
    Revalidation.objects.all().delete()
    page = words(alice.get(URL))
    assert "Everything is in order" not in page
    assert "Not checked against the parameter store yet" in page


def test_drift(alice: Client, world: World) -> None:
    row = set_secret(world, "DATABASE_URL", "value", world.main)
    set_secret(world, "DATABASE_URL", "value")
    reconcile_now(world)
    write_outside(secret_paths(world, "DATABASE_URL", world.main)[0])
    reconcile_now(world)
    response = alice.get(URL)
    [line] = [it for it in response.context["overview"].lines if it.kind is FaultKind.OUTSIDE]
    assert line.url == f"{URL}hosting/secrets/drift/#drift-{row.pk}"
    page = words(response)
    assert "DATABASE_URL</span> on <strong>main</strong> was changed outside Branchkeep" in page
    assert "1 secret changed outside" in page
    assert "by somebody outside Branchkeep" in page
    set_secret(world, "DATABASE_URL", "ours", world.main)
    assert FaultKind.OUTSIDE not in kinds(alice.get(URL))


def test_removed_outside(alice: Client, world: World) -> None:
    paths = {key: secret_paths(world, key, world.dev) for key in ("BOTH", "PRIMARY", "MIRROR")}
    for key in paths:
        set_secret(world, key, "value", world.dev)
        set_secret(world, key, "value")
    reconcile_now(world)
    primary, mirror = paths["PRIMARY"][0], paths["MIRROR"][1]
    parameter_store().remove([*paths["BOTH"], primary, mirror])
    reconcile_now(world)
    lines = {it.kind: it for it in alice.get(URL).context["overview"].lines}
    assert lines[FaultKind.REMOVED_OUTSIDE].keys == ["BOTH", "PRIMARY"]
    assert lines[FaultKind.UNFINISHED].keys == ["MIRROR"]


def test_save_with_a_lost_answer(alice: Client, world: World) -> None:
    row = set_secret(world, "A_KEY", "value")
    Secret.objects.filter(pk=row.pk).update(claim_stage=LeaseStage.LOST)
    response = alice.get(URL)
    assert kinds(response) == [FaultKind.UNSETTLED]
    assert "was saved, but the outcome is not known yet" in words(response)


def test_drift_is_shown_for_a_week(alice: Client, world: World, clock: Any) -> None:
    set_secret(world, "A_KEY", "value")
    write_outside(secret_paths(world, "A_KEY")[0])
    reconcile_now(world)
    assert FaultKind.OUTSIDE in kinds(alice.get(URL))
    clock.shift(timedelta(days=8).total_seconds())
    alice.force_login(world.person("alice"))
    assert FaultKind.OUTSIDE not in kinds(alice.get(URL))


def test_what_was_stored_before_is_no_drift(alice: Client, world: World) -> None:
    write_outside("/amplify/shared/d1shop/A_KEY")
    reconcile_now(world)
    response = alice.get(URL)
    assert tallies(response, world.dev)["secret"] == (0, 1, 0)
    assert kinds(response) == []


def test_a_lone_mirror(alice: Client, world: World) -> None:
    """Nobody removed the secret: it was never there."""
    _, mirror = secret_paths(world, "A_KEY", world.dev)
    write_outside(mirror)
    reconcile_now(world)
    response = alice.get(URL)
    assert kinds(response) == [FaultKind.MIRROR_ONLY]
    row = Secret.objects.get()
    assert response.context["overview"].lines[0].url == f"{URL}hosting/secrets/{row.pk}/"
    assert "A_KEY</span> on <strong>dev</strong> has only a mirror" in words(response)
    page = words(alice.get(f"{URL}hosting/secrets/{row.pk}/"))
    assert "There is only the mirror" in page
    assert "removed outside" not in page


def test_several_faults_of_a_kind_take_one_line(alice: Client, world: World) -> None:
    for key in "ABCDE":
        set_secret(world, key, "value")
    set_secret(world, "A", "value", world.main)
    Secret.objects.update(unencrypted=True, mirror_due_at=timezone.now())
    response = alice.get(URL)
    assert kinds(response) == [FaultKind.UNENCRYPTED, FaultKind.UNFINISHED]
    page = words(response)
    assert "6 secrets in 2 scopes are stored without encryption" in page
    assert '<span class="key">C</span> and 2 more' in page


def test_unknown_parameters(alice: Client, world: World) -> None:
    reconcile_now(world)
    write_outside("/amplify/d1shop/gone/API_KEY")
    reconcile_now(world)
    response = alice.get(URL)
    assert kinds(response) == [FaultKind.UNKNOWN]
    assert "1 parameter belongs to no known branch" in words(response)


def test_unreachable_store(alice: Client, world: World) -> None:
    reconcile_now(world)
    Revalidation.objects.update(problem="The parameter store did not answer.")
    response = alice.get(URL)
    assert kinds(response) == [FaultKind.UNREACHABLE]
    page = words(response)
    assert "The parameter store could not be reached when it was last checked." in page
    assert "Last checked <time>" in page
    assert "Everything is in order" not in page


def test_recent_changes(alice: Client, world: World) -> None:
    row = set_variable(world, "API_URL", "https://example.org", world.dev, by="bob")
    change_variable(world, row, "https://example.com", key="API", by="mia")
    set_secret(world, "STRIPE_KEY", "value")
    delete_secret(world, "STRIPE_KEY")
    response = alice.get(URL)
    changes = response.context["overview"].changes
    assert [(it.key, it.what, it.scopes) for it in changes] == [
        ("STRIPE_KEY", "removed", ["All branches"]),
        ("STRIPE_KEY", "added", ["All branches"]),
        ("API_URL", "renamed", ["dev"]),
        ("API_URL", "added", ["dev"]),
    ]
    assert "removed for All branches" in words(response)


def test_undone_changes(alice: Client, world: World) -> None:
    set_secret(world, "A_KEY", "value", world.dev)
    [saved] = alice.get(URL).context["overview"].changes
    assert f'href="{URL}changes/{saved.id}/"' in alice.get(URL).text
    access = access_of(world, "alice")
    tokens = [row.token for _, row in plan(access, saved.id, [])]
    undo(access, saved.id, tokens, uuid4(), may_go_on=lambda: True)
    newest, _ = alice.get(URL).context["overview"].changes
    assert (newest.key, newest.what, newest.scopes) == ("", "Undo of 1 change", ["dev"])


def test_change_set_with_a_conflict(alice: Client, world: World) -> None:
    attempts = [
        (Action.SECRET_CHANGED, Target("d1shop", "main", key), 1) for key in ("A_KEY", "B_KEY")
    ]
    events = attempt_all(world.actor("bob"), attempts, change_set=uuid4())
    conclude(events[0].pk, Outcome.FAILED, detail="conflict")  # the store told of a later version
    conclude(events[1].pk, Outcome.SUCCEEDED)
    response = alice.get(URL)
    [change] = response.context["overview"].changes
    assert (change.what, change.failed, change.conflicts) == ("2 secrets changed", 1, 1)
    assert "1 conflict </span>" in words(response)
    conclude(events[1].pk, Outcome.FAILED)
    assert "2 not saved </span>" in words(alice.get(URL))


@pytest.mark.parametrize(
    ("q", "found"),
    [("de", ["dev"]), ("DEV", ["dev"]), ("#", ["fix/#1 %_"]), ("%_", ["fix/#1 %_"])],
)
def test_search(alice: Client, world: World, q: str, found: list[str]) -> None:
    Branch.objects.create(app=world.app, name="fix/#1 %_")
    assert cards(alice.get(URL, {"q": q})) == found


def test_search_without_results(alice: Client) -> None:
    assert "No branch matches “zz”." in alice.get(URL, {"q": "zz"}).text


def test_few_branches_need_no_search(alice: Client, world: World) -> None:
    assert 'id="search-q"' not in alice.get(URL).text
    Branch.objects.bulk_create(Branch(app=world.app, name=f"b{n}") for n in range(10))
    assert 'id="search-q"' in alice.get(URL).text


def test_deleted_branch(alice: Client, world: World) -> None:
    set_secret(world, "OLD", "value", world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    response = alice.get(URL)
    assert cards(response) == ["main"]
    assert kinds(response) == []


def test_no_production_branch(alice: Client, world: World) -> None:
    Branch.objects.update(production=False)
    set_secret(world, "A", "value", world.dev)
    response = alice.get(URL)
    assert cards(response) == ["dev", "main"]
    assert kinds(response) == []


@pytest.mark.parametrize(
    ("name", "says"),
    [("alice", "Add the branches that Amplify deploys"), ("vera", "Ask an owner of the app")],
)
def test_no_branches(
    client_for: Callable[[str], Client], world: World, name: str, says: str
) -> None:
    world.app.branches.all().delete()
    response = client_for(name).get(URL)
    assert "No branches yet" in response.text
    assert says in response.text


@pytest.mark.parametrize(("name", "may"), [("alice", True), ("mia", False), ("vera", False)])
def test_only_owners_see_the_settings(
    client_for: Callable[[str], Client], name: str, may: bool
) -> None:
    response = client_for(name).get(URL)
    assert response.context["may_manage"] is may
    assert ("/apps/d1shop/settings/" in response.text) is may


def test_check(alice: Client, world: World) -> None:
    set_secret(world, "A_KEY", "value")
    reconcile_now(world)
    write_outside(secret_paths(world, "A_KEY")[0])
    Revalidation.objects.update(started_at=timezone.now() - timedelta(minutes=1))
    response = alice.post(CHECK, headers={"HX-Request": "true"})
    assert "<html" not in response.text
    assert "was changed outside Branchkeep" in words(response)
    assert 'id="branches" hx-swap-oob="true"' in response.text
    assert "hx-trigger" not in response.text  # the check has ended
    Revalidation.objects.update(is_waiting=True)
    response = alice.post(CHECK, {"q": "main"}, headers={"HX-Request": "true"})
    assert "load delay:2s" in response.text  # until it has
    assert cards(response) == ["main"]


def test_check_without_javascript(alice: Client, world: World) -> None:
    response = alice.post(f"{URL}check/")
    assert (response.status_code, response["Location"]) == (302, URL)
    assert Revalidation.objects.get(app=world.app).agreed_at


@pytest.mark.both_databases
def test_query_count_is_constant(
    alice: Client, world: World, django_assert_num_queries: Any
) -> None:
    def fill(branches: int, keys: int) -> None:
        now = timezone.now()
        Branch.objects.bulk_create(Branch(app=world.app, name=f"b{n}") for n in range(branches))
        Secret.objects.bulk_create(
            Secret(app=world.app, branch=branch, key=f"K{n}", version=1, touched_at=now)
            for branch in world.app.branches.filter(name__startswith="b")
            for n in range(keys)
        )

    set_secret(world, "A_KEY", "value")
    set_variable(world, "API_URL", "changeme")  # a warning, which may be dismissed
    reconcile_now(world)
    alice.get(URL)
    with django_assert_num_queries(18):
        alice.get(URL)
    fill(48, 60)
    with django_assert_num_queries(18):
        assert len(cards(alice.get(URL))) == 50
