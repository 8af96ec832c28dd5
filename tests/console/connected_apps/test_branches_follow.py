"""The branches of a connected app follow Amplify, whatever their names (guarantee 31)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models.signals import post_save
from django.test import Client
from django.utils import timezone
from time_machine import Traveller

from console.amplify.service import service
from console.amplify.snapshots import read_snapshot
from console.catalog.services import change_branch
from console.models import App, AuditEvent, AuditOutcome, Branch, BranchConnection, Connection
from console.models.notifications import Kind
from console.workflows.connected_apps import branches
from console.workflows.connected_apps.refreshing import refresh_for_page
from secrets_app.models import Secret
from tests.factories import (
    delivered_mails,
    secret_paths,
    set_secret,
    set_variable,
    subscribe,
    write_outside,
)
from tests.factories.collisions import COLLISIONS
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World

URL = "/apps/d1shop/amplify/refresh/"
FRAGMENT = {"HX-Request": "true"}


def refresh(world: World, clock: Traveller) -> None:
    """Refresh the app a minute later."""
    clock.shift(61)
    refresh_for_page(actor=world.actor("vera"), app_id="d1shop")


def states(world: World) -> dict[str, str]:
    """Return the app's branches, and how each stands."""

    def state(branch: Branch) -> str:
        words = [branch.stage, "production" * branch.production, "protected" * branch.protected]
        return " ".join(filter(None, [*words, "deleted" if branch.deleted_at else ""]))

    return {branch.name: state(branch) for branch in world.app.branches.all()}


def trail(world: World) -> list[tuple[str, str, str, str, str]]:
    """Return what was found in Amplify: action, branch, subject, outcome and detail."""
    outcomes = AuditOutcome.objects.filter(event__action__startswith="found.branch").order_by("pk")
    return [
        (it.event.action, it.event.branch, it.event.subject, it.outcome, it.detail)
        for it in outcomes.select_related("event")
    ]


MAIN = "PRODUCTION production protected"


