"""Push over HTTP, to an Amplify that throttles, loses responses and is changed by somebody else.

Guarantees 43, 49 and 50, with the client that production uses.
"""

import pytest
from django.utils import timezone

from console.access.policy import find_app
from console.amplify.service import service
from console.amplify.snapshots import read_snapshot
from console.models import Connection
from envvars_app.amplify_sync import pushing
from envvars_app.amplify_sync.pulling import take_in
from tests.envvars_app.amplify_sync.steps import end_leases, states
from tests.factories import set_variable
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

OURS, THEIRS = {"API_URL": "ours"}, {"THEIRS": "x"}


@pytest.fixture
def shop(world: World, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Connect the world's app, and set a variable that waits to be pushed."""
    console_on_amplify.add_app("d1shop")
    for name in ("main", "dev"):
        console_on_amplify.add_branch("d1shop", name)
    Connection.objects.create(app=world.app, connected_at=timezone.now(), connected_by="olga")
    access = find_app(world.actor("alice"), "d1shop")
    take_in(access, read_snapshot(service(), "d1shop"))
    set_variable(world, "API_URL", "ours")
    console_on_amplify.forget_requests()
    return console_on_amplify


def test_it_works(world: World, shop: AmplifyServer) -> None:
    assert pushing.push(service(), world.app, 10.0).done == 1
    assert shop.variables("d1shop") == OURS
    assert states(world) == {}
    assert shop.operations() == ["GetApp", "UpdateApp", "GetApp"]


@pytest.mark.parametrize("fault", ["lost", "cut", "truncated", "failed_after", "garbage"])
def test_a_lost_response(world: World, shop: AmplifyServer, fault: str) -> None:
    shop.next(fault, on="UpdateApp")
    shop.after("UpdateApp").set_variable("d1shop", "THEIRS", "x")
    pushing.push(service(), world.app, 10.0)
    end_leases()
    pushing.push(service(), world.app, 10.0)
    assert shop.variables("d1shop") == OURS | THEIRS
    assert states(world) == {"THEIRS": "drift"}
    assert shop.count("UpdateApp") == 1


@pytest.mark.parametrize("fault", ["reset", "failed", "throttled", "denied"])
def test_a_write_that_did_not_happen(world: World, shop: AmplifyServer, fault: str) -> None:
    shop.next(fault, on="UpdateApp")
    pushed = pushing.push(service(), world.app, 10.0)
    assert (pushed.done, shop.variables("d1shop")) == (0, {})
    assert states(world) == {"API_URL": "pending"}
    assert shop.count("UpdateApp") == 1
    end_leases()
    assert pushing.push(service(), world.app, None).done == 1
    assert shop.variables("d1shop") == OURS


def test_somebody_sets_the_same_key_first(world: World, shop: AmplifyServer) -> None:
    shop.before("GetApp").set_variable("d1shop", "API_URL", "theirs")
    assert pushing.push(service(), world.app, 10.0).left == 1
    assert shop.variables("d1shop") == {"API_URL": "theirs"}
    assert states(world) == {"API_URL": "conflict"}
    assert shop.count("UpdateApp") == 0


@pytest.mark.parametrize(("patience", "calls"), [(None, 3), (60.0, 3), (1.0, 1)])
def test_no_retry_that_ends_after_the_page_has_given_up(
    world: World,
    shop: AmplifyServer,
    no_backoff: None,
    monkeypatch: pytest.MonkeyPatch,
    patience: float | None,
    calls: int,
) -> None:
    monkeypatch.setattr(pushing, "LONGEST_CALL", 0.0)  # as if the page had just enough time
    shop.always("throttled", on="GetApp")
    pushed = pushing.push(service(), world.app, patience)
    assert (pushed.done, pushed.waiting) == (0, 1)
    assert shop.operations() == ["GetApp"] * calls
