"""Save: each variable by itself, with its version; nobody's override is lost."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import DatabaseError, connection
from django.http import Http404
from django.utils import timezone

from console.models import AuditEvent, AuditOutcome
from envvars_app import saving
from envvars_app.changes import Change, Overrides
from envvars_app.models import Variable, VariableVersion
from tests.variables.desk import Desk

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


def test_a_conflict_says_who_and_what(desk: Desk) -> None:
    row = desk.put("A")
    desk.save("mia", desk.change(row, "theirs"))
    [conflict] = desk.save("alice", desk.change(row, "mine"))
    assert conflict.outcome == "conflict"
    assert conflict.message.startswith("mia@example.org changed this variable now")
    assert "“theirs”" in conflict.message
    again = replace(desk.change(row, "mine"), base=conflict.version)
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
    [never] = desk.save("alice", Change("9", 999_999, value="x", base=1))
    assert never.outcome == "conflict"


def test_a_new_row_meets_one_that_is_there(desk: Desk) -> None:
    desk.put("A", "theirs")
    [outcome] = desk.save("mia", desk.new("A", "mine"))
    assert (outcome.outcome, outcome.version) == ("conflict", 1)
    [over] = desk.save("mia", replace(desk.new("A", "mine"), base=1))
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


@pytest.mark.parametrize("stay", [True, False])
def test_a_base_with_overrides_is_removed_by_saying_what_becomes_of_them(
    desk: Desk, stay: bool
) -> None:
    base = desk.put("A")
    for branch in (desk.world.main, desk.world.dev):
        desk.put("A", branch.name, branch)
    [asked] = desk.save("alice", desk.removal(base))
    assert (asked.outcome, asked.field) == ("refused", "overrides")
    assert "dev, main" in asked.message
    choice = Overrides.KEEP if stay else Overrides.REMOVE
    [done] = desk.save("alice", desk.removal(base, overrides=choice))
    assert done.outcome == "removed"
    left = {("main", "A"): "main", ("dev", "A"): "dev"}
    assert desk.values() == (left if stay else {})
    assert len([entry for entry in desk.trail() if entry[1] == "remove"]) == (1 if stay else 3)


def test_overrides_that_go_in_the_same_save_need_no_question(desk: Desk) -> None:
    base, override = desk.put("A"), desk.put("A", "x", desk.world.dev)
    outcomes = desk.save("alice", desk.removal(override), desk.removal(base))
    assert [outcome.outcome for outcome in outcomes] == ["removed", "removed"]


def test_a_rename_takes_the_overrides_along(desk: Desk) -> None:
    base = desk.put("OLD", "base")
    desk.put("OLD", "dev", desk.world.dev)
    [renamed] = desk.save("alice", desk.change(base, "changed too", key="NEW"))
    assert (renamed.outcome, renamed.pk) == ("saved", base.pk)
    assert desk.values() == {("", "NEW"): "changed too", ("dev", "NEW"): "dev"}
    assert desk.trail()[2:] == [
        ("alice", "rename", "All branches", "OLD", 1, 2, "succeeded"),
        ("alice", "rename", "dev", "OLD", 1, 2, "succeeded"),
    ]
    said = AuditOutcome.objects.filter(outcome="succeeded").order_by("id").values_list("detail")
    assert [detail for (detail,) in said][2:] == ["now NEW", "now NEW"]
    newest = desk.row("NEW", desk.world.dev).versions.first()
    assert newest is not None
    assert newest.note == "renamed from OLD"


def test_a_rename_and_a_changed_override_in_one_save(desk: Desk) -> None:
    base = desk.put("OLD", "base")
    override = desk.put("OLD", "dev", desk.world.dev)
    outcomes = desk.save(
        "alice",
        desk.change(base, "base", key="NEW"),
        desk.change(override, "dev 2"),
        desk.new("NEW", "main", desk.world.main),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert desk.values() == {("", "NEW"): "base", ("dev", "NEW"): "dev 2", ("main", "NEW"): "main"}
    versions = VariableVersion.objects.filter(variable=override).order_by("version")
    assert [(v.version, v.key, v.value) for v in versions] == [
        (1, "OLD", "dev"),
        (2, "OLD", "dev 2"),
        (3, "NEW", "dev 2"),
    ]


def test_an_override_keeps_its_bases_name(desk: Desk) -> None:
    desk.put("OLD", "base")
    override = desk.put("OLD", "dev", desk.world.dev)
    [outcome] = desk.save("alice", desk.change(override, "dev", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    alone = desk.put("ALONE", "x", desk.world.dev)
    desk.save("alice", desk.change(alone, "x", key="NEW"))
    assert desk.values() == {("", "OLD"): "base", ("dev", "OLD"): "dev", ("dev", "NEW"): "x"}


def test_renames_that_wait_for_each_other(desk: Desk) -> None:
    one, two, three = desk.put("A", "1"), desk.put("B", "2"), desk.put("C", "3")
    outcomes = desk.save(
        "alice",
        desk.change(one, "1", key="B"),
        desk.change(two, "2", key="C"),
        desk.change(three, "3", key="D"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3
    assert desk.values() == {("", "B"): "1", ("", "C"): "2", ("", "D"): "3"}


def test_an_empty_name_is_refused(desk: Desk) -> None:
    row = desk.put("A")
    [outcome] = desk.save("alice", desk.change(row, "x", key=""))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert outcome.message == "Give the variable a name."


def test_overrides_go_only_as_they_were_seen(desk: Desk) -> None:
    base, override = desk.put("A"), desk.put("A", "x", desk.world.dev)
    seen = {override.pk: override.version}
    desk.save("bob", desk.change(override, "bob's work"))
    removal = desk.removal(base, overrides=Overrides.REMOVE, seen=seen)
    [changed] = desk.save("alice", removal)
    assert changed.outcome == "conflict"
    assert "bob@example.org changed the override on dev" in changed.message
    assert "“bob's work”" in changed.message
    [unseen] = desk.save("alice", replace(removal, seen={}))
    assert unseen.outcome == "conflict"
    assert len(desk.values()) == 2
    [done] = desk.save("alice", replace(removal, seen={override.pk: 2}))
    assert done.outcome == "removed"
    assert desk.values() == {}


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Return a function that lets something happen once, between the plan and the lock."""

    def happen(act: Callable[[], object]) -> None:
        write, acts = saving._write, [act]

        def late(*arguments: Any) -> None:
            if acts:
                acts.pop()()
            write(*arguments)

        monkeypatch.setattr(saving, "_write", late)

    return happen


