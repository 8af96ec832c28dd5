"""The clock is set back by an hour: nothing waits or lasts an hour longer (guarantee 8)."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from console.auth import sessions
from console.lib.clock import is_within
from console.models import Session
from console.models.notifications import Kind
from console.notifications.delivery import deliver
from console.ops import checks
from secrets_app.ops import gauges
from secrets_app.sync import reconciling
from tests.console.auth.conftest import post
from tests.factories import (
    audit_rows,
    collect_notices,
    listed_secret,
    reconciled_secret,
    save_secrets,
    secret_paths,
    secret_row,
    set_command,
    set_secret,
    subscribe,
    write_outside,
)
from tests.fixtures.mail import MailServer
from tests.fixtures.people import World
from tests.fixtures.stores import InterruptedStore, Killed, StoreCalls, kill_process

HOUR = timedelta(hours=1)
Clock = time_machine.Traveller


def test_it_works(world: World, clock: Clock) -> None:
    reconciled_secret(world, "API_KEY")
    clock.shift(-HOUR)
    write_outside(secret_paths(world, "API_KEY")[0])
    reconciling.reconcile(actor=world.actor("vera"), app_id="d1shop")
    assert secret_row(world, "API_KEY").version == 2
    assert [row.action for row in audit_rows(world, "found.")] == ["found.change"]


def test_set_back_by_less_than_the_interval(
    world: World, clock: Clock, store_calls: StoreCalls
) -> None:
    reconciled_secret(world, "API_KEY")
    store_calls.clear()
    clock.shift(-10)
    reconciling.reconcile(actor=world.actor("vera"), app_id="d1shop")
    assert store_calls() == 0
    clock.shift(10 + 16)
    reconciling.reconcile(actor=world.actor("vera"), app_id="d1shop")
    assert store_calls("list") == 1


def test_a_killed_pass(world: World, clock: Clock, interrupted: InterruptedStore) -> None:
    reconciled_secret(world, "API_KEY")
    write_outside(secret_paths(world, "API_KEY")[0])
    interrupted.after("list", kill_process)
    with pytest.raises(Killed):
        reconciling.reconcile_now(world.app)
    assert not reconciling.reconcile_now(world.app)
    clock.shift(-HOUR)
    assert reconciling.reconcile_now(world.app)
    assert secret_row(world, "API_KEY").version == 2


def test_a_lease(world: World, clock: Clock, interrupted: InterruptedStore) -> None:
    row = reconciled_secret(world, "API_KEY", world.dev)
    interrupted.before("put", kill_process)
    with pytest.raises(Killed):
        save_secrets(world, set_command(row), by="mia")
    clock.shift(-10)  # less than the lease lasts
    [outcome] = save_secrets(world, set_command(row), by="bob")
    assert outcome.outcome == "conflict"
    clock.shift(-HOUR)
    assert listed_secret(world, "API_KEY", world.dev).state == "unknown"
    assert gauges.unknown_secrets() == 1
    [outcome] = save_secrets(world, set_command(row), by="alice")
    assert outcome.outcome == "saved"


def test_cached_values(clock: Clock, world: World) -> None:
    cache.set("short", "old", 15)
    cache.add("long", "old", 7200)
    cache.set("forever", "old", None)
    assert cache.get_many(["short", "long", "forever", "missing"]) == {
        "short": "old",
        "long": "old",
        "forever": "old",
    }
    assert not cache.add("short", "new", 15)
    clock.shift(-HOUR)
    assert cache.get_many(["short", "long", "forever"]) == {"long": "old", "forever": "old"}
    assert "short" not in cache
    assert cache.add("short", "new", 15)
    assert not cache.add("short", "newer", 15)
    assert cache.get("short") == "new"
    clock.shift(16)
    assert cache.get("short") is None


def test_readiness_is_checked_again(
    client: Client, clock: Clock, world: World, store_calls: StoreCalls
) -> None:
    for _ in range(2):
        assert client.get("/readyz").status_code == 200
    assert store_calls("ping") == 1
    clock.shift(-HOUR)
    assert client.get("/readyz").status_code == 200
    assert store_calls("ping") == 2


def test_sign_in_limits(client: Client, clock: Clock, world: World) -> None:
    email = world.person("bob").email
    for guess in range(5):
        post(Client(), email, f"guess {guess}")
    assert post(client, email).status_code == 429
    clock.shift(-HOUR)
    assert post(client, email).status_code == 302


def test_mails(world: World, clock: Clock, mail_server: MailServer) -> None:
    subscribe(world, "vera", Kind.GUARDED_CHANGE)
    set_secret(world, "API_KEY", branch=world.main)
    collect_notices()
    clock.shift(-HOUR)
    assert deliver(now=timezone.now()).sent == 1
    assert len(mail_server.pop()) == 1


def test_a_session(client_for: Callable[[str], Client], clock: Clock) -> None:
    client = client_for("alice")
    assert client.get("/").status_code == 200
    clock.shift(timedelta(minutes=-59))  # idle sessions last 60
    assert client.get("/").status_code == 200
    row = Session.objects.get()
    assert is_within(timedelta(minutes=1), timezone.now() - row.last_seen_at)
    clock.shift(timedelta(hours=-2))
    assert list(sessions.active_sessions(row.user)) == []
    assert client.get("/").status_code == 302


def test_reauthentication(
    world: World, client_for: Callable[[str], Client], clock: Clock, settings: Any
) -> None:
    settings.REAUTHENTICATE = timedelta(minutes=15)
    row = set_secret(world, "API_KEY", branch=world.main)
    client = client_for("alice")
    url = reverse("secret_reveal", args=["d1shop", row.pk])
    assert client.post(url).status_code == 200
    clock.shift(-HOUR)
    assert client.post(url).status_code != 200


def test_doctor(world: World, clock: Clock) -> None:
    set_secret(world, "API_KEY")
    assert checks.clock().state == "ok"
    clock.shift(-HOUR)
    finding = checks.clock()
    assert finding.state == "warning"
    assert "3,6" in finding.message
    assert "set back" in finding.hint
