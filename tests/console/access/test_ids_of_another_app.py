"""App B's objects can't be reached through app A, even by an owner of both (guarantee 15)."""

from collections.abc import Callable
from uuid import uuid4

import pytest
from django.test import Client

from console.models import AuditEvent, Branch, Member
from secrets_app.models import BinEntry, Secret, UnknownParameter
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync import reconciling
from secrets_app.sync.unknown_removal import token
from secrets_app.writes.commands import SetSecret
from secrets_app.writes.save import save
from tests.factories import (
    audit_events,
    delete_secret,
    last_event_id,
    outcomes_of,
    set_secret,
    set_variable,
    write_outside,
)
from tests.fixtures.people import World


@pytest.fixture
def client(world: World, client_for: Callable[[str], Client]) -> Client:
    """Return the browser of oscar, who owns both apps."""
    Member.objects.create(app=world.app, user=world.person("oscar"), role="owner")
    return client_for("oscar")


@pytest.fixture
def foreign(world: World, client: Client) -> Secret:
    """Return a secret of the other app."""
    command = SetSecret(
        "1", key="API_KEY", branch_id=world.other_branch.pk, value=SecretValue("a value")
    )
    [outcome] = save(
        actor=world.actor("oscar"), app_id="d2other", commands=[command], change_set=uuid4()
    )
    return Secret.objects.get(pk=outcome.pk)


def test_it_works(client: Client, foreign: Secret, world: World) -> None:
    there = "/apps/d2other"
    assert client.get(f"{there}/settings/branches/{world.other_branch.pk}/").status_code == 200
    assert client.get(f"{there}/hosting/secrets/{foreign.pk}/").status_code == 200


@pytest.mark.parametrize("page", ["", "delete/"])
def test_branch(client: Client, world: World, page: str) -> None:
    url = f"/apps/d1shop/settings/branches/{world.other_branch.pk}/{page}"
    assert client.get(url).status_code == 404
    assert client.post(url, {"stage": "BETA"}).status_code == 404
    branch = Branch.objects.get(pk=world.other_branch.pk)
    assert (branch.stage, branch.deleted_at) == ("NONE", None)


@pytest.mark.parametrize("act", ["put-back", "take", "ignore"])
def test_drift(client: Client, foreign: Secret, act: str) -> None:
    url = f"/apps/d1shop/hosting/secrets/drift/{foreign.pk}/{act}/"
    assert client.post(url, {"state": f"{foreign.base}/0"}).status_code == 404


@pytest.mark.parametrize("page", ["", "reveal/", "mirror/", "encrypt/"])
def test_secret(client: Client, foreign: Secret, page: str) -> None:
    url = f"/apps/d1shop/hosting/secrets/{foreign.pk}/{page}"
    response = client.post(url) if page else client.get(url)
    assert response.status_code == 404


def test_change_set(client: Client, foreign: Secret) -> None:
    change_set = AuditEvent.objects.get(app_id="d2other", action="secret.create").change_set
    url = f"/apps/d1shop/changes/{change_set}/"
    assert client.get(url).status_code == 404
    assert client.post(url).status_code == 404
    assert client.get(url.replace("d1shop", "d2other")).status_code == 200


@pytest.mark.parametrize("page", ["PK/branch/", "move/"])
def test_unknown_parameter(client: Client, world: World, page: str) -> None:
    path = "/amplify/d2other/old/API_KEY"
    write_outside(path)
    reconciling.reconcile_now(world.other_app)
    row = UnknownParameter.objects.get()
    url = f"/apps/d1shop/hosting/secrets/unknown/{page.replace('PK', str(row.pk))}"
    fields = {"name": "old", "move": f"parameter-{token(row)}"}
    back = "/apps/d1shop/hosting/secrets/unknown/"  # as for an id that was removed
    assert client.post(url, fields).headers["Location"] == back
    assert parameter_store().current([path])
    assert not Branch.objects.filter(name="old").exists()


def test_change_of_a_secret(client: Client, foreign: Secret) -> None:
    post = {f"value-{foreign.pk}": "new", f"base-{foreign.pk}": 1}
    response = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert response.status_code == 422
    assert Secret.objects.get(pk=foreign.pk).version == 1


def test_removal_of_a_secret(client: Client, foreign: Secret) -> None:
    post = {f"remove-{foreign.pk}": "on", f"base-{foreign.pk}": 1}
    response = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert response.status_code == 422
    assert Secret.objects.filter(pk=foreign.pk).exists()


def test_new_secret_on_a_branch(client: Client, world: World) -> None:
    post = {"new-1-key": "K", "new-1-value": "v", "new-1-branch": world.other_branch.pk}
    response = client.post("/apps/d1shop/hosting/secrets/manage/", post)
    assert response.status_code == 422
    assert "This branch no longer exists" in response.text
    assert not Secret.objects.exists()


def test_selected_secret_when_deleting_a_branch(
    client: Client, foreign: Secret, world: World
) -> None:
    url = f"/apps/d1shop/settings/branches/{world.dev.pk}/delete/"
    client.post(url, {"remove": [f"{foreign.pk}:{foreign.version}"]})
    assert Secret.objects.filter(pk=foreign.pk).exists()


