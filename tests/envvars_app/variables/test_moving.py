"""The page that moves a variable to the secrets."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.models import Branch
from envvars_app.models import Variable, VariableVersion
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import Unreachable
from tests.envvars_app.variables.pages import BASE
from tests.factories import (
    change_variable,
    remove_variable,
    set_secret,
    set_variable,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
BIN = "/apps/d1shop/hosting/secrets/bin/"
VALUE = "sk_live_abcdefghijklmnop"
SHARED = "/amplify/shared/d1shop/STRIPE"


@pytest.fixture
def row(world: World) -> Variable:
    """Return a variable that looks like a secret."""
    return set_variable(world, "STRIPE", VALUE)


def url_of(row: Variable, page: str = "move/") -> str:
    """Return the URL of a variable's page."""
    return f"{BASE}{row.pk}/{page}"


def stored() -> str | None:
    """Return the value that the parameter store holds."""
    reading = parameter_store().read([SHARED]).get(SHARED)
    return reading.value.reveal() if reading else None


def test_it_works(world: World, alice: Client, row: Variable) -> None:
    detail = alice.get(url_of(row, ""))
    assert "Stripe key" in detail.text
    assert f'href="{url_of(row)}"' in detail.text
    page = alice.get(url_of(row))
    assert SHARED in page.text
    assert "plain text" in page.text
    assert stored() is None
    answer = alice.post(url_of(row), {"base": row.version}, follow=True)
    assert answer.redirect_chain == [("/apps/d1shop/hosting/secrets/", 302)]
    assert "STRIPE is now a secret." in answer.text
    assert "rotate it where it was issued" in answer.text
    assert stored() == VALUE
    assert variable_values(world) == {}
    assert not VariableVersion.objects.filter(value=VALUE).exists()
    for url in (url_of(row, ""), BIN, f"{BASE}bulk/", f"{BASE}download/?format=json"):
        assert VALUE not in alice.get(url).text
    assert alice.get(BIN).context["rows"] == []


def test_an_existing_secret_is_overwritten_only_on_request(
    world: World, alice: Client, row: Variable
) -> None:
    set_secret(world, "STRIPE", "theirs", by="mia")
    answer = alice.post(url_of(row), {"base": row.version})
    assert answer.status_code == 422
    assert "mia@example.org added this secret" in answer.text
    assert "Overwrite the secret" in answer.text
    seen = answer.context["secret_base"]
    assert seen.startswith("1:")
    assert (stored(), variable_values(world)) == ("theirs", {("", "STRIPE"): VALUE})
    answer = alice.post(url_of(row), {"base": row.version, "secret_base": seen})
    assert answer.status_code == 302
    assert (stored(), variable_values(world)) == (VALUE, {})


def test_a_secret_that_changed_again(world: World, alice: Client, row: Variable) -> None:
    set_secret(world, "STRIPE", "one")
    seen = alice.post(url_of(row), {"base": row.version}).context["secret_base"]
    set_secret(world, "STRIPE", "two", by="mia")
    answer = alice.post(url_of(row), {"base": row.version, "secret_base": seen})
    assert answer.status_code == 422
    assert answer.context["secret_base"].startswith("2:")
    assert stored() == "two"


def test_a_recreated_secret_of_the_same_version(world: World, alice: Client, row: Variable) -> None:
    set_secret(world, "STRIPE", "one")
    seen = alice.post(url_of(row), {"base": row.version}).context["secret_base"]
    parameter_store().remove([SHARED])
    parameter_store().put(SHARED, SecretValue("another"), overwrite=False)
    answer = alice.post(url_of(row), {"base": row.version, "secret_base": seen})
    assert (answer.status_code, stored()) == (422, "another")
    assert answer.context["secret_base"] not in {"", seen}


@pytest.mark.parametrize("base", ["1", "x", "-1", "1:", "1:x", "9" * 30, f"1:{'9' * 30}"])
def test_an_invalid_base_overwrites_nothing(
    world: World, alice: Client, row: Variable, base: str
) -> None:
    set_secret(world, "STRIPE", "theirs")
    answer = alice.post(url_of(row), {"base": row.version, "secret_base": base})
    assert (answer.status_code, stored()) == (422, "theirs")
    assert "alice@example.org added this secret" in answer.text


def test_a_variable_that_changed(world: World, alice: Client, row: Variable) -> None:
    change_variable(world, row, "theirs", by="mia")
    answer = alice.post(url_of(row), {"base": row.version})
    assert answer.status_code == 422
    assert "mia@example.org changed this variable" in answer.text
    assert answer.context["secret_base"] == ""
    assert (stored(), variable_values(world)) == (None, {("", "STRIPE"): "theirs"})


