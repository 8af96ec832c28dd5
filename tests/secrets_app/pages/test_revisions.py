"""A page's save never overwrites a re-created secret with the same version (guarantee 12)."""

import dataclasses
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from console.lib.names import PathProfile
from console.lib.row_forms import known_base
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from tests.factories import (
    age_store_answers,
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
from tests.fixtures.stores import deny_access

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
OUTSIDE = "Someone outside Branchkeep"
ACTS = pytest.mark.parametrize("act", ["change", "remove"])
either_store = pytest.mark.usefixtures("either_store")


def page(world: World, act: str = "change", branch: Any = None) -> SecretCommand:
    """Return what is posted of the secret by a page that is rendered now."""
    row = listed_secret(world, "API_KEY", branch)
    base, revision = known_base(row.base)
    command = DeleteSecret(str(row.pk), row.pk, expected_version=base, revision=revision)
    return command if act == "remove" else SetSecret(**vars(command), value=SecretValue("mine"))


def replace(world: World, *values: str) -> None:
    """Let somebody outside remove the secret and write these values anew."""
    [path, _] = secret_paths(world, "API_KEY")
    parameter_store().remove([path])
    for value in values:
        write_outside(path, value)


def assert_told(
    world: World, change: SecretCommand, who: str = OUTSIDE, theirs: str = "another"
) -> None:
    """Save, be told of a conflict that overwrites nothing, and then save over what was told."""
    [told] = save_secrets(world, change)
    assert (told.outcome, told.version) == ("conflict", change.expected_version)
    assert told.message.startswith(f"{who} ")
    assert stored_values(world, "API_KEY") == (theirs, None)
    base, revision = known_base(told.base_again)
    again = dataclasses.replace(change, expected_version=base, revision=revision)
    assert_done(world, again)


def assert_done(world: World, change: SecretCommand) -> None:
    """Save without a word."""
    is_set = isinstance(change, SetSecret)
    [done] = save_secrets(world, change)
    assert (str(done.outcome), done.message) == ("saved" if is_set else "removed", "")
    assert stored_values(world, "API_KEY")[0] == ("mine" if is_set else None)


@pytest.mark.both_databases
@either_store
@ACTS
def test_it_works(world: World, act: str) -> None:
    reconciled_secret(world, "API_KEY")
    mine = page(world, act)
    replace(world, "another")
    reconcile_now(world)  # from here on the row agrees with the store again
    assert_told(world, mine)


@either_store
@ACTS
@pytest.mark.parametrize("checks", [0, 1, 2])
def test_a_save_of_what_nobody_touched(world: World, act: str, checks: int) -> None:
    set_secret(world, "API_KEY")
    if checks == 2:
        reconcile_now(world)
    mine = page(world, act)
    if checks:
        reconcile_now(world)
    assert_done(world, mine)


@pytest.mark.both_databases
@either_store
@ACTS
@pytest.mark.parametrize("noticed", [False, True])
def test_a_page_from_before_the_first_check(world: World, act: str, noticed: bool) -> None:
    set_secret(world, "API_KEY")
    mine = page(world, act)
    reconcile_now(world)
    replace(world, "another")
    if noticed:
        reconcile_now(world)
    assert_told(world, mine)


@pytest.mark.both_databases
@either_store
@ACTS
def test_no_check_since_our_own_write_at_all(world: World, act: str) -> None:
    set_secret(world, "API_KEY")
    age_store_answers(timedelta(seconds=10))
    mine = page(world, act)
    replace(world, "another")
    assert_told(world, mine)
    assert audit_rows(world, "found.")[0][:3] == (OUTSIDE, "found.change", "API_KEY")


@ACTS
def test_found_removed_and_then_added_anew(world: World, act: str) -> None:
    set_secret(world, "API_KEY")
    mine = page(world, act)
    replace(world)
    reconcile_now(world)
    replace(world, "another")
    assert_told(world, mine)


@ACTS
@pytest.mark.parametrize("checked", [False, True])
def test_replaced_outside_and_then_changed_by_one_of_ours(
    world: World, act: str, checked: bool
) -> None:
    save_secrets(world, set_command(set_secret(world, "API_KEY")))
    if checked:
        reconcile_now(world)
    mine = page(world, act)
    replace(world, "another")
    reconcile_now(world)
    save_secrets(world, set_command(secret_row(world, "API_KEY"), "mia's"), by="mia")
    assert_told(world, mine, "mia@example.org", "mia's")


@pytest.mark.parametrize("checked", [False, True])
def test_a_save_that_failed_since(world: World, interrupted: Any, checked: bool) -> None:
    set_secret(world, "API_KEY")
    if checked:
        reconcile_now(world)
    mine = page(world)
    interrupted.before("put", deny_access)
    [failed] = save_secrets(world, page(world), by="mia")
    assert failed.outcome == "failed"
    reconcile_now(world)
    assert_done(world, mine)


@pytest.mark.parametrize("checked", [False, True])
def test_a_mirror_that_moved_and_was_put_right_since(world: World, checked: bool) -> None:
    main = world.main
    set_secret(world, "API_KEY", branch=main)
    if checked:
        reconcile_now(world)
    mine = page(world, branch=main)
    write_outside(secret_paths(world, "API_KEY", main)[1], "another")
    reconcile_now(world)
    repair_secret_mirror(world, secret_row(world, "API_KEY", main))
    assert (
        secret_row(world, "API_KEY", main).modified is None
    )  # known no more, though nobody wrote it
    [saved] = save_secrets(world, mine)
    assert (saved.outcome, saved.message) == ("saved", "")


def test_a_page_from_before_another_path_profile(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    mine = page(world)
    replace(world, "another")
    for profile in (PathProfile.DOCUMENTED, PathProfile.BOTH):
        world.app.path_profile = profile
        world.app.save()
        reconcile_now(world)
    assert (
        secret_row(world, "API_KEY").changed_by == "alice@example.org"
    )  # so nothing here tells of it
    [told] = save_secrets(world, mine, by="mia")
    assert (told.outcome, stored_values(world, "API_KEY")) == ("conflict", ("another", None))


@either_store
@pytest.mark.parametrize("replaced", [False, True])
def test_saving_once_more_from_the_same_page(world: World, replaced: bool) -> None:
    reconciled_secret(world, "API_KEY")
    mine = page(world)
    [saved] = save_secrets(world, mine)
    base, revision = known_base(saved.base_again)
    assert saved.base_again == listed_secret(world, "API_KEY").base
    reconcile_now(world)
    more = dataclasses.replace(mine, expected_version=base, revision=revision)
    if not replaced:
        return assert_done(world, more)
    replace(world, "another", "another")
    reconcile_now(world)
    return assert_told(world, more)


def test_somebody_who_is_saving_leaves_the_row_what_it_was_based_on(
    world: World, interrupted: Any
) -> None:
    set_secret(world, "API_KEY")
    mine, told = page(world), []
    interrupted.before("put", lambda: told.extend(save_secrets(world, mine)))
    save_secrets(world, page(world), by="mia")
    assert "mia@example.org is saving this secret" in told[0].message
    assert told[0].base_again == f"{mine.expected_version}:{mine.revision}"


def test_what_is_not_there_has_no_life(world: World) -> None:
    reconciled_secret(world, "API_KEY")
    replace(world)
    reconcile_now(world)
    assert listed_secret(world, "API_KEY").base == "0"
    assert_done(world, page(world))


@pytest.mark.parametrize("fragment", [False, True])
@pytest.mark.parametrize("checked", [False, True])
@ACTS
def test_in_a_browser(
    world: World, as_: Callable[[str], Client], act: str, checked: bool, fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    alice, pk = as_("alice"), set_secret(world, "API_KEY").pk
    if checked:
        reconcile_now(world)
    fields = {f"value-{pk}": "mine"} if act == "change" else {f"remove-{pk}": "on"}
    shown = based(alice.get(MANAGE).text, pk)
    reconcile_now(world)
    replace(world, "another")
    reconcile_now(world)
    answer = alice.post(MANAGE, fields | {f"base-{pk}": shown}, headers=headers)
    assert answer.status_code == 422
    assert f"{OUTSIDE} added this secret" in answer.text
    assert stored_values(world, "API_KEY") == ("another", None)
    told = based(answer.text, pk)
    assert told.split(":")[0] == shown.split(":")[0] == "1"
    answer = alice.post(MANAGE, fields | {f"base-{pk}": told}, headers=headers)
    assert answer.status_code == (200 if fragment else 302)
    assert stored_values(world, "API_KEY") == ("mine" if act == "change" else None, None)


def based(text: str, pk: int) -> str:
    """Return what a page or an answer says that the secret's row is based on."""
    [base] = re.findall(
        rf'(?:name="base-{pk}" value|data-token="{pk}"[^>]*\sdata-base)="([^"]*)"', text
    )
    return str(base)


def test_rows_that_a_check_swaps_in(world: World, as_: Callable[[str], Client]) -> None:
    reconciled_secret(world, "API_KEY")
    alice = as_("alice")
    first = alice.get(MANAGE).text
    pk, [since] = (
        secret_row(world, "API_KEY").pk,
        re.findall(r'name="since" value="([^"]*)"', first),
    )
    replace(world, "another")
    reconcile_now(world)
    answer = alice.post(
        f"{MANAGE.removesuffix('manage/')}revalidate/",
        {"mode": "manage", "since": since.replace("&#x2B;", "+")},
        headers={"HX-Request": "true"},
    )
    assert based(answer.text, pk) == secret_row(world, "API_KEY").base != based(first, pk)
    fields = {f"value-{pk}": "mine", f"base-{pk}": based(answer.text, pk)}
    assert alice.post(MANAGE, fields).status_code == 302
    assert stored_values(world, "API_KEY") == ("mine", None)
