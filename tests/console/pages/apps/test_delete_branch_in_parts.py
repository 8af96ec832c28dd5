"""Deleting a branch with many values: progress, stopping, and failures under way."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from console.models import AuditEvent
from console.pages.apps import branch_delete
from secrets_app.models import Secret
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from tests.console.pages.apps.test_delete_branch import paths, tokens, url
from tests.factories import (
    create_command,
    save_secrets,
    set_variable,
)
from tests.fixtures.people import World


@pytest.fixture
def many(world: World) -> list[Secret]:
    """Return 60 secrets of dev, which also has 12 variables."""
    for number in range(12):
        set_variable(world, f"URL_{number:02}", "https://example.org", world.dev)
    save_secrets(world, *(create_command(f"K_{at:02}", branch=world.dev) for at in range(60)))
    return list(world.dev.secrets.order_by("key"))


def test_it_works(alice: Client, world: World, many: list[Secret]) -> None:
    """Each response of a script's request removes ten values, and says how far it is."""
    page, shown = alice.get(url(world.dev)), list[int]()
    data: dict[str, Any] = {"remove": tokens(page), "change_set": page.context["change_set"]}
    assert len(data["remove"]) == 72
    for _ in range(20):
        page = alice.post(url(world.dev), data, headers={"HX-Request": "true"})
        if "HX-Redirect" in page.headers:
            break
        shown += map(int, re.findall(r"Removed (\d+) of 72 values", page.text))
        assert 'hx-trigger="load, submit"' in page.text
        data |= {"remove": tokens(page), "done": shown[-1]}
    assert shown == [10, 20, 30, 40, 50, 60, 70]
    assert page.headers["HX-Redirect"] == "/apps/d1shop/settings/branches/"
    assert not world.dev.secrets.exists()
    assert not world.dev.variables.filter(removed_at=None).exists()
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is not None
    removals = AuditEvent.objects.filter(action__in=("secret.remove", "variable.remove"))
    assert removals.count() == 72
    assert removals.values("change_set").distinct().count() == 1


def test_stopping_keeps_the_branch(alice: Client, world: World, many: list[Secret]) -> None:
    data = {"remove": tokens(alice.get(url(world.dev)))}
    alice.post(url(world.dev), data, headers={"HX-Request": "true"})
    page = alice.get(url(world.dev))
    assert len(page.context["secrets"]) == 50
    assert len(page.context["variables"]) == 12
    world.dev.refresh_from_db()
    assert world.dev.deleted_at is None


def test_a_failure_under_way(alice: Client, world: World, many: list[Secret]) -> None:
    data = {"remove": tokens(alice.get(url(world.dev)))}
    [path] = paths(world.dev, "K_15") - {"/amplify/d1shop/dev/K_15"}
    parameter_store().put(path, SecretValue("written elsewhere"), overwrite=True)
    page = alice.post(url(world.dev), data, headers={"HX-Request": "true"})
    page = alice.post(url(world.dev), {"remove": tokens(page)}, headers={"HX-Request": "true"})
    assert "the branch was not deleted" in page.text
    assert [it["key"] for it in page.context["outcomes"] if it["outcome"] != "removed"] == ["K_15"]
    assert len(page.context["secrets"]) == 41
    assert "hx-trigger" not in page.text


def test_without_scripts_a_slow_store_answers_in_parts(
    alice: Client, world: World, many: list[Secret], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(branch_delete, "PATIENCE", timedelta(0))  # as if ten took five seconds
    page = alice.post(url(world.dev), {"remove": tokens(alice.get(url(world.dev)))})
    assert page.status_code == 200
    assert "Removed 10 of 72 values" in page.text
    assert "Continue" in page.text
