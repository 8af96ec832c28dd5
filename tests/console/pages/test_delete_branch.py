"""Deleting a branch: its secrets are named, and stay unless they are ticked too."""

import re
from collections.abc import Callable

import pytest
from django.test import Client

from console.lib.names import PathProfile
from console.models import AuditEvent, Branch
from secrets_app.models import EmbeddedParameter, Secret
from secrets_app.paths import OneBranch, locate
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync import reconcile_now
from tests.fixtures.people import World


def url(branch: Branch) -> str:
    """Return the page's address."""
    return f"/apps/d1shop/settings/branches/{branch.pk}/delete/"


@pytest.fixture
def secrets(world: World, make_secret: Callable[..., Secret]) -> list[Secret]:
    """Return three secrets of dev; All branches and main have one too."""
    make_secret(None)
    make_secret(world.main)
    return [make_secret(world.dev, key) for key in ("A", "B", "C")]


def paths(branch: Branch, *keys: str) -> set[str]:
    """Return where keys of a branch stand."""
    places = [locate(OneBranch("d1shop", branch.name), key, PathProfile.BOTH) for key in keys]
    return {path for place in places for path in (place.primary, place.mirror) if path}


def ticks(*secrets: Secret) -> dict[str, list[str]]:
    """Return what the form posts when secrets are ticked, as they stand now."""
    return {"remove": [f"{secret.pk}:{secret.version}" for secret in secrets]}


def stored() -> set[str]:
    """Return what stands in the store."""
    return set(EmbeddedParameter.objects.values_list("path", flat=True))


def test_it_works(alice: Client, world: World, secrets: list[Secret]) -> None:
    page = alice.get(url(world.dev))
    assert [secret.key for secret in page.context["secrets"]] == ["A", "B", "C"]
    for words in ("Delete branch", "dev", "Amplify leaves a deleted branch"):
        assert words in page.text
    answer = alice.post(url(world.dev), follow=True)
    assert answer.redirect_chain == [("/apps/d1shop/settings/branches/", 302)]
    assert "Deleted the branch dev. 3 of its secrets stay in the parameter store" in answer.text
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is not None
    assert paths(world.dev, "A", "B", "C") <= stored()
    rows = alice.get("/apps/d1shop/hosting/secrets/").context["listing"].rows
    assert {row.key for row in rows if row.deleted} == {"A", "B", "C"}


def test_what_is_ticked_goes_too(alice: Client, world: World, secrets: list[Secret]) -> None:
    before = stored()
    answer = alice.post(url(world.dev), ticks(secrets[0], secrets[2]), follow=True)
    assert "1 of its secrets stay" in answer.text
    assert before - stored() == paths(world.dev, "A", "C")
    assert list(world.dev.secrets.values_list("key", flat=True)) == ["B"]


def test_all_of_them(alice: Client, world: World, secrets: list[Secret]) -> None:
    answer = alice.post(url(world.dev), ticks(*secrets), follow=True)
    assert "Deleted the branch dev." in answer.text
    assert "stay" not in str(list(answer.context["messages"]))
    assert not paths(world.dev, "A", "B", "C") & stored()
    assert paths(world.main, "API_KEY") <= stored()  # another branch's are none of its business


