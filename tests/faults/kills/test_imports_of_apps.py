"""An import or refresh that is killed at any statement leaves all or nothing, and can be repeated.

A transaction that is cut short is rolled back, so statements are all the points that differ.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from time_machine import Traveller

from console.amplify import snapshots
from console.models import App, AuditEvent, AuditOutcome, Branch, Connection, Member
from console.workflows.connected_apps import importing
from console.workflows.connected_apps.refreshing import refresh_for_page
from tests.console.conftest import rolled_back
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World
from tests.fixtures.stores import Killed

NAMES = {"main", "beta", "feature/login"}


@contextmanager
def killed_at(statement: int) -> Iterator[None]:
    """End the process before the statement of this number."""
    number = 0

    def run(execute: Any, *arguments: Any) -> Any:
        nonlocal number
        number += 1
        if number == statement:
            raise Killed
        return execute(*arguments)

    with connection.execute_wrapper(run):
        yield


def kill_each(act: Callable[[], object], check: Callable[[], None]) -> int:
    """Kill the act at each of its statements, and check what is left. Return their number."""
    statement = 0
    while True:
        statement += 1
        with rolled_back():
            try:
                with killed_at(statement):
                    act()
            except Killed:
                check()
                continue
            return statement - 1


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the apps whose snapshot was taken in."""
    apps: list[str] = []
    monkeypatch.setattr(snapshots, "_consumers", [lambda access, _: apps.append(access.app.app_id)])
    return apps


@pytest.fixture
def account(clock: Traveller, console_on_amplify: AmplifyServer) -> AmplifyServer:
    """Return an account with an app of three branches."""
    console_on_amplify.add_app("dweb", "Web shop", production_branch="main")
    for name in sorted(NAMES):
        console_on_amplify.add_branch("dweb", name)
    return console_on_amplify


def names() -> set[str]:
    """Return the app's branches that aren't deleted."""
    rows = Branch.objects.filter(app__app_id="dweb", deleted_at=None)
    return set(rows.values_list("name", flat=True))


def test_it_works(world: World, account: AmplifyServer, taken: list[str]) -> None:
    olga = world.actor("olga")

    def act() -> None:
        importing.import_app(actor=olga, app_id="dweb", path_profile="both")

    def check() -> None:
        stored = App.objects.filter(app_id="dweb").exists()
        assert names() == (NAMES if stored else set())
        assert Member.objects.filter(app__app_id="dweb").count() == stored
        assert Connection.objects.count() == stored
        if stored:  # recorded before
            assert AuditEvent.objects.filter(action="app.import").count() == 1
        taken.clear()
        act()
        refresh_for_page(actor=olga, app_id="dweb")
        assert names() == NAMES
        assert Connection.objects.get().refreshed_at is not None
        assert taken or AuditOutcome.objects.filter(event__action="app.import").exists()

    assert kill_each(act, check) > 20


def test_refresh(world: World, account: AmplifyServer, taken: list[str], clock: Traveller) -> None:
    olga = world.actor("olga")
    importing.import_app(actor=olga, app_id="dweb", path_profile="both")
    account.add_branch("dweb", "new", stage="BETA")
    account.delete_branch("dweb", "beta")
    expected = {"main", "feature/login", "new"}
    clock.shift(61)

    def act() -> None:
        refresh_for_page(actor=olga, app_id="dweb")

    def check() -> None:
        stored = names() == expected
        assert stored or names() == NAMES
        found = AuditOutcome.objects.filter(event__action__startswith="found.branch")
        assert found.count() == 2 * stored
        taken.clear()
        clock.shift(61)
        act()
        assert names() == expected
        assert found.count() == 2
        assert taken == ["dweb"]
        clock.shift(-61)

    assert kill_each(act, check) > 15
