"""Revealing all that a branch gets at once: all of it is recorded first, and all or nothing."""

from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from console.models import AuditEvent, Branch
from secrets_app.models import Secret
from secrets_app.reveal import reveal_all
from secrets_app.store.errors import AccessDenied, NotFound
from tests.secrets_app.writes.desk import Desk
from tests.secrets_app.writes.stores import Interrupted, denied


def revealed(desk: Desk, who: str, branch: Branch | None = None) -> dict[str, str]:
    """Let somebody reveal all; return the values by key."""
    found = reveal_all(actor=desk.world.actor(who), app_id=desk.app.app_id, branch=branch)
    return {key: value.reveal() for key, value in found.items()}


def reveals(desk: Desk) -> list[tuple[object, ...]]:
    """Return the entries of reveals: who, key, how each ended, and at which version."""
    return [(who, key, end, after) for who, _, key, _, end, after in desk.trail("secret.reveal")]


@pytest.mark.usefixtures("either_store")
def test_it_works(desk: Desk, calls: Callable[..., int]) -> None:
    for number in range(11):
        desk.put(f"KEY_{number:02}", f"for all {number}")
    desk.put("KEY_00", "own", desk.world.dev)
    desk.save("alice", desk.change(desk.row("KEY_01"), "changed"))
    desk.put("ELSEWHERE", "of main", desk.world.main)
    asked = calls("read")
    values = revealed(desk, "alice", desk.world.dev)
    assert values == {
        "KEY_00": "own",
        "KEY_01": "changed",
        **{f"KEY_{number:02}": f"for all {number}" for number in range(2, 11)},
    }
    assert calls("read") - asked <= 2
    assert reveals(desk) == [
        ("alice", key, "succeeded", 2 if key == "KEY_01" else 1) for key in sorted(values)
    ]
    assert (
        AuditEvent.objects.filter(action="secret.reveal")
        .values("change_set")
        .order_by("change_set")
        .distinct()
        .count()
        == 1
    )


def test_the_right_is_needed_wherever_something_is_read(desk: Desk) -> None:
    desk.put("OWN", branch=desk.world.dev)
    assert revealed(desk, "bob", desk.world.dev) == {"OWN": "first"}
    desk.put("SHARED")
    with pytest.raises(PermissionDenied):
        revealed(desk, "bob", desk.world.dev)
    assert [entry[2] for entry in reveals(desk)] == ["succeeded", "denied", "denied"]


@pytest.mark.parametrize("who", ["charlie", "ivan", "olga"])
def test_an_outsider(desk: Desk, who: str) -> None:
    desk.put("KEY")
    with pytest.raises(Http404):
        revealed(desk, who)
    assert reveals(desk) == []


def test_a_store_that_refuses(desk: Desk, interrupted: Interrupted) -> None:
    desk.put("A")
    desk.put("B")
    interrupted.before("read", denied)
    with pytest.raises(AccessDenied):
        revealed(desk, "alice")
    assert reveals(desk) == [("alice", "A", "failed", None), ("alice", "B", "failed", None)]


def test_one_that_is_gone_is_named(desk: Desk) -> None:
    desk.put("A")
    desk.put("GONE")
    desk.store.remove([desk.paths("GONE")[0]])
    with pytest.raises(NotFound, match="The secret GONE is no longer"):
        revealed(desk, "alice")
    assert {entry[2] for entry in reveals(desk)} == {"failed"}


def test_where_nothing_but_the_mirror_stands(desk: Desk) -> None:
    desk.put("KEY", branch=desk.world.dev)
    primary, mirror = desk.paths("KEY", desk.world.dev)
    desk.store.remove([primary])
    assert mirror
    assert revealed(desk, "alice", desk.world.dev) == {"KEY": "first"}


def test_what_is_known_to_be_gone_is_left_out(desk: Desk) -> None:
    desk.known("KEY", desk.world.dev)
    desk.put("KEY", "for all")
    desk.store.remove(desk.paths("KEY", desk.world.dev))
    desk.check()
    assert Secret.objects.filter(branch=desk.world.dev).exists()
    assert revealed(desk, "alice", desk.world.dev) == {"KEY": "for all"}


def test_nothing_there(desk: Desk) -> None:
    assert revealed(desk, "alice") == {}
    assert reveals(desk) == []