def test_it_works(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    connected.add_branch("d1shop", "feature/login", stage="BETA")
    connected.delete_branch("d1shop", "dev")
    refresh(world, clock)
    assert states(world) == {
        "main": MAIN, "dev": "DEVELOPMENT deleted", "feature/login": "BETA",
    }  # fmt: skip
    assert trail(world) == [
        ("found.branch_delete", "dev", "", "succeeded", ""),
        ("found.branch_add", "feature/login", "", "succeeded", ""),
    ]
    assert connected.operations() == ["GetApp", "ListBranches"]


def test_a_stage_may_have_its_name(
    world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    """A stage without a branch counts as protected, and no push to Git makes it less."""
    world.app.hosting_project = "web-shop"
    world.app.save()
    connected.add_branch("d1shop", "prod")
    refresh(world, clock)
    assert states(world) == {"main": MAIN, "dev": "DEVELOPMENT", "prod": "DEVELOPMENT protected"}
    world.app.branches.update(protected=False)
    connected.add_branch("d1shop", "beta")
    refresh(world, clock)
    assert states(world)["beta"] == "DEVELOPMENT"


def test_pages_ask_after_they_have_loaded(
    client_for: Callable[[str], Client], world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    vera = client_for("vera")
    assert "amplify/refresh/" not in vera.get("/apps/d1shop/").text  # it was connected just now
    clock.shift(61)
    for path in ("", "hosting/secrets/", "hosting/build-settings/", "activity/"):
        page = vera.get(f"/apps/d1shop/{path}").text
        assert page.count(f'hx-post="{URL}"') == 1, path
    page = vera.get("/apps/d1shop/hosting/environment-variables/").text
    assert page.count('environment-variables/amplify/push/?"') == 1  # refreshes, too
    assert f'hx-post="{URL}"' not in page
    assert connected.operations() == []
    connected.add_branch("d1shop", "beta")
    response = vera.post(URL, headers=FRAGMENT)
    assert "Connected to Amplify, synced" in response.text
    assert "hx-post" not in response.text
    assert response["HX-Trigger"] == '{"branches-changed": {}}'
    assert "beta" in vera.get("/apps/d1shop/").text
    clock.shift(61)
    assert vera.post(URL, headers=FRAGMENT)["HX-Trigger"] == '{"branches-checked": {}}'


def test_once_a_minute(
    client_for: Callable[[str], Client], world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    vera = client_for("vera")
    vera.post(URL)
    assert connected.operations() == []
    clock.shift(61)
    for _ in range(3):
        assert vera.post(URL, follow=True).redirect_chain == [("/apps/d1shop/", 302)]
    assert connected.operations() == ["GetApp", "ListBranches"]


def test_unchanged_branches_write_little(
    world: World, connected: AmplifyServer, clock: Traveller, django_assert_num_queries: Any
) -> None:
    for number in range(60):
        connected.add_branch("d1shop", f"branch-{number}")
    refresh(world, clock)
    before = trail(world)
    clock.shift(61)
    actor = world.actor("vera")
    with django_assert_num_queries(19):  # eight of them about variables and build settings
        refresh_for_page(actor=actor, app_id="d1shop")
    assert trail(world) == before


def test_clock_that_was_set_back(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    ahead = timezone.now() + timedelta(hours=1)
    Connection.objects.update(attempted_at=ahead, refreshed_at=ahead)
    connected.add_branch("d1shop", "beta")
    refresh(world, clock)
    assert "beta" in states(world)


def test_deleted_branch_keeps_its_values(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    set_secret(world, "API_KEY", "value", world.dev)
    set_variable(world, "API_URL", "https://example.org", world.dev)
    connected.delete_branch("d1shop", "dev")
    refresh(world, clock)
    alice = client_for("alice")
    assert "Deleted branch" in alice.get("/apps/d1shop/hosting/secrets/").text
    assert "API_URL" in alice.get("/apps/d1shop/hosting/environment-variables/").text
    assert not BranchConnection.objects.filter(branch=world.dev).exists()


def test_it_comes_back_protected(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    Branch.objects.filter(pk=world.dev.pk).update(protected=True)
    connected.delete_branch("d1shop", "dev")
    refresh(world, clock)
    connected.add_branch("d1shop", "dev", stage="BETA")
    refresh(world, clock)
    assert states(world)["dev"] == "BETA protected"
    assert trail(world)[-1][:3] == ("found.branch_add", "dev", "added again, still protected")


def test_renamed_production(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    connected.delete_branch("d1shop", "main")
    connected.add_branch("d1shop", "trunk", stage="PRODUCTION")
    connected.set_production_branch("d1shop", "trunk")
    refresh(world, clock)
    assert states(world) == {
        "main": "PRODUCTION protected deleted", "dev": "DEVELOPMENT", "trunk": MAIN,
    }  # fmt: skip


def test_another_branch_becomes_production(
    world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    connected.set_production_branch("d1shop", "dev")
    refresh(world, clock)
    assert states(world) == {
        "main": "PRODUCTION protected", "dev": "DEVELOPMENT production protected",
    }  # fmt: skip
    assert [row[1:3] for row in trail(world)] == [
        ("dev", "production: no to yes, protected: no to yes"),
        ("main", "production: yes to no"),
    ]


def test_no_production_branch_is_named(
    world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    connected.set_production_branch("d1shop", "")
    refresh(world, clock)
    assert states(world)["main"] == MAIN  # the only one with the stage
    connected.add_branch("d1shop", "second", stage="PRODUCTION")
    refresh(world, clock)
    assert states(world) == {"main": MAIN, "dev": "DEVELOPMENT", "second": "PRODUCTION"}


def test_previews_are_marked(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    request = {"source_branch": "fix", "destination_branch": "main"}
    connected.add_branch("d1shop", "pr-42", stage="PULL_REQUEST", **request)
    refresh(world, clock)
    alice = client_for("alice")
    assert "Pull request for main" in alice.get("/apps/d1shop/").text
    page = " ".join(alice.get("/apps/d1shop/settings/branches/").text.split())
    assert "Pull request from fix to main" in page


def test_lookalikes_are_marked(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    for name in ("mаin", "ma\u200bin"):  # noqa: RUF001 - a Cyrillic a
        connected.add_branch("d1shop", name)
    refresh(world, clock)
    page = client_for("alice").get("/apps/d1shop/settings/branches/").text
    assert page.count("Looks like main") == 2


def test_branch_that_would_share_a_folder(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    pair = COLLISIONS[0]
    Branch.objects.create(app=world.app, name=pair.one, protected=True)
    connected.add_branch("d1shop", pair.one)
    connected.add_branch("d1shop", pair.other)
    for _ in range(2):
        refresh(world, clock)
    assert pair.other not in states(world)
    assert len(trail(world)) == 2  # the stage of the other one, and this one once
    (action, branch, subject, outcome, detail) = trail(world)[-1]
    assert (action, branch, subject, outcome) == ("found.branch_add", "", pair.other, "failed")
    assert detail.startswith("Amplify would store this branch's secrets in the folder of")
    page = client_for("alice").get("/apps/d1shop/settings/branches/").text
    assert "1 branch in Amplify is left out." in " ".join(page.split())
    assert pair.other in page


def test_one_of_a_new_pair(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    pair = COLLISIONS[0]
    connected.add_branch("d1shop", pair.one)
    connected.add_branch("d1shop", pair.other)
    refresh(world, clock)
    assert set(states(world)) == {"main", "dev", pair.one}
    connected.delete_branch("d1shop", pair.one)
    refresh(world, clock)  # a deleted branch still has the folder
    assert set(states(world)) == {"main", "dev", pair.one}


def test_pair_from_before_stays(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    pair = COLLISIONS[0]
    for name in pair[1:]:
        Branch.objects.create(app=world.app, name=name)
        connected.add_branch("d1shop", name)
    refresh(world, clock)
    assert set(states(world)) == {"main", "dev", *pair[1:]}
    assert Connection.objects.get().left_out == {}


@pytest.mark.parametrize("name", ["All branches", "tab\there"])
def test_names_that_no_branch_can_have(
    world: World, connected: AmplifyServer, clock: Traveller, name: str
) -> None:
    connected.add_branch("d1shop", name)
    refresh(world, clock)
    assert set(states(world)) == {"main", "dev"}
    assert list(Connection.objects.get().left_out) == [name.replace("\t", "\\t")]


def test_unusual_names(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    names = ["日本語/ブランチ", "a b#c?d&e", "%2F", "x" * 255, "<script>"]
    for name in names:
        connected.add_branch("d1shop", name)
    refresh(world, clock)
    assert set(states(world)) == {"main", "dev", *names}


def test_branch_that_was_added_by_hand(
    world: World, connected: AmplifyServer, clock: Traveller, client_for: Callable[[str], Client]
) -> None:
    Branch.objects.create(app=world.app, name="planned", stage="BETA")
    refresh(world, clock)
    assert states(world)["planned"] == "BETA"
    assert (
        client_for("alice").get("/apps/d1shop/settings/branches/").text.count("Not in Amplify") == 1
    )
    connected.add_branch("d1shop", "planned", stage="EXPERIMENTAL")
    refresh(world, clock)
    assert trail(world) == [
        ("found.branch_change", "planned", "stage: BETA to EXPERIMENTAL", "succeeded", "")
    ]


def test_older_snapshot(world: World, connected: AmplifyServer, clock: Traveller) -> None:
    old = read_snapshot(service(), "d1shop")
    clock.shift(1)
    connected.add_branch("d1shop", "beta")
    app = App.objects.get(app_id="d1shop")
    assert branches.store(app, read_snapshot(service(), "d1shop"))
    assert branches.store(app, old) is None
    assert "deleted" not in states(world)["beta"]


def test_secrets_of_a_new_branch_are_found(
    world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    world.app.refresh_from_db()
    branch = Branch(app=world.app, name="beta")
    write_outside(secret_paths(world, "TOKEN", branch)[0])
    connected.add_branch("d1shop", "beta")
    refresh(world, clock)
    assert Secret.objects.filter(branch__name="beta", key="TOKEN").exists()


def test_not_connected(world: World, console_on_amplify: AmplifyServer, clock: Traveller) -> None:
    refresh(world, clock)
    assert console_on_amplify.operations() == []


def test_owner_protects_what_a_refresh_deletes(
    world: World, connected: AmplifyServer, clock: Traveller
) -> None:
    connected.delete_branch("d1shop", "dev")

    def delete(**_: Any) -> None:  # after the service has read the branch
        post_save.disconnect(delete, sender=AuditEvent)
        refresh(world, clock)

    post_save.connect(delete, sender=AuditEvent)
    actor = world.actor("alice")
    change_branch(actor=actor, app_id="d1shop", pk=world.dev.pk, fields={"protected": True})
    assert states(world)["dev"] == "DEVELOPMENT protected deleted"


def test_mail(
    world: World, mail_server: MailServer, connected: AmplifyServer, clock: Traveller
) -> None:
    subscribe(world, "alice", Kind.RIGHTS)
    connected.add_branch("d1shop", "beta")
    refresh(world, clock)
    [mail] = delivered_mails(mail_server)
    assert mail["Subject"] == ("Shop: Someone outside Branchkeep added the Amplify branch (beta)")
