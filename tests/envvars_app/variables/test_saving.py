"""Save variables: each row by itself, against its expected version."""

from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.http import Http404
from django.utils import timezone

from console.models import AuditEvent, AuditOutcome
from envvars_app.models import Variable, VariableVersion
from envvars_app.variables.commands import SetVariable
from tests.factories import (
    change_variable,
    changed_variable,
    new_variable,
    remove_variable,
    removed_variable,
    save_variables,
    set_variable,
    variable_audit_rows,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

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


def test_it_works(world: World) -> None:
    [created] = save_variables(world, new_variable("API_URL", "https://a"))
    assert (created.outcome, created.version, created.message) == ("saved", 1, "")
    row = variable_row(world, "API_URL")
    assert (created.pk, row.value, row.changed_by) == (row.pk, "https://a", "alice@example.org")
    [changed] = save_variables(world, changed_variable(row, "https://b"), by="mia")
    assert (changed.outcome, changed.version) == ("saved", 2)
    set_variable(world, "API_URL", "https://dev", world.dev, by="bob")
    assert variable_values(world) == {
        ("", "API_URL"): "https://b",
        ("dev", "API_URL"): "https://dev",
    }
    override = variable_row(world, "API_URL", world.dev)
    [removed] = save_variables(world, removed_variable(override), by="bob")
    assert (removed.outcome, removed.message) == ("removed", "")
    assert variable_values(world) == {("", "API_URL"): "https://b"}
    assert variable_audit_rows() == [
        ("alice", "create", "All branches", "API_URL", None, 1, "succeeded"),
        ("mia", "change", "All branches", "API_URL", 1, 2, "succeeded"),
        ("bob", "create", "dev", "API_URL", None, 1, "succeeded"),
        ("bob", "remove", "dev", "API_URL", 1, None, "succeeded"),
    ]


def test_values_are_kept_as_they_are(world: World) -> None:
    changes = [new_variable(f"KEY_{n}", value) for n, value in enumerate(VALUES.values())]
    assert {outcome.outcome for outcome in save_variables(world, *changes)} == {"saved"}
    assert [variable_row(world, f"KEY_{n}").value for n in range(len(VALUES))] == [*VALUES.values()]


def test_every_version_is_kept(world: World) -> None:
    row = set_variable(world, "A", "one")
    change_variable(world, row, "two", by="mia")
    remove_variable(world, variable_row(world, "A"))
    versions = VariableVersion.objects.filter(variable=row).order_by("version")
    assert [(v.version, v.value, v.by.partition("@")[0]) for v in versions] == [
        (1, "one", "alice"),
        (2, "two", "mia"),
        (3, None, "alice"),
    ]


def test_each_row_has_its_own_outcome_in_order(world: World) -> None:
    kept, stale, gone = (
        set_variable(world, "KEPT"),
        set_variable(world, "STALE"),
        set_variable(world, "GONE"),
    )
    change_variable(world, stale, "theirs", by="mia")
    outcomes = save_variables(
        world,
        new_variable("NEW"),
        new_variable("AWS_REGION"),
        changed_variable(stale, "mine"),
        changed_variable(kept),
        removed_variable(gone),
        new_variable("LONG", "x" * 5501),
    )
    assert [str(outcome.outcome) for outcome in outcomes] == [
        *("saved", "refused", "conflict", "saved", "removed", "refused")
    ]
    assert [outcome.field for outcome in outcomes if outcome.field] == ["key", "value"]
    assert variable_values(world) == {
        ("", "NEW"): "first",
        ("", "STALE"): "theirs",
        ("", "KEPT"): "second",
    }


@pytest.mark.usefixtures("clock")
def test_a_conflict(world: World) -> None:
    row = set_variable(world, "A")
    change_variable(world, row, "theirs", by="mia")
    [conflict] = save_variables(world, changed_variable(row, "mine"))
    assert conflict.outcome == "conflict"
    assert conflict.message.startswith("mia@example.org changed this variable now")
    assert "“theirs”" in conflict.message
    again = replace(changed_variable(row, "mine"), expected_version=conflict.version)
    assert [o.outcome for o in save_variables(world, again)] == ["saved"]


def test_writing_the_same_value_is_no_conflict(world: World) -> None:
    row = set_variable(world, "A")
    change_variable(world, row, "same", by="mia")
    [outcome] = save_variables(world, changed_variable(row, "same"))
    assert (outcome.outcome, outcome.version) == ("saved", 2)
    assert len(variable_audit_rows()) == 2


def test_removing_a_changed_variable(world: World) -> None:
    row = set_variable(world, "A")
    change_variable(world, row, by="mia")
    [outcome] = save_variables(world, removed_variable(row))
    assert outcome.outcome == "conflict"
    assert variable_values(world) == {("", "A"): "second"}


def test_changing_a_removed_variable(world: World) -> None:
    row = set_variable(world, "A")
    remove_variable(world, row, by="mia")
    [changed, removed] = save_variables(
        world, changed_variable(row), replace(removed_variable(row), token="x")
    )
    assert (changed.outcome, removed.outcome) == ("conflict", "removed")
    assert "mia@example.org removed this variable" in changed.message
    [never] = save_variables(world, SetVariable("9", 999_999, value="x", expected_version=1))
    assert never.outcome == "conflict"


def test_adding_an_existing_name(world: World) -> None:
    set_variable(world, "A", "theirs")
    [outcome] = save_variables(world, new_variable("A", "mine"), by="mia")
    assert (outcome.outcome, outcome.version) == ("conflict", 1)
    [over] = save_variables(world, replace(new_variable("A", "mine"), expected_version=1), by="mia")
    assert over.outcome == "saved"
    assert variable_values(world) == {("", "A"): "mine"}


def test_adding_a_name_twice_in_one_save(world: World) -> None:
    outcomes = save_variables(
        world, new_variable("A"), replace(new_variable("A", "2"), token="again")
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved", "refused"]
    assert outcomes[1].field == "key"


def test_removing_and_adding_a_name_in_one_save(world: World) -> None:
    row = set_variable(world, "A", "old")
    outcomes = save_variables(world, new_variable("A", "new"), removed_variable(row))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "removed"]
    assert variable_values(world) == {("", "A"): "new"}


def test_adding_a_removed_variable_again(world: World) -> None:
    remove_variable(world, set_variable(world, "A"))
    assert set_variable(world, "A", "again").version == 1


def test_roles(world: World) -> None:
    base = set_variable(world, "A")
    set_variable(world, "A", "x", world.main)
    outcomes = {
        name: [
            str(outcome.outcome)
            for outcome in save_variables(
                world,
                new_variable(f"NEW_{name}"),
                new_variable(f"NEW_{name}", branch=world.main),
                new_variable(f"NEW_{name}", branch=world.dev),
                changed_variable(variable_row(world, "A"), name),
                by=name,
            )
        ]
        for name in ("vera", "bob", "mia", "alice")
    }
    assert outcomes == {
        "vera": ["denied"] * 4,
        "bob": ["denied", "denied", "saved", "denied"],
        "mia": ["saved"] * 4,
        "alice": ["saved"] * 4,
    }
    denied = AuditOutcome.objects.filter(outcome="denied")
    assert denied.count() == 7
    assert base.pk == variable_row(world, "A").pk


@pytest.mark.parametrize("name", ["charlie", "oscar", "ivan", "olga"])
def test_outsiders(world: World, name: str) -> None:
    with pytest.raises(Http404):
        set_variable(world, "A", by=name)
    assert not AuditEvent.objects.filter(action__startswith="variable").exists()


def test_renaming_a_base_needs_permission_for_its_overrides(world: World) -> None:
    base = set_variable(world, "A")
    set_variable(world, "A", "x", world.dev)
    world.dev.protected = True
    world.dev.save()
    [outcome] = save_variables(world, changed_variable(base, "first", key="B"), by="bob")
    assert outcome.outcome == "denied"


def test_a_branch_of_another_app(world: World) -> None:
    [new] = save_variables(world, new_variable("A", branch=world.other_branch))
    assert (new.outcome, new.field) == ("refused", "branch")
    theirs = Variable.objects.create(
        app=world.other_app, key="B", value="x", changed_at=timezone.now(), changed_by=""
    )
    [change] = save_variables(world, changed_variable(theirs))
    assert change.outcome == "conflict"
    assert Variable.objects.get(pk=theirs.pk).value == "x"


def test_a_deleted_branch_accepts_only_removals(world: World) -> None:
    row = set_variable(world, "LEFT", branch=world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    outcomes = save_variables(world, new_variable("NEW", branch=world.dev), removed_variable(row))
    assert [outcome.outcome for outcome in outcomes] == ["refused", "removed"]


def _hide(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} RENAME TO elsewhere")


def _restore(table: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE elsewhere RENAME TO {table}")


@pytest.mark.parametrize("table", ["console_auditevent", "console_auditoutcome"])
def test_nothing_is_written_without_the_audit_log(world: World, table: str) -> None:
    row = set_variable(world, "A")
    _hide(table)
    try:
        outcomes = save_variables(world, changed_variable(row), new_variable("B"))
    finally:
        _restore(table)
    assert {outcome.outcome for outcome in outcomes} == {"failed"}
    assert variable_values(world) == {("", "A"): "first"}


def test_a_failed_write_changes_nothing(world: World) -> None:
    _hide("envvars_app_variableversion")
    try:
        outcomes = save_variables(world, new_variable("A"), new_variable("B"))
    finally:
        _restore("envvars_app_variableversion")
    assert {outcome.outcome for outcome in outcomes} == {"failed"}
    assert variable_values(world) == {}


def test_one_save_is_one_change_set(world: World) -> None:
    save_variables(world, new_variable("A"), new_variable("B", branch=world.dev))
    assert len(set(AuditEvent.objects.values_list("change_set", flat=True))) == 1
    assert len(set(VariableVersion.objects.values_list("change_set", flat=True))) == 1


def test_queries_do_not_grow(world: World, django_assert_max_num_queries: Any) -> None:
    world.person("alice")
    for count in (1, 300):
        changes = [new_variable(f"KEY_{count}_{n}") for n in range(count)]
        with django_assert_max_num_queries(26):
            outcomes = save_variables(world, *changes)
        assert {outcome.outcome for outcome in outcomes} == {"saved"}


def test_nothing_to_save(world: World) -> None:
    assert save_variables(world) == []
    assert variable_audit_rows() == []


def test_the_database_enforces_unique_names(world: World) -> None:
    set_variable(world, "A")
    twin = Variable(app=world.app, key="A", value="", changed_at=timezone.now(), changed_by="")
    with pytest.raises(DatabaseError):
        twin.save()
