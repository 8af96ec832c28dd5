"""Save: what was typed is in the store, at the right paths, byte for byte."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from console.lib.names import PathProfile
from console.models import AuditEvent, Branch
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AccessDenied, Throttled, Unreachable
from secrets_app.writes.commands import SetSecret
from tests.secrets_app.writes.desk import Desk

PEM = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\n+/=\n-----END PRIVATE KEY-----\n"
VALUES = {
    "spaces around": "  two  ",
    "one space": " ",
    "final newline": "value\n",
    "only a newline": "\n",
    "tabs": "\ta\tb\t",
    "PEM": PEM,
    "carriage returns": "a\rb\r",
    "NUL": "a\0b",
    "quotes and HTML": "<script>\"'&</script>",
    "template": "{% csrf_token %}{{",
    "any script": "пароль 密码 🔑 e\u0301",
    "zero width and bidi": "a\u200bb\u202ec",
    "4,096 bytes": "x" * 4096,
    "4,096 bytes of three each": "€" * 1365 + "x",
    "looks like a reference": "{{resolve:ssm:/a}",
}
PLACES = [
    (profile, name)
    for profile in PathProfile
    for name in ("All branches", "main", "fix #1")
    if (profile, name) != (PathProfile.DOCUMENTED, "fix #1")  # has no documented path
]


def _branch(desk: Desk, name: str) -> Branch | None:
    if name == "All branches":
        return None
    return Branch.objects.get_or_create(app=desk.app, name=name)[0]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize(("profile", "name"), PLACES)
def test_it_works(desk: Desk, profile: PathProfile, name: str) -> None:
    desk.app.path_profile = profile
    desk.app.save()
    branch = _branch(desk, name)
    mirrored = (profile, name) == (PathProfile.BOTH, "main")

    before = timezone.now()
    [created] = desk.save("alice", desk.new("API_KEY", "first", branch))
    assert (created.outcome, created.version, created.message) == ("saved", 1, "")
    row = desk.row("API_KEY", branch)
    assert created.pk == row.pk
    assert (row.version, row.changed_by) == (1, "alice@example.org")
    assert before < row.changed_at < timezone.now()
    assert desk.values("API_KEY", branch) == ("first", "first" if mirrored else None)

    [changed] = desk.save("mia", desk.change(row, "second"))
    assert (changed.outcome, changed.version) == ("saved", 2)
    row = desk.row("API_KEY", branch)
    assert (row.version, row.changed_by, row.mirror_version) == (
        *(2, "mia@example.org"),
        2 if mirrored else 0,
    )
    assert desk.values("API_KEY", branch) == ("second", "second" if mirrored else None)
    assert desk.shown("API_KEY", branch).mirror == ""

    [removed] = desk.save("mia", desk.removal(row))
    assert (removed.outcome, removed.message) == ("removed", "")
    assert desk.rows() == {}
    assert desk.values("API_KEY", branch) == (None, None)
    assert desk.trail() == [
        ("alice", "secret.create", "API_KEY", 0, "succeeded", 1),
        ("mia", "secret.change", "API_KEY", 1, "succeeded", 2),
        ("mia", "secret.remove", "API_KEY", 2, "succeeded", None),
    ]


@pytest.mark.usefixtures("either_store")
def test_values_are_kept_byte_for_byte(desk: Desk) -> None:
    changes = [
        desk.new(f"KEY_{number}", value, desk.world.main)
        for number, value in enumerate(VALUES.values())
    ]
    outcomes = desk.save("alice", *changes)
    assert {outcome.outcome for outcome in outcomes} == {"saved"}
    for number, value in enumerate(VALUES.values()):
        assert desk.values(f"KEY_{number}", desk.world.main) == (value, value)


def test_each_row_answers_for_itself_in_the_order_of_the_rows(desk: Desk) -> None:
    row = desk.put("CHANGED")
    gone = desk.put("REMOVED")
    stale = desk.put("STALE")
    desk.save("mia", desk.change(stale))
    outcomes = desk.save(
        "alice",
        desk.new("NEW", "new", desk.world.dev),
        desk.new("b a d"),
        desk.change(row, "changed"),
        desk.change(stale, "mine"),
        desk.removal(gone),
        desk.new("EMPTY", ""),
        desk.new("LAST", "last"),
    )
    assert [str(outcome.outcome) for outcome in outcomes] == [
        *("saved", "refused", "saved", "conflict", "removed", "refused", "saved"),
    ]
    assert [outcome.field for outcome in outcomes if outcome.field] == ["key", "value"]
    assert desk.rows() == {
        **{("", "CHANGED"): 2, ("", "STALE"): 2, ("", "LAST"): 1},
        ("dev", "NEW"): 1,
    }


def test_all_of_one_save_is_one_change_set(desk: Desk) -> None:
    desk.save("alice", desk.new("A"), desk.new("B", branch=desk.world.dev))
    assert len(set(AuditEvent.objects.values_list("change_set", flat=True))) == 1


def test_the_mirror_is_written_after_the_primary_and_not_if_that_failed(
    desk: Desk, interrupted: Any
) -> None:
    primary, mirror = desk.paths("API_KEY", desk.world.main)
    order: list[set[str]] = []
    both = [primary, mirror]
    interrupted.after("put", lambda: order.append({*desk.store.current(both)}))
    desk.put("API_KEY", branch=desk.world.main)
    assert order == [{primary}]
    interrupted.before("put", _raise(AccessDenied))
    [outcome] = desk.save("alice", desk.new("OTHER", branch=desk.world.main))
    assert outcome.outcome == "failed"
    assert desk.values("OTHER", desk.world.main) == (None, None)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("state", ["missing", "behind"])
def test_a_mirror_that_fails(desk: Desk, interrupted: Any, state: str) -> None:
    change = desk.new("API_KEY", "second", desk.world.main)
    if state == "behind":
        change = desk.change(desk.put("API_KEY", "first", desk.world.main), "second")
    interrupted.after("put", lambda: interrupted.before("put", _raise(AccessDenied)))
    [saved] = desk.save("alice", change)
    assert saved.outcome == "saved"
    assert saved.message == (
        "Saved, but its mirror at the documented path was not written. " + AccessDenied.message
    )
    old = "first" if state == "behind" else None
    assert desk.values("API_KEY", desk.world.main) == ("second", old)
    assert desk.shown("API_KEY", desk.world.main).mirror == state
    desk.check()
    assert desk.shown("API_KEY", desk.world.main).mirror == state

    row = desk.row("API_KEY", desk.world.main)
    told = desk.repair("mia", row)
    assert told == "The mirror now holds the secret's value."
    assert desk.values("API_KEY", desk.world.main) == ("second", "second")
    assert desk.shown("API_KEY", desk.world.main).mirror == ""
    assert desk.repair("mia", row).endswith("Nothing was written.")


@pytest.mark.parametrize("error", [Throttled, Unreachable])
def test_a_mirror_that_does_not_answer_stops_the_rest(
    desk: Desk, interrupted: Any, error: type[Exception]
) -> None:
    interrupted.after("put", lambda: interrupted.before("put", _raise(error)))
    outcomes = desk.save("alice", desk.new("A", branch=desk.world.main), desk.new("B"))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "not_tried"]
    assert "Nothing was changed" not in outcomes[0].message


def test_a_creation_that_lost_and_can_not_see_who_won(desk: Desk, interrupted: Any) -> None:
    path, _ = desk.paths("B")

    def trouble() -> None:
        desk.outside(path)
        interrupted.before("current", _raise(Unreachable))

    first, second = desk.new("A"), desk.new("B")
    interrupted.after("put", lambda: interrupted.before("put", trouble))
    outcomes = desk.save("alice", first, second)
    assert [outcome.outcome for outcome in outcomes] == ["saved", "conflict"]
    assert outcomes[1].message == "A secret with this name already exists. Reload to see it."


def test_a_name_twice_in_one_save(desk: Desk) -> None:
    row = desk.put("KNOWN")
    twice = SetSecret("again", key="NEW", value=SecretValue("x"))
    outcomes = desk.save("alice", desk.new("NEW"), twice, desk.change(row), desk.new("KNOWN"))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "refused", "saved", "refused"]
    assert outcomes[1].message == "Another row in this save has the same name and branch."
    assert outcomes[1].field == "key"
    assert desk.values("NEW") == ("first", None)


def test_a_name_on_two_branches_is_two_secrets(desk: Desk) -> None:
    outcomes = desk.save("alice", *(desk.new("A", branch=b) for b in (None, *_two(desk))))
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3


def _two(desk: Desk) -> tuple[Branch, Branch]:
    return desk.world.main, desk.world.dev


def test_a_deleted_branch_takes_no_new_secret_and_lets_go_of_its_own(desk: Desk) -> None:
    row = desk.put("LEFT", branch=desk.world.dev)
    desk.world.dev.deleted_at = timezone.now()
    desk.world.dev.save()
    [refused, removed] = desk.save(
        "alice", desk.new("NEW", branch=desk.world.dev), desk.removal(row)
    )
    assert (refused.outcome, refused.field) == ("refused", "branch")
    assert removed.outcome == "removed"


def test_a_branch_that_the_profile_can_not_place(desk: Desk) -> None:
    branch = _branch(desk, "fix #1")
    desk.app.path_profile = PathProfile.DOCUMENTED
    desk.app.save()
    [refused] = desk.save("alice", desk.new("A", branch=branch))
    assert refused.outcome == "refused"
    assert "has no documented path" in refused.message


def test_a_store_that_can_not_be_read(desk: Desk, interrupted: Any) -> None:
    interrupted.before("current", _raise(Unreachable))
    with pytest.raises(Unreachable):
        desk.save("alice", desk.new("A"), desk.new("B"))
    assert desk.rows() == {}
    assert desk.trail() == []
    [saved] = desk.save("alice", desk.new("A"))
    assert saved.outcome == "saved"


def test_nothing_to_save(desk: Desk, calls: Any) -> None:
    assert desk.save("alice") == []
    assert calls() == 0


def _raise(error: type[Exception]) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
