"""Restore an earlier version of a secret: an ordinary save of that version's value."""

import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.test import Client
from django.urls import reverse

from console.lib.results import RowOutcome
from console.models import AuditEvent, Branch
from secrets_app.history.restoring import restore
from secrets_app.history.versions import list_versions
from secrets_app.models import Secret
from secrets_app.store.errors import NotFound, Rejected
from tests.factories import (
    audit_rows,
    delete_secret,
    expire_leases,
    reconcile_now,
    secret_paths,
    secret_row,
    set_secret,
    stored_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, StoreCalls, lose_response

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

KEY = "API_KEY"


def written(world: World, branch: Branch | None, *values: str) -> Secret:
    """Return a secret that had these values, one version each."""
    for value in values:
        row = set_secret(world, KEY, value, branch)
    return row


def restored(
    world: World, row: Secret, version: int, *, by: str = "mia", expected: int | None = None
) -> RowOutcome:
    """Restore a version, based on what the row says."""
    return restore(
        actor=world.actor(by),
        app_id=world.app.app_id,
        pk=row.pk,
        version=version,
        base=(row.version if expected is None else expected, None),
        change_set=uuid.uuid4(),
    )


def test_it_works(either_store: str, world: World, store_calls: StoreCalls) -> None:
    row = written(world, world.main, "one", "two", "three")
    store_calls.clear()
    outcome = restored(world, row, 1)
    assert (outcome.outcome, outcome.version, outcome.pk) == ("saved", 4, row.pk)
    assert store_calls.operations == ["read_version", "current", "put", "put"]
    assert stored_values(world, KEY, world.main) == ("one", "one")  # the mirror too
    save, chosen = AuditEvent.objects.order_by("-pk")[:2]
    assert chosen.change_set == save.change_set is not None
    assert audit_rows(world)[-2:] == [
        ("mia", "secret.restore_version", KEY, 1, "succeeded", None),
        ("mia", "secret.change", KEY, 3, "succeeded", 4),
    ]
    listed = list_versions(actor=world.actor("vera"), app_id=world.app.app_id, pk=row.pk)
    assert (listed.rows[0].who, listed.rows[0].verb) == ("mia@example.org", "restored version 1")


def test_undo(world: World) -> None:
    row = written(world, world.main, "one", "two")
    restored(world, row, 1)
    restored(world, secret_row(world, KEY, world.main), 2)
    assert stored_values(world, KEY, world.main) == ("two", "two")


def test_conflict(world: World) -> None:
    row = written(world, world.main, "one", "two")
    set_secret(world, KEY, "three", world.main, by="alice")
    outcome = restored(world, row, 1)
    assert outcome.outcome == "conflict"
    assert outcome.message.startswith("alice@example.org changed this secret")
    assert stored_values(world, KEY, world.main)[0] == "three"
    assert audit_rows(world)[-1][1:5] == ("secret.restore_version", KEY, 1, "failed")


def test_created_again(world: World) -> None:
    """Version 1 of what was removed is not version 1 of what there is now."""
    row = written(world, world.main, "one", "two")
    base = list_versions(actor=world.actor("mia"), app_id=world.app.app_id, pk=row.pk).secret
    delete_secret(world, KEY, world.main)
    written(world, world.main, "uno", "dos")
    with pytest.raises(Http404):
        restored(world, base, 1)
    assert stored_values(world, KEY, world.main)[0] == "dos"


def test_created_again_outside(world: World) -> None:
    row = written(world, world.main, "one", "two")
    reconcile_now(world)
    row = secret_row(world, KEY, world.main)
    path = secret_paths(world, KEY, world.main)[0]
    from secrets_app.store import parameter_store

    parameter_store().remove([path])
    write_outside(path)
    write_outside(path)
    assert restored(world, row, 1).outcome == "conflict"


def test_version_that_is_gone(world: World) -> None:
    row = written(world, world.main, "one", "two")
    with pytest.raises(NotFound):
        restored(world, row, 77)
    assert audit_rows(world)[-1][1:5] == ("secret.restore_version", KEY, 77, "failed")


def test_current_version(world: World) -> None:
    row = written(world, world.main, "one", "two")
    with pytest.raises(Rejected, match="nothing to restore"):
        restored(world, row, 2)


@pytest.mark.parametrize(
    ("person", "error"),
    [("vera", PermissionDenied), ("bob", PermissionDenied), ("charlie", Http404)],
)
def test_no_permission(
    world: World, store_calls: StoreCalls, person: str, error: type[Exception]
) -> None:
    row = written(world, world.main, "one", "two")
    store_calls.clear()
    with pytest.raises(error):
        restored(world, row, 1, by=person)
    assert store_calls() == 0
    if person != "charlie":
        assert audit_rows(world)[-1][:2] == (person, "secret.restore_version")
        assert audit_rows(world)[-1].outcome == "denied"


def test_write_permission_is_enough(world: World) -> None:
    row = written(world, world.dev, "one", "two")
    assert restored(world, row, 1, by="bob").outcome == "saved"


def test_response_is_lost(world: World, interrupted: InterruptedStore) -> None:
    row = written(world, world.main, "one", "two")
    interrupted.after("put", lose_response)
    assert restored(world, row, 1).outcome == "unknown"
    expire_leases()
    reconcile_now(world)
    assert [entry[4] for entry in audit_rows(world)[-2:]] == ["settled", "settled"]
    listed = list_versions(actor=world.actor("vera"), app_id=world.app.app_id, pk=row.pk)
    assert listed.rows[0].verb == "restored version 1"


def test_label_blocks_the_save(console_on_ssm: Any, world: World, plain_ssm: "SSMClient") -> None:
    written(world, None, "one")
    path = secret_paths(world, KEY)[0]
    for _ in range(99):
        write_outside(path)
    reconcile_now(world)
    plain_ssm.label_parameter_version(Name=path, ParameterVersion=1, Labels=["live"])
    outcome = restored(world, secret_row(world, KEY), 5)
    assert (outcome.outcome, "move the label" in outcome.message) == ("failed", True)


# On the page


def fields_of(client: Client, row: Secret, version: int) -> dict[str, Any]:
    """Return what the Restore button of a version posts."""
    page = client.get(reverse("secret_versions", args=["d1shop", row.pk]))
    return {
        "version": version,
        "base": page.context["versions"].base,
        "change_set": page.context["change_set"],
    }


def test_page(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, "the first value", "the second value")
    mia = client_for("mia")
    url = reverse("secret_restore", args=["d1shop", row.pk])
    answer = mia.post(url, fields_of(mia, row, 1), follow=True)
    assert "Version 1 of API_KEY is restored, as version 3." in answer.text
    assert "the first value" not in answer.text
    assert stored_values(world, KEY, world.main)[0] == "the first value"
    undo = reverse("change_set", args=["d1shop", AuditEvent.objects.latest("pk").change_set])
    assert f'action="{undo}"' in answer.text
    mia.post(undo)
    assert stored_values(world, KEY, world.main)[0] == "the second value"


def test_double_click(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, "one", "two")
    mia = client_for("mia")
    url, fields = reverse("secret_restore", args=["d1shop", row.pk]), fields_of(mia, row, 1)
    for _ in range(2):
        answer = mia.post(url, fields, follow=True)
        assert "is restored, as version 3" in answer.text
    assert secret_row(world, KEY, world.main).version == 3
    other = mia.post(url, fields | {"version": 2}, follow=True)
    assert "Reload the page" in other.text


def test_from_the_list(world: World, client_for: Callable[[str], Client]) -> None:
    """It leads back to the list, as it was filtered, also if it fails. Anything else is ignored."""
    row = written(world, world.main, "one", "two")
    mia = client_for("mia")
    url, fields = reverse("secret_restore", args=["d1shop", row.pk]), fields_of(mia, row, 1)
    back = {"back": "secrets", "query": "q=API&saved=x&next=//example.org"}
    for _ in range(2):  # the second one is a conflict
        answer = mia.post(url, fields | back, follow=True)
        assert answer.redirect_chain == [("/apps/d1shop/hosting/secrets/?q=API", 302)]
        fields |= {"change_set": ""}
    assert "Version 1 was not restored." in answer.text
    answer = mia.post(url, fields | {"back": "//example.org"})
    assert answer.headers["Location"] == f"/apps/d1shop/hosting/secrets/{row.pk}/"


def test_conflict_on_the_page(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, "one", "two")
    mia = client_for("mia")
    fields = fields_of(mia, row, 1)
    write_outside(secret_paths(world, KEY, world.main)[0])
    answer = mia.post(reverse("secret_restore", args=["d1shop", row.pk]), fields, follow=True)
    assert "Version 1 was not restored. Someone outside Branchkeep changed this" in answer.text
    assert answer.context["version"] == 3


def test_lost_response_on_the_page(
    world: World, client_for: Callable[[str], Client], interrupted: InterruptedStore
) -> None:
    row = written(world, world.main, "one", "two")
    mia = client_for("mia")
    fields = fields_of(mia, row, 1)
    interrupted.after("put", lose_response)
    answer = mia.post(reverse("secret_restore", args=["d1shop", row.pk]), fields, follow=True)
    assert "the outcome of this change is unknown" in answer.text
    assert "was not restored" not in answer.text


@pytest.mark.parametrize(
    "fields", [{}, {"version": "x"}, {"version": "1"}, {"version": "1", "base": "9"}]
)
def test_malformed_post(
    world: World, client_for: Callable[[str], Client], fields: dict[str, str]
) -> None:
    row = written(world, world.main, "one", "two")
    answer = client_for("mia").post(
        reverse("secret_restore", args=["d1shop", row.pk]), fields, follow=True
    )
    assert "ot restored" in answer.text
    assert stored_values(world, KEY, world.main)[0] == "two"


def test_forged_change_set(world: World, client_for: Callable[[str], Client]) -> None:
    row = written(world, world.main, "one", "two")
    mia = client_for("mia")
    fields = fields_of(mia, row, 1) | {"change_set": uuid.uuid4().hex}
    answer = mia.post(reverse("secret_restore", args=["d1shop", row.pk]), fields, follow=True)
    assert "Nothing was changed" in answer.text
