"""A variable that is a secret goes over to the secrets; nothing is lost if a half fails."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
from tests.envvars_app.variables.desk import Desk

pytestmark = pytest.mark.django_db(transaction=True)


def move(desk: Desk, row: Variable, who: str = "alice", **more: Any) -> RowOutcome:
    """Move a variable as somebody who saw it as it is in `row`."""
    base = more.pop("base", row.version)
    return move_to_secrets(
        actor=desk.world.actor(who), app_id=desk.app.app_id, pk=row.pk, base=base, **more
    )


def stored(desk: Desk, row: Variable) -> str | None:
    """Return what the parameter store holds of the key in its scope."""
    path = locate_secret(desk.app, row.branch, row.key).primary
    reading = parameter_store().read([path]).get(path)
    return reading.value.reveal() if reading else None


@pytest.mark.parametrize("name", ["", "main"])
def test_it_works(desk: Desk, name: str) -> None:
    row = desk.put("STRIPE_KEY", "old one", desk.world.main if name else None)
    desk.save("alice", desk.change(row, "sk_live_123456789012"))
    row.refresh_from_db()
    outcome = move(desk, row)
    assert outcome.outcome == "saved"
    assert "rotate it" in outcome.message
    assert stored(desk, row) == "sk_live_123456789012"
    assert desk.values() == {}
    kept = {*Variable.objects.values_list("value", flat=True)}
    kept |= {*VariableVersion.objects.values_list("value", flat=True)}
    assert kept == {"", None}
    actions = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert [*actions][2:] == ["secret.create", "variable.move"]
    assert Secret.objects.get(key="STRIPE_KEY").branch == row.branch


def test_what_was_removed_before_under_this_name_is_forgotten_too(desk: Desk) -> None:
    for value in ("first try", "second try"):
        desk.save("alice", desk.removal(desk.put("TOKEN", value)))
    elsewhere = desk.put("TOKEN", "of dev", desk.world.dev)
    desk.save("alice", desk.removal(elsewhere))
    assert move(desk, desk.put("TOKEN", "third")).outcome == "saved"
    kept = {*VariableVersion.objects.values_list("value", flat=True)}
    assert kept == {"", None, "of dev"}
    erase_history(actor=desk.world.actor("bob"), app_id=desk.app.app_id, pk=elsewhere.pk)
    assert {*VariableVersion.objects.values_list("value", flat=True)} == {"", None}
    assert desk.trail()[-1] == ("bob", "remove", "dev", "TOKEN", None, None, "succeeded")


def test_only_who_may_write_forgets_and_only_what_is_removed(desk: Desk) -> None:
    row = desk.put("TOKEN", branch=desk.world.main)
    with pytest.raises(ValidationError):
        erase_history(actor=desk.world.actor("alice"), app_id=desk.app.app_id, pk=row.pk)
    desk.save("alice", desk.removal(row))
    for who in ("vera", "bob"):
        with pytest.raises(PermissionDenied):
            erase_history(actor=desk.world.actor(who), app_id=desk.app.app_id, pk=row.pk)
    with pytest.raises(Http404):
        erase_history(actor=desk.world.actor("oscar"), app_id=desk.app.app_id, pk=row.pk)
    assert "first" in VariableVersion.objects.values_list("value", flat=True)


def test_overrides_stay(desk: Desk) -> None:
    base = desk.put("TOKEN", "for all")
    desk.put("TOKEN", "of dev", desk.world.dev)
    assert move(desk, base).outcome == "saved"
    assert desk.values() == {("dev", "TOKEN"): "of dev"}


@pytest.mark.parametrize(
    ("key", "value"), [("A B", "x"), ("A", ""), ("A", "x" * 4097), ("A", "{{a}}")]
)
def test_what_no_secret_can_be_stays(desk: Desk, key: str, value: str) -> None:
    row = desk.put(key, value)
    assert move(desk, row).outcome == "refused"
    assert desk.values() == {("", key): value}
    assert not Secret.objects.exists()


def test_a_secret_of_this_name_is_overwritten_only_when_asked_for(desk: Desk) -> None:
    row = desk.put("TOKEN", "mine")
    path = locate_secret(desk.app, None, "TOKEN").primary
    parameter_store().put(path, SecretValue("theirs"), overwrite=False)
    outcome = move(desk, row)
    assert outcome.outcome == "conflict"
    assert stored(desk, row) == "theirs"
    assert desk.values() == {("", "TOKEN"): "mine"}
    assert move(desk, row, secret_base=outcome.version).outcome == "saved"
    assert stored(desk, row) == "mine"
    assert desk.values() == {}


def test_a_variable_that_changed_meanwhile(desk: Desk) -> None:
    row = desk.put("TOKEN")
    desk.save("mia", desk.change(row, "newer"))
    outcome = move(desk, row)
    assert outcome.outcome == "conflict"
    assert "mia@example.org" in outcome.message
    assert stored(desk, row) is None


def test_a_change_between_the_halves_keeps_both(desk: Desk, monkeypatch: Any) -> None:
    row = desk.put("TOKEN", "moved")
    shared_transaction = type(parameter_store()).shared_transaction

    @contextmanager
    def meanwhile(store: Any) -> Iterator[None]:
        with shared_transaction(store):
            yield
        desk.save("mia", desk.change(row, "newer"))

    monkeypatch.setattr(type(parameter_store()), "shared_transaction", meanwhile)
    outcome = move(desk, row)
    assert outcome.outcome == "conflict"
    assert "the variable could not be removed" in outcome.message
    assert stored(desk, row) == "moved"
    assert desk.values() == {("", "TOKEN"): "newer"}


def test_roles(desk: Desk) -> None:
    row = desk.put("TOKEN", branch=desk.world.main)
    for who in ("vera", "bob"):
        assert move(desk, row, who).outcome == "denied"
    for who in ("charlie", "oscar", "olga", "ivan"):
        with pytest.raises(Http404):
            move(desk, row, who)
    assert move(desk, row, "mia").outcome == "saved"


def test_a_moved_value_can_not_be_restored(desk: Desk) -> None:
    row = desk.put("TOKEN")
    move(desk, row)
    with pytest.raises(ValidationError):
        restore(
            actor=desk.world.actor("alice"), app_id=desk.app.app_id, pk=row.pk, version=1, base=2
        )
