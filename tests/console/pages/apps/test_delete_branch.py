"""Deleting a branch lists its secrets and variables, and keeps those that are not selected."""

import re
from typing import Any

import pytest
from django.test import Client

from console.lib.naming.names import PathProfile
from console.models import AuditEvent, Branch
from secrets_app.models import BinEntry, EmbeddedParameter, Secret
from secrets_app.paths import PATH_LIMIT, OneBranch, locate
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync.reconciling import reconcile_now
from tests.factories import (
    create_command,
    save_secrets,
    secret_paths,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, deny_access, lose_response


def url(branch: Branch) -> str:
    """Return the URL of the page."""
    return f"/apps/d1shop/settings/branches/{branch.pk}/delete/"


@pytest.fixture
def secrets(world: World) -> list[Secret]:
    """Return three secrets of dev; All branches and main have one too."""
    set_secret(world, "API_KEY", "canary")
    set_secret(world, "API_KEY", "canary", world.main)
    return [set_secret(world, key, "canary", world.dev) for key in ("A", "B", "C")]


def paths(branch: Branch, *keys: str) -> set[str]:
    """Return the parameter paths of a branch's keys."""
    places = [locate(OneBranch("d1shop", branch.name), key, PathProfile.BOTH) for key in keys]
    return {path for place in places for path in (place.primary, place.mirror) if path}


def selection(*secrets: Secret) -> dict[str, list[str]]:
    """Return the form data that selects these secrets at their versions."""
    return {"remove": [f"{secret.pk}:{secret.version}" for secret in secrets]}


def stored() -> set[str]:
    """Return the paths of all parameters."""
    return set(EmbeddedParameter.objects.values_list("path", flat=True))


def test_it_works(alice: Client, world: World, secrets: list[Secret]) -> None:
    page = alice.get(url(world.dev))
    assert [secret.key for secret in page.context["secrets"]] == ["A", "B", "C"]
    for words in ("Delete branch", "dev", "They stay in the recycle bin for 30 days"):
        assert words in page.text
    response = alice.post(url(world.dev), follow=True)
    assert response.redirect_chain == [("/apps/d1shop/settings/branches/", 302)]
    assert "Deleted the branch dev. 3 of its secrets stay in the parameter store" in response.text
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is not None
    assert paths(world.dev, "A", "B", "C") <= stored()
    rows = alice.get("/apps/d1shop/hosting/secrets/").context["listing"].rows
    assert {row.key for row in rows if row.deleted} == {"A", "B", "C"}


def test_selected_secrets_are_removed(alice: Client, world: World, secrets: list[Secret]) -> None:
    before = stored()
    response = alice.post(url(world.dev), selection(secrets[0], secrets[2]), follow=True)
    assert "1 of its secrets stay" in response.text
    assert before - stored() == paths(world.dev, "A", "C")
    assert list(world.dev.secrets.values_list("key", flat=True)) == ["B"]


def test_select_all(alice: Client, world: World, secrets: list[Secret]) -> None:
    response = alice.post(url(world.dev), selection(*secrets), follow=True)
    assert "Deleted the branch dev." in response.text
    assert "stay" not in str(list(response.context["messages"]))
    assert not paths(world.dev, "A", "B", "C") & stored()
    assert paths(world.main, "API_KEY") <= stored()  # secrets of another branch are ignored


def test_only_selected_secrets_are_removed(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    others = Secret.objects.exclude(branch=world.dev)
    nonsense = ["nonsense", "", "-1", "1", ":", f"{secrets[0].pk}:-1", f"0{secrets[0].pk}:1"]
    alice.post(url(world.dev), {"remove": selection(*others)["remove"] + nonsense})
    assert others.count() == 2
    assert world.dev.secrets.count() == 3


def test_each_removal_is_recorded(alice: Client, world: World, secrets: list[Secret]) -> None:
    last = AuditEvent.objects.order_by("pk").last()
    assert last is not None
    alice.post(url(world.dev), selection(secrets[0]))
    new = AuditEvent.objects.filter(pk__gt=last.pk).order_by("pk")
    assert list(new.values_list("action", "branch", "subject")) == [
        ("secret.remove", "dev", "A"),
        ("bin.fill", "dev", "A"),
        ("branch.delete", "dev", ""),
    ]


@pytest.mark.parametrize("typed", [None, "", "Main", "main ", "dev"])
def test_production_needs_its_name(alice: Client, world: World, typed: str | None) -> None:
    assert "Type its name" in alice.get(url(world.main)).text
    response = alice.post(url(world.main), {} if typed is None else {"confirm": typed})
    assert response.status_code == 422
    assert response.context["error"] == (
        "This is the production branch. Type its name to delete it."
    )
    assert Branch.objects.get(pk=world.main.pk).deleted_at is None


def test_production_with_its_name(alice: Client, world: World) -> None:
    assert alice.post(url(world.main), {"confirm": "main"}).status_code == 302
    branch = Branch.objects.get(pk=world.main.pk)
    assert (branch.deleted_at is not None, branch.production) == (True, False)


def test_production_without_its_name_removes_no_secret(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    [secret] = world.main.secrets.all()
    alice.post(url(world.main), selection(secret))
    assert paths(world.main, "API_KEY") <= stored()


def test_failed_removal_keeps_the_branch(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    [path] = paths(world.dev, "B") - {"/amplify/d1shop/dev/B"}
    parameter_store().put(path, SecretValue("written elsewhere"), overwrite=True)  # a conflict
    response = alice.post(url(world.dev), selection(*secrets))
    assert response.status_code == 422
    assert "the branch was not deleted" in response.context["error"]
    assert [(o["key"], o["outcome"]) for o in response.context["outcomes"]] == [
        ("A", "removed"), ("B", "conflict"), ("C", "removed"),
    ]  # fmt: skip
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is None
    assert [secret.key for secret in response.context["secrets"]] == ["B"]


def test_changed_secret_is_not_removed(alice: Client, world: World, secrets: list[Secret]) -> None:
    shown = selection(*secrets)
    change = {f"value-{secrets[1].pk}": "newer", f"base-{secrets[1].pk}": "1"}
    assert alice.post("/apps/d1shop/hosting/secrets/manage/", change).status_code == 302
    response = alice.post(url(world.dev), shown)
    assert response.status_code == 422
    assert "alice@example.org changed this secret" in response.text
    assert paths(world.dev, "B") <= stored()


@pytest.mark.parametrize("replaced", [False, True])
def test_secret_replaced_outside_is_not_removed(
    alice: Client, world: World, secrets: list[Secret], replaced: bool
) -> None:
    shown = re.findall(r'name="remove" value="([^"]*)"', alice.get(url(world.dev)).text)
    reconcile_now(world.app)
    [path] = paths(world.dev, "B") - {"/amplify/d1shop/dev/B"}
    if replaced:
        parameter_store().remove([path])
        parameter_store().put(path, SecretValue("another"), overwrite=False)
        reconcile_now(world.app)
    response = alice.post(url(world.dev), {"remove": shown})
    assert response.status_code == (422 if replaced else 302)
    assert ("Someone outside Branchkeep added this secret" in response.text) == replaced
    assert (path in stored()) == replaced
    if replaced:
        shown = re.findall(r'name="remove" value="([^"]*)"', response.text)
        assert alice.post(url(world.dev), {"remove": shown}).status_code == 302
        assert path not in stored()


def test_no_secrets(alice: Client, world: World) -> None:
    assert "This branch has no secrets of its own." in alice.get(url(world.dev)).text
    response = alice.post(url(world.dev), follow=True)
    assert "Deleted the branch dev." in response.text


def test_remove_its_secrets_later(alice: Client, world: World, secrets: list[Secret]) -> None:
    alice.post(url(world.dev))
    post = {f"remove-{secrets[0].pk}": "on", f"base-{secrets[0].pk}": 1}
    assert alice.post("/apps/d1shop/hosting/secrets/manage/", post).status_code == 302
    assert not paths(world.dev, "A") & stored()


def test_no_new_secrets_on_a_deleted_branch(alice: Client, world: World) -> None:
    alice.post(url(world.dev))
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    response = alice.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert response.status_code == 422
    assert "This branch no longer exists" in response.text


def test_viewing_deletes_nothing(alice: Client, world: World) -> None:
    for method in (alice.get, alice.head, alice.options):
        method(url(world.dev))
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is None


def tokens(page: Any) -> list[str]:
    """Return what a page offers to remove, or goes on to remove."""
    return re.findall(r'name="remove" value="([^"]*)"', page.text)


def test_the_production_branch_stays_confirmed(alice: Client, world: World) -> None:
    save_secrets(world, *(create_command(f"K_{at:02}", branch=world.main) for at in range(12)))
    data = {"remove": tokens(alice.get(url(world.main))), "confirm": "main"}
    page = alice.post(url(world.main), data, headers={"HX-Request": "true"})
    assert "Removed 10 of 12 values" in page.text
    assert '<input type="hidden" name="confirm" value="main">' in page.text


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_store_that_denies_access(
    alice: Client,
    world: World,
    secrets: list[Secret],
    interrupted: InterruptedStore,
    headers: dict[str, str],
) -> None:
    set_variable(world, "API_URL", branch=world.dev)
    chosen = {"remove": tokens(alice.get(url(world.dev)))}
    interrupted.before("current", deny_access)
    response = alice.post(url(world.dev), chosen, headers=headers)
    assert response.status_code == 503
    assert world.dev.secrets.count() == 3
    assert world.dev.variables.filter(removed_at=None).count() == 1
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is None


def test_everything_is_selected_and_goes_to_the_recycle_bin(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    set_variable(world, "API_URL", "https://example.org", world.dev)
    page = alice.get(url(world.dev)).text
    tokens = re.findall(r'name="remove" value="([^"]+)"\s+checked', page)
    assert len(tokens) == 4
    alice.post(url(world.dev), {"remove": tokens})
    rows = alice.get("/apps/d1shop/hosting/secrets/bin/").context["rows"]
    assert sorted(row.value.key for row in rows) == ["A", "API_URL", "B", "C"]
    assert {row.deleted_branch for row in rows} == {world.dev}


def test_no_copy_can_be_made(
    alice: Client, world: World, secrets: list[Secret], interrupted: InterruptedStore
) -> None:
    interrupted.before("put", deny_access)
    answer = alice.post(url(world.dev), selection(secrets[0]))
    assert answer.status_code == 422
    assert "Remove it without a copy?" in answer.text
    assert 'name="without_copy"' in answer.text
    assert paths(world.dev, "A") <= stored()
    interrupted.before("put", deny_access)
    alice.post(url(world.dev), {**selection(secrets[0]), "without_copy": "on"})
    assert not paths(world.dev, "A") & stored()
    assert not BinEntry.objects.filter(state="kept").exists()


def test_only_what_cannot_be_copied_is_deleted_for_good(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    key = "K" * (PATH_LIMIT - len(secret_paths(world, "K", world.dev)[0]) + 1)
    set_secret(world, key, branch=world.dev)
    long = Secret.objects.get(key=key)
    answer = alice.post(url(world.dev), selection(secrets[0], long))
    assert 'name="without_copy"' in answer.text
    secrets[1].refresh_from_db()
    alice.post(url(world.dev), {**selection(secrets[1], long), "without_copy": "on"})
    assert not Secret.objects.filter(key=key, version__gt=0).exists()
    kept = BinEntry.objects.filter(state="kept").values_list("key", flat=True)
    assert sorted(kept) == ["A", "B"]


def test_a_lost_response_keeps_the_branch(
    alice: Client, world: World, secrets: list[Secret], interrupted: InterruptedStore
) -> None:
    interrupted.after("remove", lose_response)
    response = alice.post(url(world.dev), selection(*secrets))
    assert response.status_code == 422
    assert [(it["key"], it["outcome"]) for it in response.context["outcomes"]] == [
        ("A", "unknown"), ("B", "not_tried"), ("C", "not_tried"),
    ]  # fmt: skip
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is None