def test_a_change_between_the_halves_keeps_both(
    world: World, alice: Client, row: Variable, monkeypatch: Any
) -> None:
    shared_transaction = type(parameter_store()).shared_transaction

    @contextmanager
    def change_after(store: Any) -> Iterator[None]:
        with shared_transaction(store):
            yield
        if variable_row(world, "STRIPE").version == 1:
            change_variable(world, row, "theirs", by="mia")

    monkeypatch.setattr(type(parameter_store()), "shared_transaction", change_after)
    answer = alice.post(url_of(row), {"base": row.version})
    assert answer.status_code == 422
    assert "the variable could not be removed" in answer.text
    assert (answer.context["secret_base"], answer.context["variable"].version) == ("", 2)
    assert (stored(), variable_values(world)) == (VALUE, {("", "STRIPE"): "theirs"})
    answer = alice.post(url_of(row), {"base": 2})  # trying again asks about the secret
    assert "alice@example.org added this secret" in answer.text
    seen = answer.context["secret_base"]
    assert alice.post(url_of(row), {"base": 2, "secret_base": seen}).status_code == 302
    assert (stored(), variable_values(world)) == ("theirs", {})


def test_a_removed_variable(world: World, alice: Client, row: Variable) -> None:
    remove_variable(world, row, by="mia")
    assert alice.get(url_of(row))["Location"] == url_of(row, "")
    answer = alice.post(url_of(row), {"base": row.version}, follow=True)
    assert "Nothing was moved." in answer.text
    assert not Secret.objects.exists()


def test_a_value_invalid_for_secrets(world: World, alice: Client) -> None:
    row = set_variable(world, "TOKEN", "")
    answer = alice.post(url_of(row), {"base": 1})
    assert answer.status_code == 422
    assert answer.context["problem"]
    assert variable_values(world) == {("", "TOKEN"): ""}


def test_a_name_invalid_for_secrets(world: World, alice: Client) -> None:
    row = set_variable(world, "TOKEN NAME", "x")
    page = alice.get(url_of(row))
    assert page.context["path_problem"]
    assert page.text.count("Move to secrets</button>") == 0
    assert alice.post(url_of(row), {"base": 1}).status_code == 422
    assert variable_values(world) == {("", "TOKEN NAME"): "x"}


def test_overrides_are_mentioned(world: World, alice: Client, row: Variable) -> None:
    over = set_variable(world, "STRIPE", "sk_test", world.dev)
    page = alice.get(url_of(row))
    assert "keep their values as plain text" in page.text
    assert f'href="{url_of(over, "")}"' in page.text


def test_a_deleted_branch_accepts_no_secret(world: World, alice: Client) -> None:
    row = set_variable(world, "STRIPE", VALUE, world.dev)
    Branch.objects.filter(pk=world.dev.pk).update(deleted_at=timezone.now())
    page = alice.get(url_of(row, ""))
    assert "Remove the variable, then erase" in page.text
    assert "Move to secrets" not in page.text
    for answer in (alice.get(url_of(row)), alice.post(url_of(row), {"base": row.version})):
        assert "branch was deleted" in answer.text
        assert "Choose another" not in answer.text
        assert '<button class="button primary" type="submit">' not in answer.text
    assert answer.status_code == 422
    assert variable_values(world) == {("dev", "STRIPE"): VALUE}
    assert stored() is None
    remove_variable(world, row)
    assert "Erase its values permanently" in alice.get(url_of(row, "")).text


def test_an_unreachable_store(world: World, alice: Client, row: Variable, monkeypatch: Any) -> None:
    def unreachable(*_: Any, **__: Any) -> Any:
        raise Unreachable

    monkeypatch.setattr(type(parameter_store()), "current", unreachable)
    answer = alice.post(url_of(row), {"base": row.version})
    assert answer.status_code == Unreachable.status
    assert Unreachable().message in answer.text.replace("&#x27;", "'")
    assert variable_values(world) == {("", "STRIPE"): VALUE}


def test_roles(world: World, client_for: Any, row: Variable) -> None:
    for name in ("vera", "bob"):
        assert "Move to secrets" not in client_for(name).get(url_of(row, "")).text
        assert client_for(name).get(url_of(row)).status_code == 403
        assert client_for(name).post(url_of(row), {"base": 1}).status_code == 403
    for name in ("charlie", "oscar", "olga"):
        assert client_for(name).get(url_of(row)).status_code == 404
        assert client_for(name).post(url_of(row), {"base": 1}).status_code == 404
    assert variable_values(world) == {("", "STRIPE"): VALUE}
    assert client_for("mia").post(url_of(row), {"base": 1}).status_code == 302
