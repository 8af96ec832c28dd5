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
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AccessDenied
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from tests.secrets_app.writes.desk import Desk

MANAGE = "/apps/d1shop/hosting/secrets/manage/"
OUTSIDE = "Someone outside Branchkeep"
ACTS = pytest.mark.parametrize("act", ["change", "remove"])
either_store = pytest.mark.usefixtures("either_store")


def page(desk: Desk, act: str = "change", branch: Any = None) -> SecretCommand:
    """Return what is posted of the secret by a page that is rendered now."""
    row = desk.shown("API_KEY", branch)
    base, revision = known_base(row.base)
    command = DeleteSecret(str(row.pk), row.pk, expected_version=base, revision=revision)
    return command if act == "remove" else SetSecret(**vars(command), value=SecretValue("mine"))


def replace(desk: Desk, *values: str) -> None:
    """Let somebody outside remove the secret and write these values anew."""
    [path, _] = desk.paths("API_KEY")
    desk.store.remove([path])
    for value in values:
        desk.outside(path, value)


def assert_told(
    desk: Desk, change: SecretCommand, who: str = OUTSIDE, theirs: str = "another"
) -> None:
    """Save, be told of a conflict that overwrites nothing, and then save over what was told."""
    [told] = desk.save("alice", change)
    assert (told.outcome, told.version) == ("conflict", change.expected_version)
    assert told.message.startswith(f"{who} ")
    assert desk.values("API_KEY") == (theirs, None)
    base, revision = known_base(told.base_again)
    again = dataclasses.replace(change, expected_version=base, revision=revision)
    assert_done(desk, again)


def assert_done(desk: Desk, change: SecretCommand) -> None:
    """Save without a word."""
    is_set = isinstance(change, SetSecret)
    [done] = desk.save("alice", change)
    assert (str(done.outcome), done.message) == ("saved" if is_set else "removed", "")
    assert desk.values("API_KEY")[0] == ("mine" if is_set else None)


@pytest.mark.both_databases
@either_store
@ACTS
def test_it_works(desk: Desk, act: str) -> None:
    desk.known("API_KEY")
    mine = page(desk, act)
    replace(desk, "another")
    desk.check()  # from here on the row agrees with the store again
    assert_told(desk, mine)


@either_store
@ACTS
@pytest.mark.parametrize("checks", [0, 1, 2])
def test_a_save_of_what_nobody_touched(desk: Desk, act: str, checks: int) -> None:
    desk.put("API_KEY")
    if checks == 2:
        desk.check()
    mine = page(desk, act)
    if checks:
        desk.check()
    assert_done(desk, mine)


@pytest.mark.both_databases
@either_store
@ACTS
@pytest.mark.parametrize("noticed", [False, True])
def test_a_page_from_before_the_first_check(desk: Desk, act: str, noticed: bool) -> None:
    desk.put("API_KEY")
    mine = page(desk, act)
    desk.check()
    replace(desk, "another")
    if noticed:
        desk.check()
    assert_told(desk, mine)


@pytest.mark.both_databases
@either_store
@ACTS
def test_no_check_since_our_own_write_at_all(desk: Desk, act: str) -> None:
    desk.put("API_KEY")
    desk.age_answers(timedelta(seconds=10))
    mine = page(desk, act)
    replace(desk, "another")
    assert_told(desk, mine)
    assert desk.trail("found.")[0][:3] == (OUTSIDE, "found.change", "API_KEY")


@ACTS
def test_found_removed_and_then_added_anew(desk: Desk, act: str) -> None:
    desk.put("API_KEY")
    mine = page(desk, act)
    replace(desk)
    desk.check()
    replace(desk, "another")
    assert_told(desk, mine)


@ACTS
@pytest.mark.parametrize("checked", [False, True])
def test_replaced_outside_and_then_changed_by_one_of_ours(
    desk: Desk, act: str, checked: bool
) -> None:
    desk.save("alice", desk.change(desk.put("API_KEY")))
    if checked:
        desk.check()
    mine = page(desk, act)
    replace(desk, "another")
    desk.check()
    desk.save("mia", desk.change(desk.row("API_KEY"), "mia's"))
    assert_told(desk, mine, "mia@example.org", "mia's")


@pytest.mark.parametrize("checked", [False, True])
def test_a_save_that_failed_since(desk: Desk, interrupted: Any, checked: bool) -> None:
    desk.put("API_KEY")
    if checked:
        desk.check()
    mine = page(desk)
    interrupted.before("put", denied)
    [failed] = desk.save("mia", page(desk))
    assert failed.outcome == "failed"
    desk.check()
    assert_done(desk, mine)


def denied() -> None:
    """Refuse."""
    raise AccessDenied