def test_filter_by_branch(client: Client, foreign: Secret, world: World) -> None:
    url = f"/apps/d1shop/hosting/secrets/?branch={world.other_branch.pk}"
    assert client.get(url).context["listing"].rows == []


@pytest.mark.parametrize("kind", ["secrets", "environment-variables"])
def test_attempt_is_recorded_for_the_other_app_alone(
    client_for: Callable[[str], Client], world: World, kind: str
) -> None:
    """Its owners see who tried; an id of nothing looks the same to the one who tried."""
    if kind == "secrets":
        row = set_secret(world, "API_KEY", "a value", world.dev)
    else:
        row = set_variable(world, "API_KEY", "a value", world.dev)
    oscar = client_for("oscar")
    start = last_event_id()
    url = f"/apps/d2other/hosting/{kind}/manage/"
    for pk in (row.pk, row.pk + 1000):
        fields = {f"value-{pk}": "new", f"base-{pk}": 1, f"key-{pk}": "API_KEY"}
        response = oscar.post(url, fields, headers={"HX-Request": "true"})
        assert "has been removed" in response.text
    [event] = [it for it in audit_events(start) if it.action != "request.refuse"]
    assert (event.actor, event.app_id) == ("oscar@example.org", "d1shop")
    assert (event.branch, event.subject) == ("dev", "API_KEY")
    assert outcomes_of(event) == ["denied"]
    assert not AuditEvent.objects.filter(pk__gt=start, app_id="d2other").exists()


def test_import_to_a_branch(client: Client, world: World) -> None:
    url, foreign = "/apps/d1shop/hosting/secrets/import/", world.other_branch.pk
    post = {"action": "preview", "text": "API_KEY=a value"}
    assert client.post(url, {**post, "scope": foreign}).status_code == 404
    page = client.post(url, post)
    post |= {"action": "save", "change_set": page.context["change_set"]}
    for noun in ("secret", "variable"):
        saved = client.post(url, {**post, "row": f"{noun} {foreign} 0 API_KEY"})
        assert saved.status_code == 422
    assert not world.other_app.secrets.exists()
    assert not world.other_app.variables.exists()


def test_copy_in_compare(client: Client, foreign: Secret, world: World) -> None:
    url, own = "/apps/d1shop/compare/copy/", set_secret(world, "OWN", "a value", world.dev)
    post = {"action": "preview", "value": [f"secret:{foreign.pk}"], "scope": world.dev.pk}
    assert client.post(url, post).status_code == 422
    there = {"value": [f"secret:{own.pk}"], "scope": world.other_branch.pk}
    assert client.post(url, {**post, **there}).status_code == 404
    row = f"secret {world.other_branch.pk} 0 OWN"
    page = client.post(url, {**post, **there, "scope": world.main.pk})
    there |= {"scope": world.main.pk, "row": row, "change_set": page.context["change_set"]}
    client.post(url, {**post, **there, "action": "save"})
    assert not Secret.objects.filter(key="OWN").exclude(app=world.app).exists()


def test_removal_in_compare(client: Client, foreign: Secret, world: World) -> None:
    url, token = "/apps/d1shop/compare/remove/", f"{foreign.pk}:{foreign.base}"
    assert client.post(url, {"scope": world.other_branch.pk, "remove": token}).status_code == 404
    client.post(url, {"scope": world.dev.pk, "remove": token})
    client.post(url, {"remove": token})
    assert Secret.objects.filter(pk=foreign.pk).exists()


@pytest.mark.parametrize("page", ["restore", "delete"])
def test_recycle_bin(client: Client, foreign: Secret, world: World, page: str) -> None:
    remove = {f"remove-{foreign.pk}": "on", f"base-{foreign.pk}": foreign.base}
    client.post("/apps/d2other/hosting/secrets/manage/", remove)
    entry = BinEntry.objects.get()
    client.post(f"/apps/d1shop/hosting/secrets/bin/secret/{entry.pk}/{page}/", {"to": ""})
    assert BinEntry.objects.get().state == "kept"
    set_secret(world, "OWN", "a value", world.dev)
    delete_secret(world, "OWN", world.dev)
    own = BinEntry.objects.get(app=world.app)
    url = f"/apps/d1shop/hosting/secrets/bin/secret/{own.pk}/restore/"
    assert client.post(url, {"to": world.other_branch.pk}).status_code == 404
    assert not Secret.objects.exists()


def test_changes_of_an_undo(client: Client, foreign: Secret, world: World) -> None:
    event = AuditEvent.objects.get(app_id="d2other", action="secret.create")
    set_secret(world, "OWN", "a value", world.dev)
    own = AuditEvent.objects.filter(app_id="d1shop", action="secret.create").latest("pk")
    url = f"/apps/d1shop/changes/{own.change_set}/"
    client.post(url, {"rows": f"secret-{event.pk}"})
    assert Secret.objects.filter(pk=foreign.pk).exists()
    assert AuditEvent.objects.filter(app_id="d2other", action="secret.remove").count() == 0
