"""The store fails on a write: the outcome of each row, and consistent data afterwards."""

from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from secrets_app.store import parameter_store
from secrets_app.store.errors import OutcomeUnknown
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    expire_leases,
    listed_secret,
    reconcile_now,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_versions,
    set_command,
    set_secret,
    stored_values,
)
from tests.faults.faults import DISTINCT, FAULTS, assert_recovered, each_fault, reveals_nothing
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

each_error = pytest.mark.parametrize("name", DISTINCT)
FRAGMENT = {"HX-Request": "true"}
VALUE = "a value that is never shown"


@each_fault
@pytest.mark.parametrize("act", ["create", "change"])
def test_it_works(world: World, failing: Any, name: str, act: str) -> None:
    meaning = FAULTS[name]
    keys = ("FIRST", "SECOND", "THIRD")
    commands = [create_command(key, VALUE) for key in keys]
    if act == "change":
        commands = [set_command(set_secret(world, key), VALUE) for key in keys]
        reconcile_now(world)
    earlier = len(audit_rows(world))
    with failing(meaning.fault, "PutParameter", after="put"):
        saved, failed, rest = save_secrets(world, *commands)
    unknown = meaning.write_error is OutcomeUnknown
    assert saved.outcome == "saved"
    assert failed.outcome == ("unknown" if unknown else "failed")
    assert failed.message == meaning.write_error.message
    assert failed.version == commands[1].expected_version
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    tried = audit_rows(world)[earlier:]
    assert [entry.key for entry in tried] == [*keys]
    assert [entry.outcome for entry in tried] == ["succeeded", str(failed.outcome), "failed"]
    if unknown:
        assert listed_secret(world, "SECOND").state == "unknown"

    assert_recovered(world)
    assert [entry.outcome for entry in audit_rows(world)[earlier:]][1] == (
        "settled" if unknown else "failed"
    )
    shown = secret_versions(world).get(("", "SECOND"), 0)
    assert (shown > commands[1].expected_version) == meaning.fault.acts
    [again] = save_secrets(world, create_command("SECOND", "again", expected_version=shown))
    assert again.outcome == "saved"
    assert stored_values(world, "SECOND") == ("again", None)


@each_fault
def test_the_mirror(world: World, failing: Any, name: str) -> None:
    meaning, main = FAULTS[name], world.main
    row = set_secret(world, "SECRET", branch=main)
    reconcile_now(world)
    with failing(meaning.fault, "PutParameter", after="put"):
        saved, rest = save_secrets(world, set_command(row, VALUE), create_command("OTHER"))
    assert (saved.outcome, saved.version) == ("saved", 2)
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    assert saved.message.startswith("Saved, but ")
    assert "Nothing was changed" not in saved.message
    assert ("was lost" in saved.message) == (meaning.write_error is OutcomeUnknown)
    assert listed_secret(world, "SECRET", main).mirror == "behind"
    assert_recovered(world)
    assert listed_secret(world, "SECRET", main).mirror == "behind"
    repair_secret_mirror(world, row)
    assert listed_secret(world, "SECRET", main).mirror == ""
    assert stored_values(world, "SECRET", main) == (VALUE, VALUE)


@each_fault
def test_a_removal(world: World, failing: Any, name: str) -> None:
    meaning, main = FAULTS[name], world.main
    row, other = set_secret(world, "SECRET", branch=main), set_secret(world, "OTHER")
    reconcile_now(world)
    with failing(meaning.fault, "DeleteParameters"):
        failed, rest = save_secrets(world, delete_command(row), delete_command(other))
    assert failed.outcome == ("unknown" if meaning.write_error is OutcomeUnknown else "failed")
    assert failed.message == meaning.write_error.message
    assert rest.outcome == ("not_tried" if meaning.stops else "failed")
    assert_recovered(world)
    assert (("main", "SECRET") not in secret_versions(world)) == meaning.fault.acts
    assert ("", "OTHER") in secret_versions(world)


