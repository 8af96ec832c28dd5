"""A request of ours arrives after we stopped waiting for it: no told save is lost (guarantee 8).

Nothing is settled, and nobody saves the row, until no request can still arrive. What arrives late
or twice is ours, so the audit trail accuses nobody outside.
"""

import re
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from console.aws.limits import DEADLINE, SLOT_TIMEOUT
from console.lib.results import RowOutcome
from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.limits import LATEST_ARRIVAL
from secrets_app.writes import leases
from secrets_app.writes.commands import SecretCommand
from tests.factories import (
    ACTS,
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    leased_secrets,
    listed_secret,
    reconcile_now,
    reconciled_secret,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    stored_values,
    write_outside,
)
from tests.faults.faults import SSM_OPERATIONS, assert_recovered
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

pytestmark = pytest.mark.exhaustive_on_postgres


def save_late(
    world: World, failing: Any, command: SecretCommand, on: str = "PutParameter", after: str = ""
) -> RowOutcome:
    """Save as alice, whose request is kept until `faulty.land()`."""
    with failing(Fault.LATE, on, after=after):
        [outcome] = save_secrets(world, command)
    return outcome


def detail_of(action: str) -> str:
    """Return the last outcome's detail of the first such attempt."""
    event = AuditEvent.objects.filter(action=action).order_by("pk").first()
    assert event is not None
    last = event.outcomes.order_by("pk").last()
    assert last is not None
    return str(last.detail)


def test_it_works(world: World, failing: Any, faulty_ssm: Faulty) -> None:
    row = reconciled_secret(world, "API_KEY")
    assert save_late(world, failing, set_command(row, "first try")).outcome == "unknown"
    reconcile_now(world)  # a moment later, the request has not arrived
    assert listed_secret(world, "API_KEY").state == "unknown"
    assert [entry.outcome for entry in audit_rows(world)][-1] == "unknown"

    [again] = save_secrets(world, set_command(row, "second try"))
    assert again.outcome == "held"
    assert again.held_until == secret_row(world, "API_KEY").claimed_until
    assert 0 < again.wait <= LATEST_ARRIVAL.total_seconds()
    assert again.message.startswith("Not saved yet: the response to your last save was lost")
    assert stored_values(world, "API_KEY") == ("first", None)

    assert faulty_ssm.land() == 1
    expire_leases()
    [again] = save_secrets(world, set_command(row, "second try"))  # based on what the page showed
    assert (again.outcome, again.version, again.message) == ("saved", 3, "")
    assert stored_values(world, "API_KEY") == ("second try", None)
    assert [entry[1:] for entry in audit_rows(world)][-2:] == [
        ("secret.change", "API_KEY", 1, "settled", 2),
        ("secret.change", "API_KEY", 2, "succeeded", 3),
    ]
    assert_recovered(world)


def test_lease_durations() -> None:
    call = timedelta(seconds=SLOT_TIMEOUT + DEADLINE)
    assert 2 * call + LATEST_ARRIVAL <= leases.LEASE_DURATION
    assert timedelta(seconds=12) + call < leases.LEASE_DURATION


