"""The doctor asks Amplify on demand, and knows which connected apps could not be read."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.utils import timezone

from console.lib.health import CheckResult
from console.models import Connection
from secrets_app.ops import doctor
from tests.console.ops.test_metrics import Scrape, grown, scrape  # noqa: F401 - a fixture
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World

Checked = Callable[..., CheckResult]


@pytest.fixture
def check(world: World) -> Checked:
    """Return a function that runs the doctor and gives one of its results."""

    def run(name: str, *, ask: bool = True) -> CheckResult:
        return {it.name: it for it in doctor.examine(ask_store=ask)}[name]

    return run


def connect(world: World, problem: str = "") -> None:
    """Connect the app, whose last refresh ended with a problem."""
    Connection.objects.create(app=world.app, connected_at=timezone.now(), problem=problem)


def test_it_works(console_on_amplify: AmplifyServer, check: Checked, world: World) -> None:
    connect(world)
    result = check("Amplify")
    assert (result.state, result.message) == (
        "ok",
        "Amplify answers, and lets Branchkeep list apps.",
    )
    assert console_on_amplify.operations() == ["ListApps"]
    assert check("Connected apps").state == "ok"


def test_it_asks_on_demand_only(console_on_amplify: AmplifyServer, check: Checked) -> None:
    assert check("Amplify", ask=False).state == "skipped"
    assert console_on_amplify.count() == 0


def test_off(amplify: AmplifyServer, check: Checked) -> None:
    result = check("Amplify")
    assert (result.state, "AMPLIFY is off" in result.message) == ("skipped", True)
    assert check("Connected apps").state == "ok"


def test_off_with_connected_apps(check: Checked, world: World) -> None:
    connect(world)
    result = check("Connected apps")
    assert (result.state, "Set AMPLIFY to" in result.hint) == ("warning", True)


def test_denied(console_on_amplify: AmplifyServer, check: Checked) -> None:
    console_on_amplify.always("denied")
    result = check("Amplify")
    assert (result.state, "amplify:ListApps" in result.hint) == ("error", True)


def test_unreachable(
    console_on_amplify: AmplifyServer, check: Checked, no_backoff: None, settings: Any
) -> None:
    console_on_amplify.always("reset")
    result = check("Amplify")
    assert (result.state, "Amplify can't be reached" in result.message) == ("error", True)


def test_an_app_that_could_not_be_read(check: Checked, world: World, settings: Any) -> None:
    settings.AMPLIFY = "on"
    connect(world, problem="NotFound")
    result = check("Connected apps")
    assert (result.state, "d1shop (NotFound)" in result.message) == ("warning", True)


def test_metrics(console_on_amplify: AmplifyServer, check: Checked, scrape: Scrape) -> None:  # noqa: F811
    before = scrape()
    console_on_amplify.next("throttled")
    check("Amplify")
    after = grown(before, scrape())
    assert after['console_amplify_call_seconds_count{operation="ping",outcome="ok"}'] == 1
    assert after['console_amplify_throttles_total{operation="ping"}'] == 1


def test_owner_group_that_does_not_exist(world: World, check: Checked, settings: Any) -> None:
    settings.AMPLIFY_OWNER_GROUP = "platform"
    result = check("Connected apps")
    assert (result.state, result.message) == (
        "warning",
        "AMPLIFY_OWNER_GROUP is “platform”, but there is no such group.",
    )
    Group.objects.create(name="platform")
    assert check("Connected apps").state == "ok"