@each_fault
def test_a_repair(world: World, failing: Any, name: str) -> None:
    meaning, main = FAULTS[name], world.main
    row = set_secret(world, "SECRET", branch=main)
    reconcile_now(world)
    parameter_store().remove(secret_paths(world, "SECRET", main)[1:])
    reconcile_now(world)
    found = audit_rows(world, "found.")
    with (
        failing(meaning.fault, "PutParameter"),
        pytest.raises(meaning.write_error),
    ):
        repair_secret_mirror(world, row)
    expire_leases()
    reconcile_now(world)
    assert audit_rows(world, "found.") == found
    assert listed_secret(world, "SECRET", main).mirror == (
        "behind" if meaning.fault.acts else "missing"
    )
    repair_secret_mirror(world, row)
    assert listed_secret(world, "SECRET", main).mirror == ""


@each_error
def test_messages_in_the_browser(world: World, failing: Any, client_for: Any, name: str) -> None:
    meaning = FAULTS[name]
    url = reverse("secrets_manage", args=[world.app.app_id])
    with failing(meaning.fault, "PutParameter"):
        page = client_for("alice").post(url, new_row("PAGE"))
        fragment = client_for("alice").post(url, new_row("FRAGMENT"), headers=FRAGMENT)
    for response in (page, fragment):
        assert_message(response, 422, meaning.write_error.message)
    assert b'value="PAGE"' in page.content  # the form keeps what was typed, apart from values
    assert_recovered(world)


@each_error
def test_the_store_can_not_be_read(world: World, failing: Any, client_for: Any, name: str) -> None:
    meaning = FAULTS[name]
    url = reverse("secrets_manage", args=[world.app.app_id])
    with failing(meaning.fault, "GetParameters"):
        page = client_for("alice").post(url, new_row("PAGE"))
        fragment = client_for("alice").post(url, new_row("FRAGMENT"), headers=FRAGMENT)
    for response in (page, fragment):
        assert_message(response, 503, meaning.read_error.message)
    assert (page.content[:9], fragment.content[:2]) == (b"<!doctype", b"<p")
    assert audit_rows(world) == []
    assert_recovered(world)


@each_error
def test_a_repair_in_the_browser(world: World, failing: Any, client_for: Any, name: str) -> None:
    meaning = FAULTS[name]
    urls = []
    for key in ("PAGE", "FRAGMENT"):
        row = set_secret(world, key, branch=world.main)
        parameter_store().remove(secret_paths(world, key, world.main)[1:])
        urls.append(reverse("secret_mirror", args=[world.app.app_id, row.pk]))
    with failing(meaning.fault, "PutParameter"):
        page = client_for("alice").post(urls[0], {"shown": "1:0"})
        fragment = client_for("alice").post(urls[1], {"shown": "1:0"}, headers=FRAGMENT)
    for response in (page, fragment):
        assert_message(response, meaning.write_error.status, meaning.write_error.message)


def new_row(key: str) -> dict[str, str]:
    return {"new-1-key": key, "new-1-value": VALUE, "new-1-branch": ""}


def assert_message(response: Any, status: int, sentence: str) -> None:
    text = response.content.decode()
    assert response.status_code == status
    assert sentence in unescape(text)
    assert reveals_nothing(text)
    assert VALUE not in text


def test_a_rejection_by_ssm(world: World, failing: Any) -> None:
    with failing(Fault.error("HierarchyTypeMismatchException"), "PutParameter"):
        failed, other = save_secrets(world, create_command("A"), create_command("B"))
    assert (failed.outcome, other.outcome) == ("failed", "failed")
    assert "a parameter of another type" in failed.message


def test_a_retry_meets_its_own_creation(world: World, faulty_ssm: Faulty, no_backoff: None) -> None:
    faulty_ssm.next(Fault.RESET_AFTER, on="PutParameter")
    [outcome] = save_secrets(world, create_command("A"))
    assert outcome.outcome == "unknown"
    assert_recovered(world)
    assert secret_versions(world) == {("", "A"): 1}
    assert audit_rows(world) == [("alice", "secret.create", "A", 0, "settled", 1)]


def test_a_change_that_is_sent_twice(world: World, faulty_ssm: Faulty, no_backoff: None) -> None:
    row = set_secret(world, "A")
    reconcile_now(world)
    faulty_ssm.next(Fault.RESET_AFTER, on="PutParameter")
    [outcome] = save_secrets(world, set_command(row, VALUE))
    assert (outcome.outcome, outcome.version, outcome.message) == ("saved", 3, "")
    assert_recovered(world)
