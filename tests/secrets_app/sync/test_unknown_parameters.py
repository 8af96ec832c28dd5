"""Parameters of no known branch are shown, counted, adopted or removed (guarantee 13)."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.access.policy import find_app
from console.lib.naming.names import PathProfile
from console.models import Branch, BranchConnection
from secrets_app.models import Revalidation, UnknownParameter
from secrets_app.pages import unknown
from secrets_app.paths import OneBranch, locate
from secrets_app.store import parameter_store
from secrets_app.sync import adopting, reconciling, worker
from secrets_app.sync.unknown_removal import token
from tests.factories import (
    audit_rows,
    messages_of,
    reconcile_now,
    secret_paths,
    secret_versions,
    set_secret,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

ROOT = "/amplify/d1shop"
LIST = "/apps/d1shop/hosting/secrets/"
URL = f"{LIST}unknown/"
FRAGMENT = {"HX-Request": "true"}


def backend(name: str, key: str) -> str:
    """Return the backend path of a branch's key."""
    return locate(OneBranch("d1shop", name), key, PathProfile.BACKEND).primary


def found(world: World) -> dict[str, tuple[str, str, int]]:
    """Return kind, branch and number of parameters by folder."""
    groups = adopting.groups(find_app(world.actor("vera"), "d1shop"))
    return {
        f"{group.folder.removeprefix(ROOT)} {group.fit.kind}": (
            str(group.fit.kind),
            group.fit.branch,
            len(group.parameters),
        )
        for group in groups
    }


def kinds(world: World) -> dict[str, str]:
    """Return the kind and branch of each folder."""
    return {
        name.partition(" ")[0]: f"{kind} {branch}".strip()
        for name, (kind, branch, _) in found(world).items()
    }


def group_url(act: str) -> str:
    """Return the URL of an act on the first unknown parameter's group."""
    row = UnknownParameter.objects.order_by("folder", "key")[0]
    return f"{URL}{row.pk}/{act}/"


@pytest.mark.usefixtures("either_store")
def test_it_works(world: World, client_for: Callable[[str], Client]) -> None:
    reconcile_now(world)
    for path in (backend("staging", "A"), backend("staging", "B"), f"{ROOT}/staging/A"):
        write_outside(path)
    reconcile_now(world)
    alice = client_for("alice")
    assert "3 parameters belong to no known branch." in " ".join(alice.get(LIST).text.split())
    page = " ".join(alice.get(URL).text.split())
    assert page.count('Branch <span class="key">staging</span>') == 1
    response = alice.post(group_url("branch"), {"name": "staging"}, follow=True)
    assert messages_of(response) == ["Added the branch staging. It is protected."]
    assert "belong to no known branch" not in response.text
    staging = Branch.objects.get(name="staging")
    assert staging.protected
    assert secret_versions(world) == {("staging", "A"): 1, ("staging", "B"): 1}
    assert UnknownParameter.objects.count() == 0
    # They were no change from outside: Branchkeep knew them before it knew their branch.
    [row] = audit_rows(world, "found.")
    assert (row.action, row.key) == ("found.all", "2 secrets")


def test_what_each_folder_is(world: World) -> None:
    Branch.objects.create(app=world.app, name="gone", deleted_at=timezone.now())
    connection_ = {"seen_at": timezone.now(), "source_branch": "fix/_login"}
    BranchConnection.objects.create(branch=world.dev, **connection_)
    paths = {
        backend("release", "A"): "branch release",
        backend("feature/login", "A"): "branch feature/login",  # one separator was dropped
        backend("fix/_login", "A"): "branch fix/_login",  # Amplify names it
        backend("a/b/c", "A"): "branch a/b/c",  # seen as a raw folder name
        f"{ROOT}/a/b/c/A": "branch a/b/c",
        backend("日本語/ブランチ", "A"): "branch",
        f"{ROOT}/main/deeper/A": "deeper",
        f"{backend('main', 'x')}/A": "deeper",
        f"{backend('unknown', 'x')}/A": "deeper",
        "/amplify/shared/d1shop/deeper/A": "deeper",
        f"{ROOT}/jane-sandbox-0123456789/A": "sandbox",
        f"{ROOT}/main-standalone-0123456789/A": "sandbox",
        f"{ROOT}/old/AMPLIFY_resize_KEY": "gen1",
        f"{ROOT}/A": "foreign",
    }
    for path in (*paths, backend("gone", "A"), f"{ROOT}/dev/A", f"{ROOT}/gone/A"):
        write_outside(path)
    reconcile_now(world)
    expected = {path.rpartition("/")[0].removeprefix(ROOT): kind for path, kind in paths.items()}
    assert kinds(world) == expected
    assert {branch for branch, _ in secret_versions(world)} == {"gone", "dev"}