def test_nothing_is_lost_that_was_not_named(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    others = Secret.objects.exclude(branch=world.dev)
    nonsense = ["nonsense", "", "-1", "1", ":", f"{secrets[0].pk}:-1", f"0{secrets[0].pk}:1"]
    alice.post(url(world.dev), {"remove": ticks(*others)["remove"] + nonsense})
    assert others.count() == 2
    assert world.dev.secrets.count() == 3


def test_each_removal_is_in_the_audit_trail(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    last = AuditEvent.objects.order_by("pk").last()
    assert last is not None
    alice.post(url(world.dev), ticks(secrets[0]))
    new = AuditEvent.objects.filter(pk__gt=last.pk).order_by("pk")
    assert list(new.values_list("action", "branch", "subject")) == [
        ("secret.remove", "dev", "A"),
        ("branch.delete", "dev", ""),
    ]


@pytest.mark.parametrize("typed", [None, "", "Main", "main ", "dev"])
def test_production_asks_for_its_name(alice: Client, world: World, typed: str | None) -> None:
    assert "Type its name" in alice.get(url(world.main)).text
    answer = alice.post(url(world.main), {} if typed is None else {"confirm": typed})
    assert answer.status_code == 422
    assert answer.context["error"] == ("This is the production branch. Type its name to delete it.")
    assert Branch.objects.get(pk=world.main.pk).deleted_at is None


def test_production_with_its_name(alice: Client, world: World) -> None:
    assert alice.post(url(world.main), {"confirm": "main"}).status_code == 302
    branch = Branch.objects.get(pk=world.main.pk)
    assert (branch.deleted_at is not None, branch.production) == (True, False)


def test_production_without_its_name_removes_no_secret(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    [secret] = world.main.secrets.all()
    alice.post(url(world.main), ticks(secret))
    assert paths(world.main, "API_KEY") <= stored()


def test_a_secret_that_cannot_be_removed_keeps_the_branch(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    [path] = paths(world.dev, "B") - {"/amplify/d1shop/dev/B"}
    parameter_store().put(
        path, SecretValue("written elsewhere"), overwrite=True
    )  # so it is a conflict
    answer = alice.post(url(world.dev), ticks(*secrets))
    assert answer.status_code == 422
    assert "the branch was not deleted" in answer.context["error"]
    assert [(o["key"], o["outcome"]) for o in answer.context["outcomes"]] == [
        ("A", "removed"), ("B", "conflict"), ("C", "removed"),
    ]  # fmt: skip
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is None
    assert [secret.key for secret in answer.context["secrets"]] == ["B"]


def test_a_secret_that_changed_since_the_page_was_shown_is_not_removed(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    shown = ticks(*secrets)
    change = {f"value-{secrets[1].pk}": "newer", f"base-{secrets[1].pk}": "1"}
    assert alice.post("/apps/d1shop/hosting/secrets/manage/", change).status_code == 302
    answer = alice.post(url(world.dev), shown)
    assert answer.status_code == 422
    assert "alice@example.org changed this secret" in answer.text
    assert paths(world.dev, "B") <= stored()


@pytest.mark.parametrize("replaced", [False, True])
def test_a_secret_that_somebody_outside_replaced_is_another(
    alice: Client, world: World, secrets: list[Secret], replaced: bool
) -> None:
    shown = re.findall(r'name="remove" value="([^"]*)"', alice.get(url(world.dev)).text)
    reconcile_now(world.app)
    [path] = paths(world.dev, "B") - {"/amplify/d1shop/dev/B"}
    if replaced:
        parameter_store().remove([path])
        parameter_store().put(path, SecretValue("another"), overwrite=False)
        reconcile_now(world.app)
    answer = alice.post(url(world.dev), {"remove": shown})
    assert answer.status_code == (422 if replaced else 302)
    assert ("Someone outside Branchkeep added this secret" in answer.text) == replaced
    assert (path in stored()) == replaced
    if replaced:
        shown = re.findall(r'name="remove" value="([^"]*)"', answer.text)
        assert alice.post(url(world.dev), {"remove": shown}).status_code == 302
        assert path not in stored()


def test_a_branch_without_secrets(alice: Client, world: World) -> None:
    assert "This branch has no secrets of its own." in alice.get(url(world.dev)).text
    answer = alice.post(url(world.dev), follow=True)
    assert "Deleted the branch dev." in answer.text


def test_its_secrets_can_still_be_removed_later(
    alice: Client, world: World, secrets: list[Secret]
) -> None:
    alice.post(url(world.dev))
    post = {f"remove-{secrets[0].pk}": "on", f"base-{secrets[0].pk}": 1}
    assert alice.post("/apps/d1shop/hosting/secrets/manage/", post).status_code == 302
    assert not paths(world.dev, "A") & stored()


def test_nothing_new_is_saved_on_a_deleted_branch(alice: Client, world: World) -> None:
    alice.post(url(world.dev))
    post = {"new-1-key": "NEW", "new-1-value": "v", "new-1-branch": world.dev.pk}
    answer = alice.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert answer.status_code == 422
    assert "This branch no longer exists" in answer.text


def test_looking_deletes_nothing(alice: Client, world: World) -> None:
    for method in (alice.get, alice.head, alice.options):
        method(url(world.dev))
    assert Branch.objects.get(pk=world.dev.pk).deleted_at is None
