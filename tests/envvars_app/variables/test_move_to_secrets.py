"""Move a variable to the secrets; nothing is lost if one half fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from console.lib.results import RowOutcome
from console.models import AuditEvent
from envvars_app.models import Variable, VariableVersion
from envvars_app.secrets_bridge import move_to_secrets
from envvars_app.variables.history import erase_history, restore
from secrets_app.locations import locate_secret
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.factories import (
    change_variable,
    remove_variable,
    set_variable,
    variable_audit_rows,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db(transaction=True)


def move(world: World, row: Variable, by: str = "alice", **more: Any) -> RowOutcome:
    """Move the version of the variable that `row` holds."""
    base = more.pop("base", row.version)
    return move_to_secrets(
        actor=world.actor(by), app_id=world.app.app_id, pk=row.pk, base=base, **more
    )


def stored(world: World, row: Variable) -> str | None:
    """Return the value that the parameter store holds for the variable's key and scope."""
    path = locate_secret(world.app, row.branch, row.key).primary
    reading = parameter_store().read([path]).get(path)
    return reading.value.reveal() if reading else None


@pytest.mark.parametrize("name", ["", "main"])
def test_it_works(world: World, name: str) -> None:
    row = set_variable(world, "STRIPE_KEY", "old one", world.main if name else None)
    change_variable(world, row, "sk_live_123456789012")
    row.refresh_from_db()
    outcome = move(world, row)
    assert outcome.outcome == "saved"
    assert "rotate it" in outcome.message
    assert stored(world, row) == "sk_live_123456789012"
    assert variable_values(world) == {}
    kept = {*Variable.objects.values_list("value", flat=True)}
    kept |= {*VariableVersion.objects.values_list("value", flat=True)}
    assert kept == {"", None}
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert [*actions][2:] == ["secret.create", "variable.move"]
    assert Secret.objects.get(key="STRIPE_KEY").branch == row.branch


def test_values_of_removed_variables_of_that_name_are_erased_too(world: World) -> None:
    for value in ("first try", "second try"):
        remove_variable(world, set_variable(world, "TOKEN", value))
    elsewhere = set_variable(world, "TOKEN", "of dev", world.dev)
    remove_variable(world, elsewhere)
    assert move(world, set_variable(world, "TOKEN", "third")).outcome == "saved"
    kept = {*VariableVersion.objects.values_list("value", flat=True)}
    assert kept == {"", None, "of dev"}
    erase_history(actor=world.actor("bob"), app_id=world.app.app_id, pk=elsewhere.pk)
    assert {*VariableVersion.objects.values_list("value", flat=True)} == {"", None}
    assert variable_audit_rows()[-1] == ("bob", "remove", "dev", "TOKEN", None, None, "succeeded")


def test_erasing_values_needs_permission_and_a_removed_variable(world: World) -> None:
    row = set_variable(world, "TOKEN", branch=world.main)
    with pytest.raises(ValidationError):
        erase_history(actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk)
    remove_variable(world, row)
    for name in ("vera", "bob"):
        with pytest.raises(PermissionDenied):
            erase_history(actor=world.actor(name), app_id=world.app.app_id, pk=row.pk)
    with pytest.raises(Http404):
        erase_history(actor=world.actor("oscar"), app_id=world.app.app_id, pk=row.pk)
    assert "first" in VariableVersion.objects.values_list("value", flat=True)


def test_overrides_are_kept(world: World) -> None:
    base = set_variable(world, "TOKEN", "for all")
    set_variable(world, "TOKEN", "of dev", world.dev)
    assert move(world, base).outcome == "saved"
    assert variable_values(world) == {("dev", "TOKEN"): "of dev"}


@pytest.mark.parametrize(
    ("key", "value"), [("A B", "x"), ("A", ""), ("A", "x" * 4097), ("A", "{{a}}")]
)
def test_an_invalid_secret_is_not_moved(world: World, key: str, value: str) -> None:
    row = set_variable(world, key, value)
    assert move(world, row).outcome == "refused"
    assert variable_values(world) == {("", key): value}
    assert not Secret.objects.exists()


def test_an_existing_secret_is_overwritten_only_on_request(world: World) -> None:
    row = set_variable(world, "TOKEN", "mine")
    path = locate_secret(world.app, None, "TOKEN").primary
    parameter_store().put(path, SecretValue("theirs"), overwrite=False)
    outcome = move(world, row)
    assert outcome.outcome == "conflict"
    assert stored(world, row) == "theirs"
    assert variable_values(world) == {("", "TOKEN"): "mine"}
    assert move(world, row, secret_base=outcome.version).outcome == "saved"
    assert stored(world, row) == "mine"
    assert variable_values(world) == {}


def test_a_variable_that_changed(world: World) -> None:
    row = set_variable(world, "TOKEN")
    change_variable(world, row, "newer", by="mia")
    outcome = move(world, row)
    assert outcome.outcome == "conflict"
    assert "mia@example.org" in outcome.message
    assert stored(world, row) is None


def test_a_change_between_the_halves_keeps_both(world: World, monkeypatch: Any) -> None:
    row = set_variable(world, "TOKEN", "moved")
    shared_transaction = type(parameter_store()).shared_transaction

    @contextmanager
    def change_after(store: Any) -> Iterator[None]:
        with shared_transaction(store):
            yield
        change_variable(world, row, "newer", by="mia")

    monkeypatch.setattr(type(parameter_store()), "shared_transaction", change_after)
    outcome = move(world, row)
    assert outcome.outcome == "conflict"
    assert "the variable could not be removed" in outcome.message
    assert stored(world, row) == "moved"
    assert variable_values(world) == {("", "TOKEN"): "newer"}


def test_roles(world: World) -> None:
    row = set_variable(world, "TOKEN", branch=world.main)
    for name in ("vera", "bob"):
        assert move(world, row, name).outcome == "denied"
    for name in ("charlie", "oscar", "olga", "ivan"):
        with pytest.raises(Http404):
            move(world, row, name)
    assert move(world, row, "mia").outcome == "saved"


def test_a_moved_value_can_not_be_restored(world: World) -> None:
    row = set_variable(world, "TOKEN")
    move(world, row)
    with pytest.raises(ValidationError):
        restore(
            actor=world.actor("alice"),
            app_id=world.app.app_id,
            pk=row.pk,
            version=1,
            base=2,
            change_set=uuid4(),
        )