def test_a_folder_with_keys_of_gen_1(world: World) -> None:
    for key in ("AMPLIFY_resize_KEY", "AMPLIFY_storage_s3_bucketName", "MINE", "amplify_mine"):
        write_outside(f"{ROOT}/stage/{key}")
    reconcile_now(world)
    assert found(world) == {
        "/stage branch": ("branch", "stage", 2),
        "/stage gen1": ("gen1", "", 2),
    }
    numbers = adopting.numbers(find_app(world.actor("vera"), "d1shop"))
    assert (numbers.unknown, numbers.removable, numbers.other_path) == (4, 2, 0)


@pytest.mark.usefixtures("either_store")
def test_keys_of_gen_1_in_the_folder_of_a_branch(
    world: World, client_for: Callable[[str], Client]
) -> None:
    """A Gen 1 environment often has the name of a branch. Its keys are not the branch's mirrors."""
    reconcile_now(world)
    mine = set_secret(world, "AMPLIFY_MINE", branch=world.dev)
    for key in ("AMPLIFY_resize_KEY", "AMPLIFY_mail_KEY", "ONLY_MIRROR"):
        write_outside(f"{ROOT}/dev/{key}")
    for _ in range(2):
        reconcile_now(world)
        assert found(world) == {"/dev gen1": ("gen1", "", 2)}
        assert secret_versions(world) == {("dev", "AMPLIFY_MINE"): 1, ("dev", "ONLY_MIRROR"): 0}
    numbers = adopting.numbers(find_app(world.actor("vera"), "d1shop"))
    assert (numbers.unknown, numbers.removable, numbers.other_path) == (2, 0, 0)
    assert [row.key for row in audit_rows(world, "found.")] == ["ONLY_MIRROR"]
    alice = client_for("alice")
    assert "to the recycle bin" not in alice.get(URL).text
    rows = UnknownParameter.objects.all()
    alice.post(f"{URL}move/", {"move": [f"parameter-{token(row)}" for row in rows]})
    assert len(parameter_store().current(row.path for row in rows)) == 2
    parameter_store().remove([secret_paths(world, mine.key, world.dev)[0]])
    reconcile_now(world)
    assert secret_versions(world)["dev", "AMPLIFY_MINE"] == 0, "its mirror is known to be ours"
    world.app.path_profile = PathProfile.BACKEND
    world.app.save()
    reconcile_now(world)
    assert found(world)["/dev gen1"][2] == 3
    assert found(world)["/dev other_path"] == ("other_path", "dev", 1)


def test_keys_of_gen_1_after_a_change_of_the_path_profile(world: World) -> None:
    """In the profile `documented`, they can't be told from secrets."""
    world.app.path_profile = PathProfile.DOCUMENTED
    world.app.save()
    reconcile_now(world)
    set_secret(world, "AMPLIFY_MINE", branch=world.dev)
    for key in ("AMPLIFY_resize_KEY", "OTHER"):
        write_outside(f"{ROOT}/dev/{key}")
    reconcile_now(world)
    assert len(secret_versions(world)) == 3
    world.app.path_profile = PathProfile.BOTH
    world.app.save()
    for _ in range(2):
        reconcile_now(world)
        assert found(world) == {"/dev gen1": ("gen1", "", 1)}
        assert {key for _, key in secret_versions(world)} == {"AMPLIFY_MINE", "OTHER"}
    assert not audit_rows(world, "found.remove")


@pytest.mark.parametrize(
    ("profile", "unused"),
    [(PathProfile.BACKEND, "/main"), (PathProfile.DOCUMENTED, "/main-branch-fec7e6a4a8")],
)
def test_the_path_that_the_profile_does_not_use(world: World, profile: str, unused: str) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    world.app.path_profile = profile
    world.app.save()
    reconcile_now(world)
    folder = backend("main", "x").removeprefix(ROOT).rpartition("/")[0]
    expected = unused if profile == PathProfile.BACKEND else folder
    assert found(world) == {f"{expected} other_path": ("other_path", "main", 1)}
    numbers = adopting.numbers(find_app(world.actor("vera"), "d1shop"))
    assert (numbers.unknown, numbers.other_path) == (0, 1)


@pytest.mark.usefixtures("either_store")
def test_later_changes(world: World) -> None:
    for key in ("A", "B", "C"):
        write_outside(f"{ROOT}/old/{key}")
    reconcile_now(world)
    write_outside(f"{ROOT}/old/A")
    parameter_store().remove([f"{ROOT}/old/B"])
    write_outside(f"{ROOT}/old/D")
    reconcile_now(world)
    rows = UnknownParameter.objects.order_by("key").values_list("key", "version")
    assert [*rows] == [("A", 2), ("C", 1), ("D", 1)]
    assert audit_rows(world) == []


def test_ssm_says_more(world: World, console_on_ssm: None, plain_ssm: "SSMClient") -> None:
    plain_ssm.put_parameter(Name=f"{ROOT}/old/A", Value="plain", Type="String")
    reconcile_now(world)
    row = UnknownParameter.objects.get()
    assert not row.encrypted
    assert row.modified_by == ""  # moto names nobody


