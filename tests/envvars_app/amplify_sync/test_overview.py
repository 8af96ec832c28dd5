"""What the Overview says of variables and build settings that Amplify doesn't have, or changed."""

from typing import Any

from django.test import Client
from django.utils import timezone

from console.environment.faults import FaultKind
from console.models import Branch, BranchConnection, Member
from envvars_app.models import SyncedVariable
from tests.envvars_app.amplify_sync.steps import read_amplify
from tests.factories import set_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

URL = "/apps/d1shop/"
LIST = f"{URL}hosting/environment-variables/"


def lines(client: Client) -> list[tuple[FaultKind, str, str]]:
    """Return the lines of variables and build settings: kind, noun and link."""
    found = client.get(URL).context["overview"].lines
    ours = {"variable", "build settings"}
    return [(it.kind, it.noun, it.url) for it in found if it.noun in ours]


def words(client: Client) -> str:
    """Return the page in one line, with single spaces."""
    return " ".join(client.get(URL).text.split())


def test_it_works(alice: Client, world: World, connected: AmplifyServer) -> None:
    set_variable(world, "API_URL", "ours")
    connected.always("throttled")
    assert lines(alice) == []  # it only waits
    alice.post(f"{LIST}amplify/push/")
    assert lines(alice) == [(FaultKind.NOT_PUSHED, "variable", f"{LIST}amplify/")]
    assert "API_URL</span> for <strong>All branches</strong> did not reach Amplify" in words(alice)
    connected.heal()
    alice.post(f"{LIST}amplify/push/")
    assert lines(alice) == []


def test_what_waits_is_on_the_card(alice: Client, world: World, connected: AmplifyServer) -> None:
    set_variable(world, "API_URL", "ours", world.dev)
    assert "1 variable waiting for Amplify" in words(alice)


def test_changed_in_amplify(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.set_variables("d1shop", {"A": "1", "B": "2"})
    read_amplify(world)
    assert lines(alice) == [(FaultKind.CONFLICT, "variable", f"{LIST}amplify/")]
    assert "2 variables for <strong>All branches</strong> differ from Amplify" in words(alice)


def test_the_person_may_no_longer_change_it(
    alice: Client, world: World, connected: AmplifyServer
) -> None:
    set_variable(world, "API_URL", "ours", world.dev, by="bob")
    Member.objects.filter(user=world.person("bob")).delete()
    alice.post(f"{LIST}amplify/push/")
    assert lines(alice) == [(FaultKind.NOT_PUSHED, "variable", f"{LIST}amplify/")]


def test_build_settings(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.set_build_spec("d1shop", "version: 1\n")
    read_amplify(world)
    [(kind, noun, url)] = lines(alice)
    assert (kind, noun) == (FaultKind.CONFLICT, "build settings")
    assert alice.get(url).status_code == 200
    assert "Build settings for <strong>All branches</strong> were changed in Amplify" in words(
        alice
    )


def test_deleted_branch(alice: Client, world: World, connected: AmplifyServer) -> None:
    connected.set_variable("d1shop", "A", "1", "dev")
    read_amplify(world)
    assert lines(alice) != []
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert lines(alice) == []


def test_query_count_is_constant(
    alice: Client, world: World, connected: AmplifyServer, django_assert_num_queries: Any
) -> None:
    set_variable(world, "API_URL", "ours")
    alice.get(URL)
    with django_assert_num_queries(23):
        alice.get(URL)
    names = [Branch(app=world.app, name=f"b{n}") for n in range(48)]
    for branch in Branch.objects.bulk_create(names):
        BranchConnection.objects.create(branch=branch, seen_at=timezone.now())
    scope = SyncedVariable.objects.get().scope
    SyncedVariable.objects.bulk_create(
        SyncedVariable(scope=scope, key=f"K{n}", state="conflict", held="x") for n in range(60)
    )
    with django_assert_num_queries(23):
        assert len(alice.get(URL).context["cards"]) == 50
