"""Values are copied to a preview as marked copies, refreshed, and removed with the branch.

The background removes them if Amplify deleted the branch (guarantee 41).
"""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.catalog import services
from console.catalog.previews import add_rule, remove_rule
from console.models import AuditEvent, Branch, PreviewCopy, PreviewRule
from console.workflows.bin_worker import clean_up
from console.workflows.previews.copies import copies_of
from secrets_app.locations import location_of
from secrets_app.models import BinEntry, Secret
from secrets_app.store import parameter_store
from tests.factories import (
    access_of,
    change_variable,
    create_branch,
    delete_secret,
    expire_leases,
    reconcile_now,
    set_role,
    set_secret,
    set_variable,
    stored_values,
    variable_row,
    variable_values,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, lose_response

APP = "/apps/d1shop"
SECRETS = f"{APP}/hosting/secrets/"
AS = ("--app", "d1shop", "--as", "bob@example.org", "--branch", "pr-12")
ALL = ("secret API_KEY", "secret TOKEN", "variable API_URL")
Manage = Callable[..., CommandResult]
ClientFor = Callable[[str], Client]


@pytest.fixture
def pr(world: World) -> Branch:
    """Return pr-12, a preview of dev, which has two secrets and a variable."""
    branch = create_branch(world, "pr-12")
    add_rule(actor=world.actor("alice"), app_id="d1shop", pattern="pr-*", source_id=world.dev.pk)
    set_secret(world, "API_KEY", "of dev", world.dev)
    set_secret(world, "TOKEN", "of dev", world.dev)
    set_variable(world, "API_URL", "https://dev.example.org", world.dev)
    world.person("bob")
    return branch


def form(world: World, *values: str) -> dict[str, Any]:
    """Return the fields of the page's form, with everything selected or these values alone."""
    return {"source": world.dev.pk, "value": values or ALL}


def page_of(branch: Branch) -> str:
    return f"{APP}/compare/{branch.pk}/"


def secret_of(world: World, pr: Branch, key: str = "API_KEY") -> str | None:
    return stored_values(world, key, pr)[0]


def original(world: World, key: str) -> Secret:
    return Secret.objects.select_related("app", "branch").get(branch=world.dev, key=key)


def states(world: World) -> dict[str, str]:
    """Return what each marked copy is, by its key."""
    return {it.value.key: it.words for it in copies_of(access_of(world, "alice")).values()}


def test_it_works(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob = client_for("bob")
    text = bob.get(page_of(pr)).content.decode()
    assert text.count("Not copied") == 3
    assert "of dev" not in text.replace("preview of dev", "").replace("Values of dev", "")
    answer: Any = bob.post(page_of(pr), form(world), follow=True)
    assert "Copied 3 values." in answer.content.decode()
    assert answer.content.decode().count("Copy of dev") == 3
    assert (secret_of(world, pr), secret_of(world, pr, "TOKEN")) == ("of dev", "of dev")
    assert variable_values(world)["pr-12", "API_URL"] == "https://dev.example.org"
    assert set(states(world).values()) == {"Copy of dev"}
    reveal = AuditEvent.objects.get(action="secret.reveal", subject="API_KEY")
    save = AuditEvent.objects.get(action="secret.create", subject="API_KEY", branch="pr-12")
    assert (reveal.branch, save.origin) == ("dev", reveal.pk)
    assert bob.get(f"{SECRETS}?branch={pr.pk}").content.decode().count("Copy of dev") == 2
    compared = bob.get(f"{APP}/compare/").content.decode()
    assert len(re.findall(r">\s*Copy</a>", compared)) == 3
    secret = world.app.secrets.get(key="API_KEY", branch=pr)
    assert "Copy of dev." in bob.get(f"{SECRETS}{secret.pk}/why/").content.decode()
    bob.post(f"{APP}/changes/{save.change_set}/", follow=True)  # undo
    assert (states(world), secret_of(world, pr)) == ({}, None)
    assert bob.get(page_of(pr)).content.decode().count("Not copied") == 3


def test_out_of_date(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob = client_for("bob")
    bob.post(page_of(pr), form(world))
    set_secret(world, "API_KEY", "rotated", world.dev)
    change_variable(world, variable_row(world, "API_URL", world.dev), "https://new.example.org")
    delete_secret(world, "TOKEN", world.dev)
    assert states(world) == {
        "API_KEY": "Copy of dev, out of date",
        "API_URL": "Copy of dev, out of date",
        "TOKEN": "Copy of dev, which has no value now",
    }
    listed = bob.get(f"{SECRETS}?branch={pr.pk}").content.decode()
    assert f'href="{page_of(pr)}"' in listed
    assert bob.get(f"{APP}/compare/").content.decode().count("Old copy</a>") == 3
    secret = world.app.secrets.get(key="API_KEY", branch=pr)
    assert "Refresh it" in bob.get(f"{SECRETS}{secret.pk}/why/").content.decode()
    assert "Copied 2 values." in bob.post(page_of(pr), form(world), follow=True).content.decode()
    assert (secret_of(world, pr), secret_of(world, pr, "TOKEN")) == ("rotated", "of dev")
    assert variable_values(world)["pr-12", "API_URL"] == "https://new.example.org"
    assert states(world)["API_KEY"] == "Copy of dev"
    assert PreviewCopy.objects.count() == 3


def test_the_same_value_again(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob = client_for("bob")
    bob.post(page_of(pr), form(world))
    for value in ("https://other.example.org", "https://dev.example.org"):
        change_variable(world, variable_row(world, "API_URL", world.dev), value)
    assert states(world)["API_URL"] == "Copy of dev, out of date"
    text = bob.post(page_of(pr), form(world), follow=True).content.decode()
    assert "Copied 1 value." in text
    assert states(world)["API_URL"] == "Copy of dev"


def test_what_is_no_copy_anymore(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob = client_for("bob")
    bob.post(page_of(pr), form(world))
    set_secret(world, "API_KEY", "own", pr)
    delete_secret(world, "TOKEN", pr)
    set_secret(world, "TOKEN", "own", pr)  # the same version again
    change_variable(world, variable_row(world, "API_URL", pr), "own")
    assert states(world) == {}
    text = bob.get(page_of(pr)).content.decode()
    assert "Nothing to copy" in text


def test_a_form_that_is_posted_again(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob = client_for("bob")
    for _ in range(2):
        answer = bob.post(page_of(pr), form(world))
        assert (answer.status_code, answer["location"]) == (302, page_of(pr))
    assert AuditEvent.objects.filter(action="secret.create", branch="pr-12").count() == 2
    assert bob.post(page_of(pr), {"source": world.dev.pk}).status_code == 422
    assert bob.post(page_of(pr), form(world, "secret NOTHING")).status_code == 422
    assert bob.post(page_of(world.dev), form(world)).status_code == 422


def test_a_rule_that_changed_since(client_for: ClientFor, world: World, pr: Branch) -> None:
    bob, other = client_for("bob"), create_branch(world, "staging")
    set_secret(world, "API_KEY", "of staging", other)
    assert f'name="source" value="{world.dev.pk}"' in bob.get(page_of(pr)).content.decode()
    PreviewRule.objects.update(source=other)
    for shown in (form(world), {"value": ALL}):
        answer = bob.post(page_of(pr), shown)
        assert (answer.status_code, secret_of(world, pr)) == (422, None)
        text = answer.content.decode()
        assert "The rule changed" in text
        assert f'name="source" value="{other.pk}"' in text
    bob.post(page_of(pr), form(world) | {"source": other.pk})
    assert secret_of(world, pr) == "of staging"


def test_without_the_rule(client_for: ClientFor, world: World, pr: Branch) -> None:
    client_for("bob").post(page_of(pr), form(world))
    rule = PreviewRule.objects.get()
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    assert len(states(world)) == 3, "a deleted source is still what they are copies of"
    remove_rule(actor=world.actor("alice"), app_id="d1shop", pk=rule.pk)
    assert states(world) == {}
    assert "is not a preview now" in client_for("bob").get(page_of(pr)).content.decode()


def test_a_copy_that_was_cut_off(client_for: ClientFor, world: World, pr: Branch) -> None:
    client_for("bob").post(page_of(pr), form(world))
    unknown = {"copy_pk": None, "copy_version": None, "copy_at": None}
    PreviewCopy.objects.update(**unknown)  # as after a kill: the trail knows what was written
    assert set(states(world).values()) == {"Copy of dev"}
    assert len(states(world)) == 3
    set_secret(world, "API_KEY", "own", pr)
    delete_secret(world, "TOKEN", pr)
    set_secret(world, "TOKEN", "own", pr)  # the same version again
    assert states(world) == {"API_URL": "Copy of dev"}


def test_a_response_that_was_lost(
    client_for: ClientFor, world: World, pr: Branch, interrupted: InterruptedStore
) -> None:
    interrupted.after("put", lose_response)
    answer = client_for("bob").post(page_of(pr), form(world, "secret API_KEY"))
    assert answer.status_code == 422
    assert PreviewCopy.objects.get().copy_pk is None
    expire_leases()
    reconcile_now(world)
    assert states(world) == {"API_KEY": "Copy of dev"}


def test_permissions(client_for: ClientFor, world: World, pr: Branch) -> None:
    vera = client_for("vera")
    assert "disabled" in vera.get(page_of(pr)).content.decode()
    assert vera.post(page_of(pr), form(world)).status_code == 403
    set_role(world, "bob", "developer", "pr-*")  # may not reveal what is on dev
    answer = client_for("bob").post(page_of(pr), form(world))
    assert answer.status_code == 422
    assert "so you can&#x27;t copy it" in answer.content.decode()
    assert secret_of(world, pr) is None
    assert not AuditEvent.objects.filter(action="secret.reveal").exists()
    set_role(world, "bob", "developer", "dev")  # may not write to pr-12
    assert client_for("bob").post(page_of(pr), form(world)).status_code == 403
    assert PreviewCopy.objects.filter(noun="secret").count() == 0
    assert client_for("oscar").get(page_of(pr)).status_code == 404


def test_a_protected_source(client_for: ClientFor, world: World, pr: Branch) -> None:
    Branch.objects.filter(pk=world.dev.pk).update(protected=True)
    answer = client_for("bob").post(page_of(pr), form(world, "secret API_KEY"))
    assert answer.status_code == 422
    mia = client_for("mia")  # didn't confirm lately
    session = mia.session
    session["confirmed_at"] = 0
    session.save()
    answer = mia.post(page_of(pr), form(world, "secret API_KEY"))
    assert "/accounts/reauthenticate/?next=%2Fapps%2Fd1shop%2Fcompare%2F" in answer["location"]
    assert secret_of(world, pr) is None
    assert not PreviewCopy.objects.exists()


def test_compare_marks_copies_too(client_for: ClientFor, world: World, pr: Branch) -> None:
    other = create_branch(world, "feature")
    secret = world.app.secrets.get(key="API_KEY", branch=world.dev)
    rows = [f"secret {it.pk} 0 API_KEY" for it in (pr, other)]
    fields = {"action": "save", "value": f"secret:{secret.pk}", "scope": [pr.pk, other.pk]}
    client_for("bob").post(f"{APP}/compare/copy/", {**fields, "row": rows})
    assert stored_values(world, "API_KEY", other)[0] == "of dev"
    assert [it.branch_id for it in PreviewCopy.objects.all()] == [pr.pk]


def test_deleting_the_branch(client_for: ClientFor, world: World, pr: Branch) -> None:
    client_for("bob").post(page_of(pr), form(world))
    set_secret(world, "TOKEN", "rotated", world.dev)
    set_secret(world, "OWN", "own", pr)
    alice = client_for("alice")
    page = f"{APP}/settings/branches/{pr.pk}/delete/"
    answer: Any = alice.get(page)
    assert "Except up-to-date copies" in answer.content.decode()
    tokens = [it.token for group in answer.context["groups"] for it in group.values]
    alice.post(page, {"remove": tokens})
    assert [secret_of(world, pr, key) for key in ("API_KEY", "TOKEN", "OWN")] == [None] * 3
    kept = BinEntry.objects.filter(branch=pr).order_by("key")
    assert [entry.key for entry in kept] == ["OWN", "TOKEN"]
    assert not PreviewCopy.objects.exists()


def test_a_source_that_was_removed_outside(client_for: ClientFor, world: World, pr: Branch) -> None:
    """Its copies are the last ones, so the recycle bin keeps them."""
    bob, alice = client_for("bob"), client_for("alice")
    page = f"{APP}/settings/branches/{pr.pk}/delete/"
    bob.post(page_of(pr), form(world))
    parameter_store().remove([location_of(world.app, original(world, "API_KEY")).primary])
    answer: Any = alice.get(page)
    tokens = [it.token for group in answer.context["groups"] for it in group.values]
    assert "Except up-to-date copies" in answer.content.decode(), "nobody has looked yet"
    alice.post(page, {"remove": tokens})
    assert [entry.key for entry in BinEntry.objects.filter(branch=pr)] == ["API_KEY"]


def test_deleted_in_amplify(client_for: ClientFor, world: World, pr: Branch) -> None:
    client_for("bob").post(page_of(pr), form(world))
    set_secret(world, "OWN", "own", pr)
    set_secret(world, "TOKEN", "rotated", world.dev)
    branch = Branch.objects.filter(pk=pr.pk)
    branch.update(deleted_at=timezone.now() - timedelta(minutes=50))
    clean_up()
    assert secret_of(world, pr) == "of dev", "the branch may come back"
    branch.update(deleted_at=timezone.now() - timedelta(minutes=70))
    clean_up()
    assert (secret_of(world, pr), secret_of(world, pr, "OWN")) == (None, "own")
    assert ("pr-12", "API_URL") not in variable_values(world)
    removal = AuditEvent.objects.get(action="secret.remove", subject="API_KEY")
    assert (removal.actor, removal.branch) == ("Branchkeep in the background", "pr-12")
    assert [entry.key for entry in BinEntry.objects.all()] == ["TOKEN"], "which is out of date"
    fill = AuditEvent.objects.get(action="bin.fill")
    assert (fill.actor, fill.subject) == ("Branchkeep in the background", "TOKEN")
    assert not PreviewCopy.objects.exists()


def test_a_store_that_fails(
    client_for: ClientFor, world: World, pr: Branch, django_assert_num_queries: Any
) -> None:
    client_for("bob").post(page_of(pr), form(world))
    Branch.objects.filter(pk=pr.pk).update(deleted_at=timezone.now() - timedelta(hours=2))
    Secret.objects.filter(branch=pr, key="API_KEY").update(version=9)  # it changed outside
    clean_up()
    events = AuditEvent.objects.filter(action="secret.remove").count()
    clean_up()
    assert AuditEvent.objects.filter(action="secret.remove").count() == events
    assert secret_of(world, pr) == "of dev", "what isn't the copy stays"


def test_command(manage: Manage, world: World, pr: Branch) -> None:
    done = manage("preview", "copy", *AS, "--format", "json")
    assert (done.code, done.err) == (0, "")
    assert {(it["key"], it["outcome"]) for it in json.loads(done.out)} == {
        ("API_KEY", "saved"),
        ("TOKEN", "saved"),
        ("API_URL", "saved"),
    }
    assert secret_of(world, pr) == "of dev"
    assert manage("preview", "copy", *AS).out == "There is nothing to copy.\n"
    set_secret(world, "API_KEY", "rotated", world.dev)
    assert "Copy of dev, out of date" in manage("preview", "list", *AS).out
    assert manage("preview", "copy", *AS).code == 0
    assert secret_of(world, pr) == "rotated"
    assert "of dev" not in done.out
    set_secret(world, "NEW", "of dev", world.dev)
    set_role(world, "bob", "developer", "pr-*")
    refused = manage("preview", "copy", *AS)
    assert (refused.code, "1 of 1 values were not copied." in refused.err) == (1, True)
    set_role(world, "bob", "viewer")
    assert manage("preview", "copy", *AS).code == 1
    assert manage("preview", "copy", *AS[:4]).code == 2
    assert manage("preview", "copy", *AS[:4], "--branch", "main").code == 1
    assert secret_of(world, pr, "NEW") is None


def test_a_branch_that_is_added_again(client_for: ClientFor, world: World, pr: Branch) -> None:
    """What was left on purpose is the branch's own."""
    client_for("bob").post(page_of(pr), form(world))
    alice = world.actor("alice")
    services.delete_branch(actor=alice, app_id="d1shop", pk=pr.pk)
    Branch.objects.filter(pk=pr.pk).update(deleted_at=timezone.now() - timedelta(hours=2))
    clean_up()
    assert secret_of(world, pr) == "of dev"
    services.add_branch(actor=alice, app_id="d1shop", fields={"name": "pr-12", "protected": True})
    assert states(world) == {}
