"""A change that only the database makes is saved together with its outcome, or not at all."""

from functools import partial

import pytest
from django.db import DatabaseError

from console.catalog.services import change_app
from console.models import App
from envvars_app.models import VariableVersion
from envvars_app.variables.history import erase_history
from tests.factories import (
    last_event_id,
    only_event,
    outcomes_of,
    remove_variable,
    set_variable,
    without_table,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_works(world: World) -> None:
    start = last_event_id()
    change_app(actor=world.actor("alice"), app_id="d1shop", fields={"name": "Store"})
    assert App.objects.get(app_id="d1shop").name == "Store"
    assert outcomes_of(only_event(start)) == ["succeeded"]


def test_outcome_cannot_be_saved(world: World) -> None:
    before = App.objects.get(app_id="d1shop").name
    start = last_event_id()
    with without_table("console_auditoutcome"), pytest.raises(DatabaseError):
        change_app(actor=world.actor("alice"), app_id="d1shop", fields={"name": "Store"})
    assert App.objects.get(app_id="d1shop").name == before
    assert only_event(start).action == "app.change"


def test_erased_values(world: World) -> None:
    """The background says of open changes of variables that nothing was changed."""
    variable = set_variable(world, "TOKEN", "plain")
    remove_variable(world, variable)
    erase = partial(erase_history, actor=world.actor("alice"), app_id="d1shop", pk=variable.pk)
    with without_table("console_auditoutcome"), pytest.raises(DatabaseError):
        erase()
    assert VariableVersion.objects.filter(variable=variable, value="plain").exists()
    start = last_event_id()
    erase()
    assert not VariableVersion.objects.filter(variable=variable, value="plain").exists()
    assert outcomes_of(only_event(start)) == ["succeeded"]