def test_a_rename_that_loses_the_race_changes_nothing(desk: Desk, meanwhile: Any) -> None:
    base, override = desk.put("A", "base"), desk.put("A", "main", desk.world.main)
    meanwhile(lambda: desk.save("bob", desk.new("A", "dev", desk.world.dev)))
    changed, renamed = desk.save(
        "alice", desk.change(override, "main 2"), desk.change(base, "base", key="B")
    )
    assert (changed.outcome, renamed.outcome) == ("saved", "conflict")
    assert desk.values() == {("", "A"): "base", ("main", "A"): "main 2", ("dev", "A"): "dev"}
    versions = VariableVersion.objects.filter(variable=override)
    assert sorted(v.version for v in versions) == [1, 2]


def test_a_removal_that_loses_the_race_takes_no_other_row_along(desk: Desk, meanwhile: Any) -> None:
    base = desk.put("A")
    meanwhile(lambda: desk.save("bob", desk.new("A", "dev", desk.world.dev)))
    outcomes = desk.save(
        "alice",
        desk.removal(base, overrides=Overrides.REMOVE),
        desk.new("A", "new"),
        desk.new("OTHER"),
    )
    assert [outcome.outcome for outcome in outcomes] == ["conflict", "conflict", "saved"]
    assert desk.values() == {("", "A"): "first", ("dev", "A"): "dev", ("", "OTHER"): "first"}


def test_a_rename_takes_no_name_that_is_there(desk: Desk) -> None:
    base = desk.put("OLD")
    desk.put("OLD", "dev", desk.world.dev)
    desk.put("NEW", "in the way", desk.world.dev)
    [outcome] = desk.save("alice", desk.change(base, "x", key="NEW"))
    assert (outcome.outcome, outcome.field) == ("refused", "key")
    assert "dev" in outcome.message
    assert desk.values()["", "OLD"] == "first"


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
    """Nobody has the one without the other today; issue 4 narrows roles to branches."""
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