@pytest.mark.usefixtures("either_store")
def test_calls_and_queries(world: World, either_store: str, store_calls: StoreCalls) -> None:
    set_secret(world, "API_KEY", branch=world.main)
    for number in range(9):
        write_outside(f"{ROOT}/old/KEY_{number}")
    reconcile_now(world)
    counts = []
    for _ in range(2):
        Revalidation.objects.update(started_at=timezone.now() - timedelta(hours=1))
        store_calls.clear()
        with CaptureQueriesContext(connection) as queries:
            reconciling.reconcile_now(world.app)
        # As many as without them: moto lists ten per page
        assert store_calls.operations == ["list"] * (2 if either_store == "moto" else 1)
        counts.append(len(queries))
        write_outside(f"{ROOT}/old/KEY_0")
    assert counts == ([9, 10] if either_store == "embedded" else [10, 11])


def test_the_page_takes_one_query_for_the_numbers(world: World) -> None:
    for number in range(30):
        write_outside(f"{ROOT}/old{number % 3}/KEY_{number}")
    reconcile_now(world)
    access = find_app(world.actor("vera"), "d1shop")
    assert access.branches
    with CaptureQueriesContext(connection) as queries:
        assert adopting.numbers(access).unknown == 30
    assert len(queries) == 1


def test_a_large_app_is_adopted_in_the_background(
    world: World, client_for: Callable[[str], Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "REQUEST_CALLS", 1)
    for number in range(12):
        write_outside(f"{ROOT}/old/KEY_{number}")
    reconcile_now(world)
    client_for("alice").post(group_url("branch"), {"name": "old"})
    assert secret_versions(world) == {}
    worker.run_once()
    assert len(secret_versions(world)) == 12
    assert [row.action for row in audit_rows(world, "found.")] == ["found.all"]


def test_a_name_to_type(world: World, client_for: Callable[[str], Client]) -> None:
    write_outside(backend("日本語", "A"))
    reconcile_now(world)
    alice = client_for("alice")
    wrong = alice.post(group_url("branch"), {"name": "日本"})
    assert wrong.status_code == 422
    assert adopting.WRONG_NAME in wrong.text
    assert 'value="日本"' in wrong.text
    assert alice.post(group_url("branch"), {"name": "日本語"}).status_code == 302
    assert secret_versions(world) == {("日本語", "A"): 1}


def test_from_a_page_that_is_outdated(world: World, client_for: Callable[[str], Client]) -> None:
    write_outside(f"{ROOT}/old/A")
    reconcile_now(world)
    alice, add = client_for("alice"), group_url("branch")
    alice.post(add, {"name": "old"})
    alice.get(LIST)
    for response in (
        alice.post(add, {"name": "old"}, follow=True),
        alice.post(f"{URL}move/", {"move": "parameter-99:1"}, follow=True),
    ):
        assert response.redirect_chain == [(URL, 302)]
        assert messages_of(response) == [unknown.GONE]


@pytest.mark.parametrize("path", [f"{ROOT}/x-sandbox-0123456789/A", f"{ROOT}/A"])
def test_what_is_no_branch(world: World, client_for: Callable[[str], Client], path: str) -> None:
    write_outside(path)
    reconcile_now(world)
    alice = client_for("alice")
    assert "Add branch" not in alice.get(URL).text
    assert "to the recycle bin" not in alice.get(URL).text
    name = path.split("/")[3]
    assert alice.post(group_url("branch"), {"name": name}).status_code == 422
    assert not Branch.objects.filter(name=name).exists()


@pytest.mark.parametrize("name", ["mia", "bob", "vera"])
def test_only_owners_adopt(world: World, client_for: Any, name: str) -> None:
    write_outside(f"{ROOT}/old/A")
    reconcile_now(world)
    client = client_for(name)
    assert "Only an owner of the app can add the branch" in client.get(URL).text
    assert client.post(group_url("branch"), {"name": "old"}).status_code == 403
    move = {"move": f"parameter-{token(UnknownParameter.objects.get())}"}
    assert client.post(f"{URL}move/", move).status_code == 403
    assert [row.outcome for row in audit_rows(world, "branch.", "parameter.")] == ["denied"] * 2


def test_another_apps_parameters(world: World, client_for: Callable[[str], Client]) -> None:
    write_outside(f"{ROOT}/old/A")
    reconcile_now(world)
    pk = UnknownParameter.objects.get().pk
    oscar = client_for("oscar")
    for act in (f"{pk}/branch", "move"):
        url = f"/apps/d2other/hosting/secrets/unknown/{act}/"
        fields = {"name": "old", "move": f"parameter-{pk}:1"}
        assert oscar.post(url, fields).status_code in {404, 302}
    assert parameter_store().current([f"{ROOT}/old/A"])


def test_no_values_in_the_table(world: World) -> None:
    write_outside(f"{ROOT}/old/A", "canary-4711")
    reconcile_now(world)
    assert "canary" not in str([*UnknownParameter.objects.values()])
