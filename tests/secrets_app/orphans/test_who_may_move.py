"""Who may see and move orphans, and what is never moved (guarantee 13)."""

from collections.abc import Callable

import pytest
from django.test import Client

from console.access.actors import OUTSIDE
from console.access.policy import Access
from console.models import Branch
from secrets_app.models import Secret
from secrets_app.orphans import groups
from secrets_app.store import parameter_store
from secrets_app.sync import reconciling, unknown_removal
from tests.factories import reconcile_now, set_secret, stored_values, write_outside
from tests.factories.collisions import COLLISIONS
from tests.fixtures.people import World
from tests.secrets_app.orphans.test_orphans import (
    MOVE,
    ROOT,
    URL,
    delete_branch,
    found,
    leave_some,
)


@pytest.mark.parametrize(
    ("name", "protected", "status"),
    [("bob", False, 302), ("bob", True, 422), ("mia", True, 302), ("vera", False, 403)],
)
def test_it_works(
    world: World, client_for: Callable[[str], Client], name: str, protected: bool, status: int
) -> None:
    """As before the branch was deleted. Its protection stays."""
    set_secret(world, "ONE", branch=world.dev)
    delete_branch(world.dev, protected=protected)
    [group] = found(world)
    response = client_for(name).post(MOVE, {"all": group.tokens})
    assert response.status_code == status
    assert Secret.objects.exists() == (status != 302)
    assert bool(found(world, name) and found(world, name)[0].refusal) == (status != 302)


def test_nothing_moves_if_a_part_is_refused(
    world: World, client_for: Callable[[str], Client]
) -> None:
    """A developer may move what the deleted branch left, but no parameter of an unknown branch."""
    leave_some(world)
    Branch.objects.filter(pk=world.dev.pk).update(protected=False)
    tokens = "\n".join(group.tokens for group in found(world))
    assert client_for("bob").post(MOVE, {"all": tokens}).status_code == 403
    assert sum(len(group.orphans) for group in found(world)) == 4


def test_what_gen1_wrote_stays(world: World, client_for: Callable[[str], Client]) -> None:
    """Its environments may outlive the branch. A form that the page lacks is ignored."""
    path = f"{ROOT}/dev/AMPLIFY_x_KEY"
    write_outside(path)
    delete_branch(world.dev)
    reconcile_now(world)
    [group] = found(world)
    assert group.refusal == unknown_removal.NEVER
    alice = client_for("alice")
    assert 'name="move"' not in alice.get(URL).text
    alice.post(MOVE, {"all": group.tokens})
    assert parameter_store().current([path])


def test_orphans_of_another_app_stay(world: World, client_for: Callable[[str], Client]) -> None:
    branch = Branch.objects.create(app=world.other_app, name="gone")
    paths = ["/amplify/d2other/gone/ONE", "/amplify/d2other/old/TWO"]
    for path in paths:
        write_outside(path)
    reconciling.reconcile_now(world.other_app)
    delete_branch(branch)
    tokens = "\n".join(group.tokens for group in groups.find(Access(OUTSIDE, world.other_app, ())))
    assert len(tokens.split()) == 2
    for fields in ({"all": tokens}, {"move": tokens.split(), "preview": "on"}):
        response = client_for("alice").post(MOVE, fields, follow=True)
        assert not any(key in response.text for key in ("ONE", "TWO"))
    assert {*parameter_store().current(paths)} == {*paths}
    assert client_for("alice").post(MOVE.replace("d1shop", "d2other")).status_code == 404


def test_secrets_that_are_no_orphans_stay(
    world: World, client_for: Callable[[str], Client]
) -> None:
    secret = set_secret(world, "ONE", branch=world.main)
    response = client_for("alice").post(MOVE, {"all": f"secret-{secret.pk}:{secret.base}"})
    assert response.status_code == 302
    assert stored_values(world, "ONE", world.main)[0] == "first"


def test_a_folder_that_an_existing_branch_shares(world: World) -> None:
    """Amplify gives both branches one folder, so nothing is left behind there."""
    names = COLLISIONS[0][1:]
    branches = [Branch.objects.create(app=world.app, name=name) for name in names]
    set_secret(world, "ONE", branch=branches[0])
    delete_branch(branches[0])
    reconcile_now(world)
    assert [group.branch for group in found(world)] == []


def test_operators(world: World, client_for: Callable[[str], Client]) -> None:
    """Operators see folders and numbers of every app, and no name of a key."""
    leave_some(world)
    write_outside("/amplify/d2other/gone/FIVE")
    reconciling.reconcile_now(world.other_app)
    page = client_for("olga").get("/operation/orphans/")
    assert [(it.app.app_id, it.number, it.is_member) for it in page.context["apps"]] == [
        ("d2other", 1, False),
        ("d1shop", 4, False),
    ]
    assert f"{ROOT}/old/" in page.text
    assert not any(key in page.text for key in ("ONE", "THREE", "FIVE"))