@pytest.mark.parametrize("arrives", [True, False])
@pytest.mark.parametrize("act", ACTS)
def test_nothing_is_believed_before_the_lease_ends(
    world: World, failing: Any, faulty_ssm: Faulty, act: str, arrives: bool
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    operation, command, version = ACTS[act]
    on = SSM_OPERATIONS[operation]
    assert save_late(world, failing, command(row), on).outcome == "unknown"
    for _ in range(2):
        reconcile_now(world)
        assert leased_secrets() == 1
        call_command("settle", stdout=StringIO())
        assert audit_rows(world)[-1].outcome == "unknown"
    if arrives:
        faulty_ssm.land()
    reconcile_now(world)
    assert leased_secrets() == 1
    expire_leases()
    assert_recovered(world)
    key, before = ("OTHER", None) if act == "create" else ("API_KEY", 1)
    assert secret_versions(world).get(("main", key)) == (version if arrives else before)
    assert audit_rows(world)[-1].version_after == (version if arrives else before)


@pytest.mark.parametrize("by", ["alice", pytest.param("mia", marks=pytest.mark.exhaustive)])
@pytest.mark.parametrize("act", ACTS)
def test_saving_again_waits(
    world: World, failing: Any, faulty_ssm: Faulty, act: str, by: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    operation, command, _ = ACTS[act]
    on = SSM_OPERATIONS[operation]
    save_late(world, failing, command(row), on)
    again = command(row) if act == "create" else set_command(row, "again")
    [held] = save_secrets(world, again, by=by)
    assert held.outcome == "held"
    whose = "your" if by == "alice" else "alice@example.org's"
    assert f"the response to {whose} last save was lost" in held.message
    faulty_ssm.land()
    expire_leases()
    [again_outcome] = save_secrets(world, again, by=by)
    gone_or_theirs = act == "remove" or by == "mia"
    assert again_outcome.outcome == ("conflict" if gone_or_theirs else "saved")
    assert_recovered(world)


def test_a_late_removal_removes_nothing_newer(
    world: World, failing: Any, faulty_ssm: Faulty
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main))  # and outside, before it
    save_late(world, failing, delete_command(row), "DeleteParameters")
    new = create_command("API_KEY", "new", world.main)
    assert save_secrets(world, new)[0].outcome == "held"
    faulty_ssm.land()
    expire_leases()
    assert save_secrets(world, new)[0].outcome == "saved"
    reconcile_now(world)
    assert stored_values(world, "API_KEY", world.main) == ("new", "new")
    assert secret_versions(world) == {("main", "API_KEY"): 1}


@pytest.mark.parametrize("act", ["change", "remove"])
def test_a_late_mirror_overwrites_nothing_newer(
    world: World, failing: Any, faulty_ssm: Faulty, act: str
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    saved = save_late(world, failing, set_command(row, "second"), after="put")
    assert (saved.outcome, saved.version) == ("saved", 2)
    row = secret_row(world, "API_KEY", world.main)
    assert listed_secret(world, "API_KEY", world.main).state == ""  # the secret itself is saved
    command = set_command(row, "third") if act == "change" else delete_command(row)
    [held] = save_secrets(world, command)
    assert held.outcome == "held"
    assert "the response for the mirror of your last save was lost" in held.message
    reconcile_now(world)
    assert leased_secrets() == 1
    faulty_ssm.land()
    expire_leases()
    [done] = save_secrets(world, command)
    assert done.outcome in {"saved", "removed"}
    assert done.message == ""
    expected = ("third", "third") if act == "change" else (None, None)
    assert stored_values(world, "API_KEY", world.main) == expected
    assert_recovered(world)


def test_an_outside_change_while_only_the_mirror_is_late(
    world: World, failing: Any, faulty_ssm: Faulty
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    save_late(world, failing, set_command(row, "second"), after="put")
    write_outside(secret_paths(world, "API_KEY", world.main)[0])
    faulty_ssm.land()
    expire_leases()
    reconcile_now(world)
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.change"]
    assert listed_secret(world, "API_KEY", world.main).mirror != ""


@pytest.mark.parametrize("arrives", [True, False])
def test_a_late_repair(world: World, failing: Any, faulty_ssm: Faulty, arrives: bool) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[1:])
    reconcile_now(world)
    found = audit_rows(world, "found.")
    with failing(Fault.LATE, "PutParameter"), pytest.raises(Exception, match="was lost"):
        repair_secret_mirror(world, row)
    assert save_secrets(world, set_command(row))[0].outcome == "held"
    if arrives:
        faulty_ssm.land()
    expire_leases()
    reconcile_now(world)
    assert audit_rows(world, "found.") == found
    state = "behind" if arrives else "missing"
    assert listed_secret(world, "API_KEY", world.main).mirror == state
    assert save_secrets(world, set_command(row))[0].outcome == "saved"
    assert stored_values(world, "API_KEY", world.main) == ("second", "second")


def test_a_retry_is_answered_and_the_first_request_arrives_later(
    world: World, faulty_ssm: Faulty, no_backoff: None
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    faulty_ssm.next(Fault.RESET, on="PutParameter")
    [saved] = save_secrets(world, set_command(row, "second"))
    assert (saved.outcome, saved.version, saved.message) == ("saved", 2, "")
    command = set_command(secret_row(world, "API_KEY", world.main), "third")
    [held] = save_secrets(world, command)
    assert held.outcome == "held"
    assert "your last save was sent more than once" in held.message
    write_outside(secret_paths(world, "API_KEY", world.main)[0], "second")  # as it would arrive
    expire_leases()
    reconcile_now(world)
    assert_recovered(world)
    assert listed_secret(world, "API_KEY", world.main).mirror == ""  # both have this value
    assert detail_of("secret.change") == "A repeated request arrived: the store holds version 3."
    assert secret_row(world, "API_KEY", world.main).changed_by == "alice@example.org"
    [done] = save_secrets(world, command)
    assert (done.outcome, done.version) == ("saved", 4)


def test_a_removal_that_is_sent_twice(world: World, faulty_ssm: Faulty, no_backoff: None) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    faulty_ssm.next(Fault.RESET_AFTER, on="DeleteParameters")
    [outcome] = save_secrets(world, delete_command(row))
    assert outcome.outcome == "unknown"
    expire_leases()
    assert_recovered(world)
    assert secret_versions(world) == {}


@pytest.mark.parametrize("act", ["change", "remove"])
def test_a_request_arrives_twice_at_once(world: World, faulty_ssm: Faulty, act: str) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    operation, command, _ = ACTS[act]
    on = SSM_OPERATIONS[operation]
    faulty_ssm.next(Fault.TWICE, on=on)
    [outcome] = save_secrets(world, command(row))
    assert outcome.outcome in {"saved", "removed"}
    assert ("or the request arrived twice" in outcome.message) == (act == "change")
    assert_recovered(world)


def test_only_a_part_of_a_removal_arrives(world: World, failing: Any, faulty_ssm: Faulty) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    save_late(world, failing, delete_command(row), "DeleteParameters")
    parameter_store().remove(secret_paths(world, "API_KEY", world.main)[:1])
    expire_leases()
    reconcile_now(world)
    assert audit_rows(world, "found.") == []
    assert listed_secret(world, "API_KEY", world.main).mirror == "alone"


def test_an_outside_change_after_the_lease_is_not_ours(
    world: World, failing: Any, faulty_ssm: Faulty
) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_late(world, failing, set_command(row, "mine"))
    ended = timezone.now() - timedelta(hours=1)  # nobody looked for an hour
    Secret.objects.update(claimed_until=ended)
    write_outside(secret_paths(world, "API_KEY")[0])
    reconcile_now(world)
    assert detail_of("secret.change").endswith("which this change can't have written.")
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.change"]
    assert secret_row(world, "API_KEY").changed_by == ""
    [lost] = save_secrets(world, set_command(row, "again"))
    assert lost.outcome == "conflict"
    assert lost.message.startswith("Someone outside Branchkeep changed this secret")


def test_more_versions_than_our_requests_are_not_ours(
    world: World, failing: Any, faulty_ssm: Faulty
) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_late(world, failing, set_command(row, "mine"))
    for _ in range(4):
        write_outside(secret_paths(world, "API_KEY")[0])
    expire_leases()
    reconcile_now(world)
    assert [entry.action for entry in audit_rows(world, "found.")] == ["found.change"]


def test_settle_says_what_has_to_wait(world: World, failing: Any, faulty_ssm: Faulty) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_late(world, failing, set_command(row))
    out = StringIO()
    call_command("settle", stdout=out)
    until = secret_row(world, "API_KEY").claimed_until
    assert out.getvalue() == (
        "Settled from the store: 0. Settled otherwise: 0.\n"
        "Not settled yet, because requests may still arrive: 1. Run this again after "
        f"{until:%H:%M:%S} UTC.\n"
    )


def test_the_same_in_the_browser(world: World, failing: Any, client_for: Any) -> None:
    row = reconciled_secret(world, "API_KEY")
    save_late(world, failing, set_command(row))
    url = f"/apps/{world.app.app_id}/hosting/secrets/manage/"
    fields = {f"value-{row.pk}": "a typed value", f"base-{row.pk}": "1"}
    page = client_for("alice").post(url, fields)
    fragment = client_for("alice").post(url, fields, headers={"HX-Request": "true"})
    for response in (page, fragment):
        assert response.status_code == 422
        assert "The secret is held until" in response.text
        assert "a typed value" not in response.text
    assert 'data-outcome="held"' in fragment.text
    assert re.search(r'data-wait="[1-9]\d?"', fragment.text)
