"""Removed variables expire like removed secrets, as do those from before there was a bin."""

from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.utils import timezone

from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import recycle_bin
from tests.factories import audit_events, remove_variable, set_variable, variable_row
from tests.fixtures.people import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = timedelta(days=1).total_seconds()


def test_it_works(world: World, clock: time_machine.Traveller) -> None:
    row = set_variable(world, "API_URL", branch=world.dev)
    remove_variable(world, row)
    clock.shift(30 * DAY - 60)
    assert [kept.pk for kept in recycle_bin.kept(world.app)] == [row.pk]
    assert recycle_bin.purge() == 0
    clock.shift(120)
    assert not recycle_bin.kept(world.app)
    assert recycle_bin.purge() == 1
    assert not Variable.objects.exists()
    assert not VariableVersion.objects.exists()
    event = audit_events()[-1]
    assert (event.action, event.branch, event.subject) == ("bin.purge", "dev", "API_URL")
    assert event.actor == "Branchkeep in the background"


def test_removed_before_there_was_a_bin(world: World) -> None:
    """Those that could be restored have 30 days; what was added again is history, and stays."""
    for key in ("GONE", "AGAIN", "MOVED"):
        remove_variable(world, set_variable(world, key))
    set_variable(world, "AGAIN")
    VariableVersion.objects.filter(key="MOVED").update(forgotten=True)
    Variable.objects.update(expires_at=None)
    import_module("envvars_app.migrations.0004_time_of_removed_variables").give_time(apps, None)
    [kept] = recycle_bin.kept(world.app)
    assert kept.key == "GONE"
    assert kept.expires_at
    assert kept.expires_at - timezone.now() > timedelta(days=29)
    assert variable_row(world, "AGAIN").expires_at is None
