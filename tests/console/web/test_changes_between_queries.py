"""A page is not a failure if somebody changes what it shows between two of its queries."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client

from console.models import AuditEvent
from envvars_app.models import Variable
from secrets_app.models import BinEntry, Secret
from tests.factories import (
    change_variable,
    delete_secret,
    remove_variable,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World

APP = "/apps/d1shop"
PAGES = [
    f"{APP}/",
    f"{APP}/compare/",
    f"{APP}/changes/{{change_set}}/",
    f"{APP}/hosting/secrets/?branch={{branch}}",
    f"{APP}/hosting/secrets/{{secret}}/",
    f"{APP}/hosting/secrets/{{secret}}/edit/",
    f"{APP}/hosting/secrets/bin/",
    f"{APP}/hosting/environment-variables/?branch={{branch}}",
    f"{APP}/hosting/environment-variables/{{variable}}/",
    f"{APP}/hosting/environment-variables/{{variable}}/edit/",
    "/search/?q=e&app=d1shop",
]
OF_REMOVED = [page for page in PAGES if page.endswith(("{change_set}/", "bin/", "{variable}/"))]
FORMS: dict[str, dict[str, Any]] = {
    f"{APP}/hosting/secrets/import/": {"action": "preview", "text": "KEY=1\nURL=2"},
    f"{APP}/compare/copy/": {
        "action": "preview",
        "value": ["secret:{secret}", "variable:{variable}"],
        "scope": "",
    },
}


def remove(world: World) -> None:
    """Remove everything."""
    for variable in Variable.objects.filter(removed_at=None):
        remove_variable(world, variable, by="mia")
    for secret in Secret.objects.select_related("branch"):
        delete_secret(world, secret.key, secret.branch, by="mia")


def purge(world: World) -> None:
    """Delete for good what was removed."""
    BinEntry.objects.all().delete()
    Variable.objects.exclude(removed_at=None).delete()


class Interruption:
    """Does something before a query of a response, once."""

    def __init__(self, number: int, act: Callable[[], None]) -> None:
        self._before, self._act, self.is_done = number, act, False

    def __call__(self, execute: Callable[..., Any], *query: Any) -> Any:
        if not self.is_done and self._before == 0:
            self.is_done = True  # first: the act makes queries, too
            self._act()
        self._before -= 1
        return execute(*query)


@pytest.mark.parametrize(
    ("act", "page"),
    [*((remove, page) for page in (*PAGES, *FORMS)), *((purge, page) for page in OF_REMOVED)],
)
def test_it_works(
    world: World, client_for: Callable[[str], Client], act: Callable[[World], None], page: str
) -> None:
    secret = set_secret(world, "KEY", branch=world.dev)
    variable = set_variable(world, "URL", "one", world.dev)
    change_variable(world, variable, "two")
    if act is purge:
        remove(world)
    change_set = AuditEvent.objects.filter(action__startswith="variable.").latest("pk").change_set
    names = {"secret": secret.pk, "variable": variable.pk, "branch": world.dev.pk}
    url = page.format(change_set=change_set, **names)
    alice = client_for("alice")
    world.person("mia")

    def respond() -> Any:
        if page not in FORMS:
            return alice.get(url)
        values = [it.format(**names) for it in FORMS[page].get("value", ())]
        return alice.post(url, {**FORMS[page], **({"value": values} if values else {})})

    number, is_done = 0, True
    while is_done:
        start = transaction.savepoint()
        interruption = Interruption(number, lambda: act(world))
        with connection.execute_wrapper(interruption):
            assert respond().status_code in {200, 404, 422}
        transaction.savepoint_rollback(start)
        number, is_done = number + 1, interruption.is_done
    assert number > 3  # it was interrupted
