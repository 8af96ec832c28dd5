"""A standalone backend's secrets have paths of their own, and no app shows another's parameters.

Amplify drops hyphens from the folder of an identifier, so it may hold parameters of other
identifiers, of sandboxes, and of an Amplify app (guarantees 13 and 32).
"""

import pytest

from console.access.policy import find_app
from console.environment.sources import source_of
from console.lib.naming.names import PathProfile
from console.models import App, Branch
from secrets_app.models import BinEntry, Secret, UnknownParameter
from secrets_app.paths import Standalone, locate
from secrets_app.store import parameter_store
from secrets_app.sync import adopting, reconciling
from tests.factories import create_standalone, delete_secret, set_secret, write_outside
from tests.fixtures.people import World

OWN = "/amplify/myapp/backend-standalone-abeed4c9fc"
SHARED = "/amplify/shared/my-app"


def path_of(identifier: str, name: str, key: str) -> str:
    """Return the path of a backend's key."""
    return locate(Standalone(identifier, name), key, PathProfile.STANDALONE).primary


def listed(app: App) -> tuple[set[tuple[str, str]], set[str]]:
    """Reconcile. Return the app's secrets, by scope and key, and its unknown parameters."""
    reconciling.reconcile_now(app)
    rows = Secret.objects.filter(app=app).exclude(version=0).select_related("branch")
    unknown = UnknownParameter.objects.filter(app=app)
    secrets = {(row.branch.name if row.branch else "", row.key) for row in rows}
    return secrets, {row.path for row in unknown}


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World) -> None:
    world.app = create_standalone(world, "my-app")
    backend = world.app.branches.get()
    set_secret(world, "OWN", branch=backend)
    set_secret(world, "SHARED")
    assert {*parameter_store().current([f"{OWN}/OWN", f"{SHARED}/SHARED"])} == {
        f"{OWN}/OWN",
        f"{SHARED}/SHARED",
    }
    assert Secret.objects.filter(mirror_version__gt=0).count() == 0
    write_outside(f"{OWN}/OUTSIDE")
    assert listed(world.app)[0] == {("backend", "OWN"), ("", "SHARED"), ("backend", "OUTSIDE")}
    delete_secret(world, "OWN", backend)
    [entry] = BinEntry.objects.filter(app=world.app)
    path = f"/amplify/branchkeep-bin/my-app/{entry.copy_id}/OWN"
    assert [*parameter_store().current([path])] == [path]


def test_an_unknown_backend_is_adopted(world: World) -> None:
    app = create_standalone(world, "pipeline")
    folder = "/amplify/pipeline/prod-standalone-3b5c978cc4"
    write_outside(f"{folder}/A")
    write_outside("/amplify/shared/pipeline/deeper/B")
    assert listed(app) == (set(), {f"{folder}/A", "/amplify/shared/pipeline/deeper/B"})
    alice = world.actor("alice")
    groups = adopting.groups(find_app(alice, "pipeline"))
    assert [(it.fit.kind, it.fit.branch) for it in groups] == [("branch", "prod"), ("deeper", "")]
    pk = groups[0].parameters[0].pk
    adopting.add_branch(actor=alice, app_id="pipeline", pk=pk, name="prod")
    assert listed(app) == ({("prod", "A")}, {"/amplify/shared/pipeline/deeper/B"})


def test_parameters_of_others(world: World) -> None:
    """Seen by members of `my-app`: nothing of `myapp`, of sandboxes, or of an app of this ID."""
    mine, theirs = create_standalone(world, "my-app"), create_standalone(world, "myapp", "oscar")
    Branch.objects.create(app=theirs, name="hosting")
    for path in (
        path_of("myapp", "backend", "THEIRS"),
        path_of("myapp", "hosting", "THEIRS"),
        f"{OWN}/MINE",
        f"{OWN}/deeper/A",  # a documented path, if an Amplify app had this ID
        "/amplify/myapp/prod-standalone-0123456789/A",
        "/amplify/myapp/jane-sandbox-0123456789/A",
        "/amplify/myapp/main-branch-0123456789/A",
        "/amplify/myapp/main/A",
        "/amplify/myapp/A",
        "/amplify/shared/myapp/THEIRS",
        "/amplify/shared/my-app/OURS",
        "/amplify/shared/d1shop/A",
    ):
        write_outside(path)
    assert listed(mine) == ({("backend", "MINE"), ("", "OURS")}, set())
    found = {(scope, "THEIRS") for scope in ("", "backend", "hosting")}
    assert listed(theirs) == (found, set())


def test_an_amplify_app_of_its_cleaned_name(world: World) -> None:
    path = path_of("d1-shop", "backend", "A")
    assert path.startswith("/amplify/d1shop/backend-standalone-")
    write_outside(path)
    # While no app in Branchkeep has the identifier, the Amplify app lists the parameter.
    assert listed(world.app) == (set(), {path})
    theirs = create_standalone(world, "d1-shop", "oscar")
    write_outside("/amplify/d1shop/gone/OURS")
    assert listed(world.app) == (set(), {"/amplify/d1shop/gone/OURS"})
    assert listed(theirs) == ({("backend", "A")}, set())


def test_why(world: World) -> None:
    world.app = create_standalone(world, "my-app")
    backend = world.app.branches.get()
    set_secret(world, "KEY")
    set_secret(world, "KEY", branch=backend)
    access = find_app(world.actor("alice"), "my-app")
    for branch, paths in ((backend, [f"{OWN}/KEY", f"{SHARED}/KEY"]), (None, [f"{SHARED}/KEY"])):
        found = source_of("secret").explain(access, "KEY", branch)
        assert found is not None
        reader, sandbox = found.readers
        assert [place.path for place in reader.places] == paths
        assert "sandbox" in sandbox.title
        assert ("deployment of backend" in reader.title) == (branch is backend)