@pytest.mark.parametrize("checked", [False, True])
def test_a_mirror_that_moved_and_was_put_right_since(desk: Desk, checked: bool) -> None:
    main = desk.world.main
    desk.put("API_KEY", branch=main)
    if checked:
        desk.check()
    mine = page(desk, branch=main)
    desk.outside(desk.paths("API_KEY", main)[1], "another")
    desk.check()
    desk.repair("mia", desk.row("API_KEY", main))
    assert desk.row("API_KEY", main).modified is None  # known no more, though nobody wrote it
    [saved] = desk.save("alice", mine)
    assert (saved.outcome, saved.message) == ("saved", "")


def test_a_page_from_before_another_path_profile(desk: Desk) -> None:
    desk.known("API_KEY")
    mine = page(desk)
    replace(desk, "another")
    for profile in (PathProfile.DOCUMENTED, PathProfile.BOTH):
        desk.app.path_profile = profile
        desk.app.save()
        desk.check()
    assert desk.row("API_KEY").changed_by == "alice@example.org"  # so nothing here tells of it
    [told] = desk.save("mia", mine)
    assert (told.outcome, desk.values("API_KEY")) == ("conflict", ("another", None))


@either_store
@pytest.mark.parametrize("replaced", [False, True])
def test_saving_once_more_from_the_same_page(desk: Desk, replaced: bool) -> None:
    desk.known("API_KEY")
    mine = page(desk)
    [saved] = desk.save("alice", mine)
    base, revision = known_base(saved.base_again)
    assert saved.base_again == desk.shown("API_KEY").base
    desk.check()
    more = dataclasses.replace(mine, expected_version=base, revision=revision)
    if not replaced:
        return assert_done(desk, more)
    replace(desk, "another", "another")
    desk.check()
    return assert_told(desk, more)


def test_somebody_who_is_saving_leaves_the_row_what_it_was_based_on(
    desk: Desk, interrupted: Any
) -> None:
    desk.put("API_KEY")
    mine, told = page(desk), []
    interrupted.before("put", lambda: told.extend(desk.save("alice", mine)))
    desk.save("mia", page(desk))
    assert "mia@example.org is saving this secret" in told[0].message
    assert told[0].base_again == f"{mine.expected_version}:{mine.revision}"


def test_what_is_not_there_has_no_life(desk: Desk) -> None:
    desk.known("API_KEY")
    replace(desk)
    desk.check()
    assert desk.shown("API_KEY").base == "0"
    assert_done(desk, page(desk))


@pytest.mark.parametrize("fragment", [False, True])
@pytest.mark.parametrize("checked", [False, True])
@ACTS
def test_in_a_browser(
    desk: Desk, as_: Callable[[str], Client], act: str, checked: bool, fragment: bool
) -> None:
    headers = {"HX-Request": "true"} if fragment else {}
    alice, pk = as_("alice"), desk.put("API_KEY").pk
    if checked:
        desk.check()
    fields = {f"value-{pk}": "mine"} if act == "change" else {f"remove-{pk}": "on"}
    shown = based(alice.get(MANAGE).text, pk)
    desk.check()
    replace(desk, "another")
    desk.check()
    answer = alice.post(MANAGE, fields | {f"base-{pk}": shown}, headers=headers)
    assert answer.status_code == 422
    assert f"{OUTSIDE} added this secret" in answer.text
    assert desk.values("API_KEY") == ("another", None)
    told = based(answer.text, pk)
    assert told.split(":")[0] == shown.split(":")[0] == "1"
    answer = alice.post(MANAGE, fields | {f"base-{pk}": told}, headers=headers)
    assert answer.status_code == (200 if fragment else 302)
    assert desk.values("API_KEY") == ("mine" if act == "change" else None, None)


def based(text: str, pk: int) -> str:
    """Return what a page or an answer says that the secret's row is based on."""
    [base] = re.findall(
        rf'(?:name="base-{pk}" value|data-token="{pk}"[^>]*\sdata-base)="([^"]*)"', text
    )
    return str(base)


def test_rows_that_a_check_swaps_in(desk: Desk, as_: Callable[[str], Client]) -> None:
    desk.known("API_KEY")
    alice = as_("alice")
    first = alice.get(MANAGE).text
    pk, [since] = desk.row("API_KEY").pk, re.findall(r'name="since" value="([^"]*)"', first)
    replace(desk, "another")
    desk.check()
    answer = alice.post(
        f"{MANAGE.removesuffix('manage/')}revalidate/",
        {"mode": "manage", "since": since.replace("&#x2B;", "+")},
        headers={"HX-Request": "true"},
    )
    assert based(answer.text, pk) == desk.row("API_KEY").base != based(first, pk)
    fields = {f"value-{pk}": "mine", f"base-{pk}": based(answer.text, pk)}
    assert alice.post(MANAGE, fields).status_code == 302
    assert desk.values("API_KEY") == ("mine", None)
