"""A removal whose value can't be copied to the recycle bin asks first; without one it asks too."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from secrets_app.models import BinEntry
from secrets_app.paths import PATH_LIMIT
from secrets_app.store.errors import AccessDenied, KeyUnavailable, LimitReached, Throttled
from tests.factories import (
    audit_rows,
    delete_command,
    reconciled_secret,
    save_secrets,
    secret_paths,
    set_variable,
    stored_values,
    variable_values,
    write_outside,
)
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, kill_process, lose_response

pytestmark = pytest.mark.django_db
MANAGE = "/apps/d1shop/hosting/secrets/manage/"


def failing(error: type[Exception]) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


@pytest.mark.parametrize("operation", ["read", "put"])
@pytest.mark.parametrize("error", [AccessDenied, KeyUnavailable, LimitReached])
def test_it_works(
    world: World, interrupted: InterruptedStore, operation: str, error: type[Exception]
) -> None:
    row = reconciled_secret(world, "API_KEY", world.main)
    interrupted.before(operation, failing(error))
    [outcome] = save_secrets(world, delete_command(row))
    assert (outcome.outcome, outcome.field) == ("refused", "copy")
    assert outcome.message.startswith("Nothing is removed yet.")
    assert stored_values(world, "API_KEY", world.main) == ("first", "first")
    assert not BinEntry.objects.exists()
    ends = [(it.action, it.outcome) for it in audit_rows(world, "secret.remove", "bin.")]
    assert ends == [("secret.remove", "failed"), ("bin.fill", "failed")]


def test_the_page_asks(
    world: World, client_for: Callable[..., Client], interrupted: InterruptedStore
) -> None:
    alice = client_for("alice")
    row = reconciled_secret(world, "API_KEY")
    interrupted.before("put", failing(AccessDenied))
    post = {f"remove-{row.pk}": "on", f"base-{row.pk}": row.base}
    page = alice.post(MANAGE, post)
    assert page.status_code == 422
    assert f'name="without_copy-{row.pk}"' in page.text
    assert f'name="remove-{row.pk}" checked' in page.text
    alice.post(MANAGE, {**post, f"without_copy-{row.pk}": "on"})
    assert stored_values(world, "API_KEY")[0] is None
    assert not BinEntry.objects.exists()


def test_the_page_asks_about_what_is_on_another_page(
    world: World, client_for: Callable[..., Client], interrupted: InterruptedStore
) -> None:
    """As after Remove on the page of a secret, of which an app has many."""
    alice = client_for("alice")
    row = reconciled_secret(world, "Z_KEY", world.main)
    for number in range(15):
        reconciled_secret(world, f"KEY_{number}")
    interrupted.before("put", failing(AccessDenied))
    page = alice.post(MANAGE, {f"remove-{row.pk}": "on", f"base-{row.pk}": row.base})
    assert f'name="without_copy-{row.pk}"' in page.text
    assert [it.key for it in page.context["listing"].rows][:2] == ["Z_KEY", "KEY_0"]
    assert page.text.count("Nothing is removed yet.") == 1


def test_a_key_too_long_for_the_path_of_a_copy(world: World, interrupted: InterruptedStore) -> None:
    """An entry of the recycle bin whose path no store accepts could never be finished."""
    key = "K" * (PATH_LIMIT - len(secret_paths(world, "K")[0]) + 1)
    row = reconciled_secret(world, key)
    interrupted.before("read", kill_process)
    [outcome] = save_secrets(world, delete_command(row))
    assert (outcome.outcome, outcome.field) == ("refused", "copy")
    assert "The name is too long for a copy in the recycle bin" in outcome.message
    assert not BinEntry.objects.exists()
    [outcome] = save_secrets(world, replace(delete_command(row), without_copy=True))
    assert outcome.outcome == "removed"


def test_a_store_that_only_has_no_time(world: World, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY")
    interrupted.before("put", failing(Throttled))
    [outcome] = save_secrets(world, delete_command(row))
    assert (outcome.outcome, outcome.field) == ("failed", "")
    assert stored_values(world, "API_KEY")[0] == "first"


def test_response_to_the_copy_is_lost(world: World, interrupted: InterruptedStore) -> None:
    """It may be there, so the entry stays until the background has looked."""
    row = reconciled_secret(world, "API_KEY")
    interrupted.after("put", lose_response)
    [outcome] = save_secrets(world, delete_command(row))
    assert (outcome.outcome, outcome.field) == ("failed", "")
    assert stored_values(world, "API_KEY")[0] == "first"
    assert BinEntry.objects.get().state == "filling"


def test_changed_outside_in_between(world: World, interrupted: InterruptedStore) -> None:
    """The copy would be of a value that nobody meant to remove."""
    row = reconciled_secret(world, "API_KEY")
    path, _ = secret_paths(world, "API_KEY")
    interrupted.before("read", lambda: write_outside(path))
    [outcome] = save_secrets(world, delete_command(row))
    assert outcome.outcome == "conflict"
    assert stored_values(world, "API_KEY")[0] == "from outside"
    assert not BinEntry.objects.exists()


def test_there_is_no_bin(world: World, client_for: Callable[..., Client], settings: Any) -> None:
    alice = client_for("alice")
    settings.BIN_DAYS = 0
    row, variable = reconciled_secret(world, "API_KEY"), set_variable(world, "API_URL")
    page = alice.post(MANAGE, {f"remove-{row.pk}": "on", f"base-{row.pk}": row.base})
    assert "The recycle bin is turned off" in page.text
    variables = "/apps/d1shop/hosting/environment-variables/manage/"
    post = {f"remove-{variable.pk}": "on", f"base-{variable.pk}": "1"}
    page = alice.post(variables, post)
    assert "Remove it for good?" in page.text
    assert variable_values(world)
    alice.post(variables, {**post, f"without_copy-{variable.pk}": "on"})
    assert not variable_values(world)
    assert "It is turned off." in alice.get("/apps/d1shop/hosting/secrets/bin/").text
