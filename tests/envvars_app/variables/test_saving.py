"""Save: each variable by itself, with its version; nobody's override is lost."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.http import Http404
from django.utils import timezone

from console.models import AuditEvent, AuditOutcome
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables.commands import SetVariable
from tests.envvars_app.variables.desk import Desk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.both_databases]

VALUES = {
    "empty": "",
    "one space": " ",
    "spaces around": "  two  ",
    "newlines": "\na\n\nb\n",
    "CR LF": "a\r\nb\rc",
    "quotes and HTML": "<script>\"'&</script>",
    "shell": "$(rm -rf /) `id` ${X} \\",
    "any script": "пароль 密码 🔑 e\u0301",
    "5,500 characters": "€" * 5500,
}


def test_it_works(desk: Desk) -> None:
    [created] = desk.save("alice", desk.new("API_URL", "https://a"))
    assert (created.outcome, created.version, created.message) == ("saved", 1, "")
    row = desk.row("API_URL")
    assert (created.pk, row.value, row.changed_by) == (row.pk, "https://a", "alice@example.org")
    [changed] = desk.save("mia", desk.change(row, "https://b"))
    assert (changed.outcome, changed.version) == ("saved", 2)
    desk.save("bob", desk.new("API_URL", "https://dev", desk.world.dev))
    assert desk.values() == {("", "API_URL"): "https://b", ("dev", "API_URL"): "https://dev"}
    override = desk.row("API_URL", desk.world.dev)
    [removed] = desk.save("bob", desk.removal(override))
    assert (removed.outcome, removed.message) == ("removed", "")
    assert desk.values() == {("", "API_URL"): "https://b"}
    assert desk.trail() == [
        ("alice", "create", "All branches", "API_URL", None, 1, "succeeded"),
        ("mia", "change", "All branches", "API_URL", 1, 2, "succeeded"),
        ("bob", "create", "dev", "API_URL", None, 1, "succeeded"),
        ("bob", "remove", "dev", "API_URL", 1, None, "succeeded"),
    ]


def test_values_are_kept_as_they_are(desk: Desk) -> None:
    changes = [desk.new(f"KEY_{n}", value) for n, value in enumerate(VALUES.values())]
    assert {outcome.outcome for outcome in desk.save("alice", *changes)} == {"saved"}
    assert [desk.row(f"KEY_{n}").value for n in range(len(VALUES))] == [*VALUES.values()]


def test_every_version_is_kept(desk: Desk) -> None:
    row = desk.put("A", "one")
    desk.save("mia", desk.change(row, "two"))
    desk.save("alice", desk.removal(desk.row("A")))
    versions = VariableVersion.objects.filter(variable=row).order_by("version")
    assert [(v.version, v.value, v.by.partition("@")[0]) for v in versions] == [
        (1, "one", "alice"),
        (2, "two", "mia"),
        (3, None, "alice"),
    ]


def test_each_row_answers_for_itself_in_the_order_of_the_rows(desk: Desk) -> None:
    kept, stale, gone = desk.put("KEPT"), desk.put("STALE"), desk.put("GONE")
    desk.save("mia", desk.change(stale, "theirs"))
    outcomes = desk.save(
        "alice",
        desk.new("NEW"),
        desk.new("AWS_REGION"),
        desk.change(stale, "mine"),
        desk.change(kept),
        desk.removal(gone),
        desk.new("LONG", "x" * 5501),
    )
    assert [str(outcome.outcome) for outcome in outcomes] == [
        *("saved", "refused", "conflict", "saved", "removed", "refused")
    ]
    assert [outcome.field for outcome in outcomes if outcome.field] == ["key", "value"]
    assert desk.values() == {("", "NEW"): "first", ("", "STALE"): "theirs", ("", "KEPT"): "second"}


@pytest.mark.usefixtures("clock")
def test_a_conflict_says_who_and_what(desk: Desk) -> None:
    row = desk.put("A")
    desk.save("mia", desk.change(row, "theirs"))
    [conflict] = desk.save("alice", desk.change(row, "mine"))
    assert conflict.outcome == "conflict"
    assert conflict.message.startswith("mia@example.org changed this variable now")
    assert "“theirs”" in conflict.message
    again = replace(desk.change(row, "mine"), expected_version=conflict.version)
    assert [o.outcome for o in desk.save("alice", again)] == ["saved"]


def test_two_who_write_the_same_do_not_conflict(desk: Desk) -> None:
    row = desk.put("A")
    desk.save("mia", desk.change(row, "same"))
    [outcome] = desk.save("alice", desk.change(row, "same"))
    assert (outcome.outcome, outcome.version) == ("saved", 2)
    assert len(desk.trail()) == 2


def test_a_removal_meets_a_change(desk: Desk) -> None:
    row = desk.put("A")
    desk.save("mia", desk.change(row))
    [outcome] = desk.save("alice", desk.removal(row))
    assert outcome.outcome == "conflict"
    assert desk.values() == {("", "A"): "second"}


def test_a_change_meets_a_removal(desk: Desk) -> None:
    row = desk.put("A")
    desk.save("mia", desk.removal(row))
    [changed, removed] = desk.save("alice", desk.change(row), replace(desk.removal(row), token="x"))
    assert (changed.outcome, removed.outcome) == ("conflict", "removed")
    assert "mia@example.org removed this variable" in changed.message
    [never] = desk.save("alice", SetVariable("9", 999_999, value="x", expected_version=1))
    assert never.outcome == "conflict"


def test_a_new_row_meets_one_that_is_there(desk: Desk) -> None:
    desk.put("A", "theirs")
    [outcome] = desk.save("mia", desk.new("A", "mine"))
    assert (outcome.outcome, outcome.version) == ("conflict", 1)
    [over] = desk.save("mia", replace(desk.new("A", "mine"), expected_version=1))
    assert over.outcome == "saved"
    assert desk.values() == {("", "A"): "mine"}


def test_a_name_twice_in_one_save(desk: Desk) -> None:
    outcomes = desk.save("alice", desk.new("A"), replace(desk.new("A", "2"), token="again"))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "refused"]
    assert outcomes[1].field == "key"


def test_a_name_that_is_set_free_can_be_taken_in_the_same_save(desk: Desk) -> None:
    row = desk.put("A", "old")
    outcomes = desk.save("alice", desk.new("A", "new"), desk.removal(row))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "removed"]
    assert desk.values() == {("", "A"): "new"}


def test_a_removed_variable_can_be_added_anew(desk: Desk) -> None:
    desk.save("alice", desk.removal(desk.put("A")))
    assert desk.put("A", "again").version == 1


def test_roles(desk: Desk) -> None:
    world = desk.world
    base = desk.put("A")
    desk.put("A", "x", world.main)
    outcomes = {
        who: [
            str(outcome.outcome)
            for outcome in desk.save(
                who,
                desk.new(f"NEW_{who}"),
                desk.new(f"NEW_{who}", branch=world.main),
                desk.new(f"NEW_{who}", branch=world.dev),
                desk.change(desk.row("A"), who),
            )
        ]
        for who in ("vera", "bob", "mia", "alice")
    }
    assert outcomes == {
        "vera": ["denied"] * 4,
        "bob": ["denied", "denied", "saved", "denied"],
        "mia": ["saved"] * 4,
        "alice": ["saved"] * 4,
    }
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == 7
    assert base.pk == desk.row("A").pk


@pytest.mark.parametrize("who", ["charlie", "oscar", "ivan", "olga"])
def test_who_is_no_member_learns_nothing(desk: Desk, who: str) -> None:
    with pytest.raises(Http404):
        desk.save(who, desk.new("A"))
    assert not AuditEvent.objects.filter(action__startswith="variable").exists()


def test_a_right_to_the_base_is_not_one_to_its_overrides(desk: Desk) -> None:
    """A role that is narrowed to branches may cover one without the other."""
    base = desk.put("A")
    desk.put("A", "x", desk.world.dev)
    desk.world.dev.protected = True
    desk.world.dev.save()
    [outcome] = desk.save("bob", desk.change(base, "first", key="B"))
    assert outcome.outcome == "denied"


def test_a_branch_of_another_app(desk: Desk) -> None:
    [new] = desk.save("alice", desk.new("A", branch=desk.world.other_branch))
    assert (new.outcome, new.field) == ("refused", "branch")
    theirs = Variable.objects.create(
        app=desk.world.other_app, key="B", value="x", changed_at=timezone.now(), changed_by=""
    )
    [change] = desk.save("alice", desk.change(theirs))
    assert change.outcome == "conflict"
    assert Variable.objects.get(pk=theirs.pk).value == "x"


def test_a_deleted_branch_takes_nothing_new_and_lets_go(desk: Desk) -> None:
    row = desk.put("LEFT", branch=desk.world.dev)
    desk.world.dev.deleted_at = timezone.now()
    desk.world.dev.save()
    outcomes = desk.save("alice", desk.new("NEW", branch=desk.world.dev), desk.removal(row))
    assert [outcome.outcome for outcome in outcomes] == ["refused", "removed"]


def _spoil(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")


def _mend(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


@pytest.mark.parametrize("table", ["console_auditevent", "console_auditoutcome"])
def test_without_the_audit_trail_nothing_is_written(desk: Desk, table: str) -> None:
    row = desk.put("A")
    _spoil(table)
    try:
        outcomes = desk.save("alice", desk.change(row), desk.new("B"))
    finally:
        _mend(table)
    assert {outcome.outcome for outcome in outcomes} == {"failed"}
    assert desk.values() == {("", "A"): "first"}


def test_a_write_that_fails_changes_nothing(desk: Desk) -> None:
    _spoil("envvars_app_variableversion")
    try:
        outcomes = desk.save("alice", desk.new("A"), desk.new("B"))
    finally:
        _mend("envvars_app_variableversion")
    assert {outcome.outcome for outcome in outcomes} == {"failed"}
    assert desk.values() == {}


def test_all_of_one_save_is_one_change_set(desk: Desk) -> None:
    desk.save("alice", desk.new("A"), desk.new("B", branch=desk.world.dev))
    assert len(set(AuditEvent.objects.values_list("change_set", flat=True))) == 1
    assert len(set(VariableVersion.objects.values_list("change_set", flat=True))) == 1


def test_as_many_queries_for_300_as_for_one(desk: Desk, django_assert_max_num_queries: Any) -> None:
    desk.world.person("alice")
    for count in (1, 300):
        changes = [desk.new(f"KEY_{count}_{n}") for n in range(count)]
        with django_assert_max_num_queries(24):
            outcomes = desk.save("alice", *changes)
        assert {outcome.outcome for outcome in outcomes} == {"saved"}


def test_nothing_to_save(desk: Desk) -> None:
    assert desk.save("alice") == []
    assert desk.trail() == []


def test_the_database_says_no_by_itself(desk: Desk) -> None:
    desk.put("A")
    twin = Variable(app=desk.app, key="A", value="", changed_at=timezone.now(), changed_by="")
    with pytest.raises(DatabaseError):
        twin.save()
