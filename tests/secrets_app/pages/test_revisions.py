"""Saving from a page never overwrites a re-created secret of the same version (guarantee 12)."""

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from console.lib.naming.names import PathProfile
from console.lib.results import RowOutcome
from console.lib.row_forms import known_base
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from tests.factories import (
    age_store_responses,
    audit_rows,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
OUTSIDE = "Someone outside Branchkeep"
ACTS = pytest.mark.parametrize("act", ["change", "remove"])
either_store = pytest.mark.usefixtures("either_store")


def command_now(world: World, act: str = "change", branch: Any = None) -> SecretCommand:
    """Return the command that a page rendered now would post."""
    row = listed_secret(world, "API_KEY", branch)
    base, revision = known_base(row.base)
    command = DeleteSecret(str(row.pk), row.pk, expected_version=base, revision=revision)
    shared = {name: it for name, it in vars(command).items() if name != "without_copy"}
    return command if act == "remove" else SetSecret(**shared, value=SecretValue("mine"))


def replace_outside(world: World, *values: str) -> None:
    """Remove the secret outside Branchkeep, and write these values at its path."""
    [path, _] = secret_paths(world, "API_KEY")
    parameter_store().remove([path])
    for value in values:
        write_outside(path, value)


def assert_conflict_then_overwrite(
    world: World, change: SecretCommand, writer: str = OUTSIDE, theirs: str = "another"
) -> None:
    """Check that a save conflicts, and can then overwrite what the conflict reported."""
    [conflict] = save_secrets(world, change)
    assert (conflict.outcome, conflict.version) == ("conflict", change.expected_version)
    assert conflict.message.startswith(f"{writer} ")
    assert stored_values(world, "API_KEY") == (theirs, None)
    base, revision = known_base(conflict.base_again)
    again = dataclasses.replace(change, expected_version=base, revision=revision)
    assert_saved(world, again)


def assert_saved(world: World, change: SecretCommand) -> None:
    """Check that a save succeeds without a message."""
    is_set = isinstance(change, SetSecret)
    [done] = save_secrets(world, change)
    assert (str(done.outcome), done.message) == ("saved" if is_set else "removed", "")
    assert stored_values(world, "API_KEY")[0] == ("mine" if is_set else None)


@pytest.mark.exhaustive_on_postgres
@either_store
@ACTS
def test_it_works(world: World, act: str) -> None:
    reconciled_secret(world, "API_KEY")
    mine = command_now(world, act)
    replace_outside(world, "another")
    reconcile_now(world)  # the row agrees with the store again
    assert_conflict_then_overwrite(world, mine)


@either_store
@ACTS
@pytest.mark.parametrize("reconciled", ["never", "after the page", "before and after"])
def test_an_unchanged_secret(world: World, act: str, reconciled: str) -> None:
    set_secret(world, "API_KEY")
    if reconciled == "before and after":
        reconcile_now(world)
    mine = command_now(world, act)
    if reconciled != "never":
        reconcile_now(world)
    assert_saved(world, mine)


@pytest.mark.exhaustive_on_postgres
@either_store
@ACTS
@pytest.mark.parametrize("noticed", [False, True])
def test_a_page_from_before_the_first_reconciling(world: World, act: str, noticed: bool) -> None:
    set_secret(world, "API_KEY")
    mine = command_now(world, act)
    reconcile_now(world)
    replace_outside(world, "another")
    if noticed:
        reconcile_now(world)
    assert_conflict_then_overwrite(world, mine)


@pytest.mark.exhaustive_on_postgres
@either_store
@ACTS
def test_never_reconciled_since_our_own_write(world: World, act: str) -> None:
    set_secret(world, "API_KEY")
    age_store_responses(timedelta(seconds=10))
    mine = command_now(world, act)
    replace_outside(world, "another")
    assert_conflict_then_overwrite(world, mine)
    assert audit_rows(world, "found.")[0][:3] == (OUTSIDE, "found.change", "API_KEY")


@ACTS
def test_found_removed_and_then_recreated(world: World, act: str) -> None:
    set_secret(world, "API_KEY")
    mine = command_now(world, act)
    replace_outside(world)
    reconcile_now(world)
    replace_outside(world, "another")
    assert_conflict_then_overwrite(world, mine)


@ACTS
@pytest.mark.parametrize("reconciled", [False, True])
def test_replaced_outside_and_then_changed_by_a_member(
    world: World, act: str, reconciled: bool
) -> None:
    save_secrets(world, set_command(set_secret(world, "API_KEY")))
    if reconciled:
        reconcile_now(world)
    mine = command_now(world, act)
    replace_outside(world, "another")
    reconcile_now(world)
    save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's"), by="mia")
    assert_conflict_then_overwrite(world, mine, "mia@example.org", "mia's")


@pytest.mark.parametrize("reconciled", [False, True])
def test_another_save_failed_since(
    world: World, interrupted: InterruptedStore, reconciled: bool
) -> None:
    set_secret(world, "API_KEY")
    if reconciled:
        reconcile_now(world)
    mine = command_now(world)
    interrupted.before("put", deny_access)
    [failed] = save_secrets(world, command_now(world), by="mia")
    assert failed.outcome == "failed"
    reconcile_now(world)
    assert_saved(world, mine)


@pytest.mark.parametrize("reconciled", [False, True])
def test_the_mirror_changed_and_was_repaired_since(world: World, reconciled: bool) -> None:
    main = world.main
    set_secret(world, "API_KEY", branch=main)
    if reconciled:
        reconcile_now(world)
    mine = command_now(world, branch=main)
    write_outside(secret_paths(world, "API_KEY", main)[1], "another")
    reconcile_now(world)
    repair_secret_mirror(world, secret_row(world, "API_KEY", main))
    # Unknown, although the primary wasn't written
    assert secret_row(world, "API_KEY", main).modified is None
    [saved] = save_secrets(world, mine)
    assert (saved.outcome, saved.message) == ("saved", "")


def test_a_page_from_before_another_path_profile(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    mine = command_now(world)
    replace_outside(world, "another")
    for profile in (PathProfile.DOCUMENTED, PathProfile.BOTH):
        world.app.path_profile = profile
        world.app.save()
        reconcile_now(world)
    # The projection didn't notice
    assert secret_row(world, "API_KEY").changed_by == "alice@example.org"
    [conflict] = save_secrets(world, mine, by="mia")
    assert (conflict.outcome, stored_values(world, "API_KEY")) == ("conflict", ("another", None))


@either_store
@pytest.mark.parametrize("replaced", [False, True])
def test_saving_again_from_the_same_page(world: World, replaced: bool) -> None:
    reconciled_secret(world, "API_KEY")
    mine = command_now(world)
    [saved] = save_secrets(world, mine)
    base, revision = known_base(saved.base_again)
    assert saved.base_again == listed_secret(world, "API_KEY").base
    reconcile_now(world)
    more = dataclasses.replace(mine, expected_version=base, revision=revision)
    if not replaced:
        return assert_saved(world, more)
    replace_outside(world, "another", "another")
    reconcile_now(world)
    return assert_conflict_then_overwrite(world, more)


def test_a_save_in_progress_keeps_the_base(world: World, interrupted: InterruptedStore) -> None:
    set_secret(world, "API_KEY")
    mine = command_now(world)
    outcomes: list[RowOutcome] = []
    interrupted.before("put", lambda: outcomes.extend(save_secrets(world, mine)))
    save_secrets(world, command_now(world), by="mia")
    assert "mia@example.org is saving this secret" in outcomes[0].message
    assert outcomes[0].base_again == f"{mine.expected_version}:{mine.revision}"


def test_a_missing_secret_has_no_revision(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    replace_outside(world)
    reconcile_now(world)
    assert listed_secret(world, "API_KEY").base == "0"
    assert_saved(world, command_now(world))


@pytest.mark.parametrize("fragment", [False, True])
@pytest.mark.parametrize("reconciled", [False, True])
@ACTS
def test_in_a_browser(
    world: World, client_for: Callable[[str], Client], act: str, reconciled: bool, fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    alice, pk = client_for("alice"), set_secret(world, "API_KEY").pk
    if reconciled:
        reconcile_now(world)
    fields = {f"value-{pk}": "mine"} if act == "change" else {f"remove-{pk}": "on"}
    shown = base_in(alice.get(MANAGE).text, pk)
    reconcile_now(world)
    replace_outside(world, "another")
    reconcile_now(world)
    response = alice.post(MANAGE, fields | {f"base-{pk}": shown}, headers=headers)
    assert response.status_code == 422
    assert f"{OUTSIDE} added this secret" in response.text
    assert stored_values(world, "API_KEY") == ("another", None)
    current = base_in(response.text, pk)
    assert current.split(":")[0] == shown.split(":")[0] == "1"
    response = alice.post(MANAGE, fields | {f"base-{pk}": current}, headers=headers)
    assert response.status_code == (200 if fragment else 302)
    assert stored_values(world, "API_KEY") == ("mine" if act == "change" else None, None)


def base_in(text: str, pk: int) -> str:
    """Return the base that a page or fragment gives the secret's row."""
    [base] = re.findall(
        rf'(?:name="base-{pk}" value|data-token="{pk}"[^>]*\sdata-base)="([^"]*)"', text
    )
    return str(base)


def test_rows_that_reconciling_swaps_in(world: World, client_for: Callable[[str], Client]) -> None:
    reconciled_secret(world, "API_KEY")
    alice = client_for("alice")
    first = alice.get(MANAGE).text
    pk, [since] = (
        secret_row(world, "API_KEY").pk,
        re.findall(r'name="since" value="([^"]*)"', first),
    )
    replace_outside(world, "another")
    reconcile_now(world)
    response = alice.post(
        f"{MANAGE.removesuffix('manage/')}revalidate/",
        {"mode": "manage", "since": since.replace("&#x2B;", "+")},
        headers={"HX-Request": "true"},
    )
    assert base_in(response.text, pk) == secret_row(world, "API_KEY").base != base_in(first, pk)
    fields = {f"value-{pk}": "mine", f"base-{pk}": base_in(response.text, pk)}
    assert alice.post(MANAGE, fields).status_code == 302
    assert stored_values(world, "API_KEY") == ("mine", None)
