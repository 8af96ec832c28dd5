"""A save writes the typed values to the right paths, byte for byte."""

from collections.abc import Callable

import pytest
from django.utils import timezone

from console.lib.naming.names import PathProfile
from console.models import AuditEvent, Branch
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import AccessDenied, Throttled, Unreachable
from secrets_app.writes.commands import SetSecret
from tests.factories import (
    audit_rows,
    create_command,
    delete_command,
    listed_secret,
    reconcile_now,
    repair_secret_mirror,
    save_secrets,
    secret_paths,
    secret_row,
    secret_versions,
    set_command,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls

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
SCOPES = [
    (profile, name)
    for profile in PathProfile
    for name in ("All branches", "main", "fix #1")
    if (profile, name) != (PathProfile.DOCUMENTED, "fix #1")  # has no documented path
]


def scope(world: World, name: str) -> Branch | None:
    """Return a branch by name, created if need be, or None for All branches."""
    if name == "All branches":
        return None
    return Branch.objects.get_or_create(app=world.app, name=name)[0]


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize(("profile", "name"), SCOPES)
def test_it_works(world: World, profile: PathProfile, name: str) -> None:
    world.app.path_profile = profile
    world.app.save()
    branch = scope(world, name)
    mirrored = (profile, name) == (PathProfile.BOTH, "main")

    before = timezone.now()
    [created] = save_secrets(world, create_command("API_KEY", "first", branch))
    assert (created.outcome, created.version, created.message) == ("saved", 1, "")
    row = secret_row(world, "API_KEY", branch)
    assert created.pk == row.pk
    assert (row.version, row.changed_by) == (1, "alice@example.org")
    assert before < row.changed_at < timezone.now()
    assert stored_values(world, "API_KEY", branch) == ("first", "first" if mirrored else None)

    [changed] = save_secrets(world, set_command(row, "second"), by="mia")
    assert (changed.outcome, changed.version) == ("saved", 2)
    row = secret_row(world, "API_KEY", branch)
    assert (row.version, row.changed_by, row.mirror_version) == (
        *(2, "mia@example.org"),
        2 if mirrored else 0,
    )
    assert stored_values(world, "API_KEY", branch) == ("second", "second" if mirrored else None)
    assert listed_secret(world, "API_KEY", branch).mirror == ""

    [removed] = save_secrets(world, delete_command(row), by="mia")
    assert (removed.outcome, removed.message) == ("removed", "")
    assert secret_versions(world) == {}
    assert stored_values(world, "API_KEY", branch) == (None, None)
    assert audit_rows(world) == [
        ("alice", "secret.create", "API_KEY", 0, "succeeded", 1),
        ("mia", "secret.change", "API_KEY", 1, "succeeded", 2),
        ("mia", "secret.remove", "API_KEY", 2, "succeeded", None),
    ]


@pytest.mark.usefixtures("either_store")
def test_values_are_kept_byte_for_byte(world: World) -> None:
    changes = [
        create_command(f"KEY_{number}", value, world.main)
        for number, value in enumerate(VALUES.values())
    ]
    outcomes = save_secrets(world, *changes)
    assert {outcome.outcome for outcome in outcomes} == {"saved"}
    for number, value in enumerate(VALUES.values()):
        assert stored_values(world, f"KEY_{number}", world.main) == (value, value)


def test_each_row_has_its_own_outcome(world: World) -> None:
    row = set_secret(world, "CHANGED")
    gone = set_secret(world, "REMOVED")
    stale = set_secret(world, "STALE")
    save_secrets(world, set_command(stale), by="mia")
    outcomes = save_secrets(
        world,
        create_command("NEW", "new", world.dev),
        create_command("b a d"),
        set_command(row, "changed"),
        set_command(stale, "mine"),
        delete_command(gone),
        create_command("EMPTY", ""),
        create_command("LAST", "last"),
    )
    assert [str(outcome.outcome) for outcome in outcomes] == [
        *("saved", "refused", "saved", "conflict", "removed", "refused", "saved"),
    ]
    assert [outcome.field for outcome in outcomes if outcome.field] == ["key", "value"]
    assert secret_versions(world) == {
        **{("", "CHANGED"): 2, ("", "STALE"): 2, ("", "LAST"): 1},
        ("dev", "NEW"): 1,
    }


def test_a_save_is_one_change_set(world: World) -> None:
    save_secrets(world, create_command("A"), create_command("B", branch=world.dev))
    assert len(set(AuditEvent.objects.values_list("change_set", flat=True))) == 1


def test_the_mirror_is_written_after_the_primary(
    world: World, interrupted: InterruptedStore
) -> None:
    primary, mirror = secret_paths(world, "API_KEY", world.main)
    order: list[set[str]] = []
    both = [primary, mirror]
    interrupted.after("put", lambda: order.append({*parameter_store().current(both)}))
    set_secret(world, "API_KEY", branch=world.main)
    assert order == [{primary}]
    interrupted.before("put", raising(AccessDenied))
    [outcome] = save_secrets(world, create_command("OTHER", branch=world.main))
    assert outcome.outcome == "failed"
    assert stored_values(world, "OTHER", world.main) == (None, None)


@pytest.mark.usefixtures("either_store")
@pytest.mark.parametrize("state", ["missing", "behind"])
def test_the_mirror_fails(world: World, interrupted: InterruptedStore, state: str) -> None:
    change = create_command("API_KEY", "second", world.main)
    if state == "behind":
        change = set_command(set_secret(world, "API_KEY", "first", world.main), "second")
    interrupted.after("put", lambda: interrupted.before("put", raising(AccessDenied)))
    [saved] = save_secrets(world, change)
    assert saved.outcome == "saved"
    assert saved.message == (
        "Saved, but its mirror at the documented path was not written. " + AccessDenied.message
    )
    old = "first" if state == "behind" else None
    assert stored_values(world, "API_KEY", world.main) == ("second", old)
    assert listed_secret(world, "API_KEY", world.main).mirror == state
    reconcile_now(world)
    assert listed_secret(world, "API_KEY", world.main).mirror == state

    row = secret_row(world, "API_KEY", world.main)
    assert repair_secret_mirror(world, row) == "The mirror now holds the secret's value."
    assert stored_values(world, "API_KEY", world.main) == ("second", "second")
    assert listed_secret(world, "API_KEY", world.main).mirror == ""
    assert repair_secret_mirror(world, row).endswith("Nothing was written.")


@pytest.mark.parametrize("error", [Throttled, Unreachable])
def test_the_mirror_does_not_respond(
    world: World, interrupted: InterruptedStore, error: type[Exception]
) -> None:
    interrupted.after("put", lambda: interrupted.before("put", raising(error)))
    outcomes = save_secrets(world, create_command("A", branch=world.main), create_command("B"))
    assert [outcome.outcome for outcome in outcomes] == ["saved", "not_tried"]
    assert "Nothing was changed" not in outcomes[0].message


def test_a_conflict_whose_cause_can_not_be_read(
    world: World, interrupted: InterruptedStore
) -> None:
    path, _ = secret_paths(world, "B")

    def create_outside() -> None:
        write_outside(path)
        interrupted.before("current", raising(Unreachable))

    first, second = create_command("A"), create_command("B")
    interrupted.after("put", lambda: interrupted.before("put", create_outside))
    outcomes = save_secrets(world, first, second)
    assert [outcome.outcome for outcome in outcomes] == ["saved", "conflict"]
    assert outcomes[1].message == "A secret with this name already exists. Reload to see it."


def test_a_key_twice_in_one_save(world: World) -> None:
    row = set_secret(world, "KNOWN")
    twice = SetSecret("again", key="NEW", value=SecretValue("x"))
    outcomes = save_secrets(
        world, create_command("NEW"), twice, set_command(row), create_command("KNOWN")
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved", "refused", "saved", "refused"]
    assert outcomes[1].message == "Another row in this save has the same name and branch."
    assert outcomes[1].field == "key"
    assert stored_values(world, "NEW") == ("first", None)


def test_a_key_in_three_scopes_is_three_secrets(world: World) -> None:
    scopes = (None, world.main, world.dev)
    outcomes = save_secrets(world, *(create_command("A", branch=branch) for branch in scopes))
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 3


def test_a_deleted_branch(world: World) -> None:
    row = set_secret(world, "LEFT", branch=world.dev)
    world.dev.deleted_at = timezone.now()
    world.dev.save()
    [refused, removed] = save_secrets(
        world, create_command("NEW", branch=world.dev), delete_command(row)
    )
    assert (refused.outcome, refused.field) == ("refused", "branch")
    assert removed.outcome == "removed"


def test_a_branch_without_a_path_in_the_profile(world: World) -> None:
    branch = scope(world, "fix #1")
    world.app.path_profile = PathProfile.DOCUMENTED
    world.app.save()
    [refused] = save_secrets(world, create_command("A", branch=branch))
    assert refused.outcome == "refused"
    assert "has no documented path" in refused.message


def test_the_store_is_unreachable(world: World, interrupted: InterruptedStore) -> None:
    interrupted.before("current", raising(Unreachable))
    with pytest.raises(Unreachable):
        save_secrets(world, create_command("A"), create_command("B"))
    assert secret_versions(world) == {}
    assert audit_rows(world) == []
    [saved] = save_secrets(world, create_command("A"))
    assert saved.outcome == "saved"


def test_nothing_to_save(world: World, store_calls: StoreCalls) -> None:
    assert save_secrets(world) == []
    assert store_calls() == 0


def raising(error: type[Exception]) -> Callable[[], None]:
    """Return a callback that raises the error."""

    def fail() -> None:
        raise error

    return fail
