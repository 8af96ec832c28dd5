"""Apps are imported, and refreshed, by several processes at the same moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from console.models import App, AuditEvent, Branch, Connection, Member
from console.workflows.connected_apps import importing
from console.workflows.connected_apps.refreshing import refresh_for_page
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.people import World
from tests.fixtures.waiting import LONGEST

pytestmark = [pytest.mark.both_databases, pytest.mark.django_db(transaction=True)]


def at_once(act: Callable[[], object]) -> None:
    """Run the act in four threads at the same moment."""
    together = Barrier(4)

    def run(_: int) -> None:
        together.wait(timeout=LONGEST)
        try:
            with suppress(ValidationError):
                act()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(run, range(4)))


def test_it_works(world: World, console_on_amplify: AmplifyServer) -> None:
    console_on_amplify.add_app("dweb", "Web shop")
    for number in range(5):
        console_on_amplify.add_branch("dweb", f"branch-{number}")
    olga = world.actor("olga")
    at_once(lambda: importing.import_app(actor=olga, app_id="dweb", path_profile="both"))
    app = App.objects.get(app_id="dweb")
    assert Member.objects.filter(app=app).count() == 1
    assert Connection.objects.filter(app=app).count() == 1
    assert Branch.objects.filter(app=app).count() == 5


def test_one_process_refreshes(world: World, console_on_amplify: AmplifyServer) -> None:
    console_on_amplify.add_app("d1shop", "Shop")
    importing.connect(actor=world.actor("olga"), app_id="d1shop")
    console_on_amplify.add_branch("d1shop", "beta")
    console_on_amplify.forget_requests()
    Connection.objects.update(attempted_at=None)
    vera = world.actor("vera")
    at_once(lambda: refresh_for_page(actor=vera, app_id="d1shop"))
    assert console_on_amplify.operations() == ["GetApp", "ListBranches"]
    assert AuditEvent.objects.filter(action="found.branch_add").count() == 1
