"""Removed variables expire like removed secrets, as do those from before that existed."""

from datetime import timedelta
from importlib import import_module

import pytest
import time_machine
from django.apps import apps
from django.http import Http404
from django.utils import timezone

from envvars_app.models import Variable, VariableVersion
from envvars_app.variables import history, recycle_bin
from envvars_app.variables.commands import SetVariable
from tests.factories import (
    access_of,
    audit_events,
    outcomes_of,
    remove_variable,
    save_variables,
    set_variable,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]
DAY = timedelta(days=1).total_seconds()


def restoring(row: Variable) -> SetVariable:
    """Return the command that restores what a page has read a moment ago."""
    return SetVariable("restore", key=row.key, value=row.value, restores=row.pk)


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


def test_restored_before_it_is_deleted_for_good(world: World) -> None:
    row = set_variable(world, "API_URL", "one")
    remove_variable(world, row)
    access = access_of(world, "alice")
    found = recycle_bin.find_removed(access, row.pk)
    assert save_variables(world, restoring(row))[0].outcome == "saved"
    with pytest.raises(Http404):
        recycle_bin.delete(access, found)
    assert Variable.objects.filter(pk=row.pk).exists()  # as history
    assert outcomes_of(audit_events()[-1]) == ["failed"]


@pytest.mark.parametrize("how", ["deleted", "erased"])
def test_gone_for_good_before_it_is_restored(world: World, how: str) -> None:
    row = set_variable(world, "API_URL", "one")
    remove_variable(world, row)
    if how == "deleted":
        recycle_bin.delete(access_of(world, "alice"), row)
    else:
        history.erase_history(actor=world.actor("alice"), app_id="d1shop", pk=row.pk)
    [outcome] = save_variables(world, restoring(row))
    assert (outcome.outcome, "deleted for good" in outcome.message) == ("conflict", True)
    assert not variable_values(world)


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
