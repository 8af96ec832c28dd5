"""The parameter store's health: recent calls, capacity, and whether it responds."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from console.lib.service_calls import Call
from secrets_app.models import CallMinute, Secret
from secrets_app.ops import call_stats, quotas
from tests.factories import create_command, save_secrets, set_secret
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

PAGE = "/operation/store/"


@pytest.fixture(autouse=True)
def _no_earlier_calls(db: None) -> None:
    """Flush the call counts of earlier tests, so that they are rolled back."""
    call_stats.flush()
    CallMinute.objects.all().delete()


def states() -> dict[str, str]:
    """Return each operation's state."""
    return {it.label: it.state for it in quotas.operations()}


@pytest.mark.usefixtures("clock")
def test_it_works(client_for: Callable[[str], Client], world: World) -> None:
    set_secret(world, "SECRET", branch=world.main)
    page = client_for("olga").get(PAGE)
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert {row["operation"]: row["calls"] for row in page.context["calls"]} == {
        **{"current": 1, "put": 2}
    }
    assert page.context["apps"] == [{"app_id": "d1shop", "name": "Shop", "number": 2, "in_bin": 0}]
    assert page.context["size"] == {"parameters": 2, "versions": 2, "size": 2 * len("first") + 32}


def test_page_does_not_call_the_store(
    client_for: Callable[[str], Client], console_on_ssm: Any, store_calls: StoreCalls
) -> None:
    text = client_for("olga").get(PAGE).text
    assert "Not checked yet" in text
    assert "10,000" in text
    assert store_calls() == 0


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_check_now(
    client_for: Callable[[str], Client],
    console_on_ssm: Any,
    faulty: Faulty,
    headers: dict[str, str],
) -> None:
    olga = client_for("olga")
    response = olga.post(PAGE, headers=headers).text
    assert "The parameter store answers." in response
    assert ("<html" in response) is not bool(headers)
    faulty.always(Fault.ACCESS_DENIED)
    response = olga.post(PAGE, headers=headers).text
    assert "denied access to Branchkeep" in response
    assert "arn:" not in response


def test_misconfigured_store(client_for: Callable[[str], Client], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["CANARY"]
    response = client_for("olga").post(PAGE)
    assert response.status_code == 200
    assert "ENCRYPTION_KEYS" in response.text
    assert "CANARY" not in response.text


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_only_for_operators(
    client_for: Callable[[str], Client], store_calls: StoreCalls, name: str
) -> None:
    for method in ("get", "post"):
        assert getattr(client_for(name), method)(PAGE).status_code == 403
    assert store_calls() == 0


def test_permissions_are_inferred_from_calls(
    console_on_ssm: Any, faulty: Faulty, world: World
) -> None:
    assert set(states().values()) == {""}
    faulty.always(Fault.ACCESS_DENIED, on="PutParameter")
    save_secrets(world, create_command("SECRET", "v"))
    call_stats.flush()
    known = states()
    assert (known["Look up versions"], known["Write values"]) == ("works", "refused")
    assert known["Remove"] == ""


def test_other_errors_say_nothing_about_permissions(db: None) -> None:
    call_stats.record(Call("put", "AlreadyExists"))
    call_stats.record(Call("read", "StoreFailed"))
    call_stats.flush()
    known = states()
    assert (known["Write values"], known["Read values"]) == ("works", "failing")


@pytest.mark.usefixtures("clock")
@pytest.mark.both_databases
@pytest.mark.exhaustive_on_postgres
def test_counts_of_processes_add_up() -> None:
    for _ in range(2):
        call_stats.record(Call("put", throttles=2))
        call_stats.record(Call("put", throttles=1))
        call_stats.record(Call("list", "Throttled"))
        call_stats.flush()
    assert call_stats.last_hour() == [
        {"operation": "list", "outcome": "Throttled", "calls": 2, "throttles": 0},
        {"operation": "put", "outcome": "ok", "calls": 4, "throttles": 6},
    ]
    assert CallMinute.objects.count() == 2


def test_old_counts_are_deleted(db: None) -> None:
    then = timezone.now() - timedelta(hours=25)
    CallMinute.objects.create(minute=then, operation="put", outcome="ok", calls=1)
    call_stats.record(Call("list"))
    call_stats.flush()
    assert [row.operation for row in CallMinute.objects.all()] == ["list"]


def test_request_without_store_calls_writes_nothing(
    client_for: Callable[[str], Client], settings: Any, world: World
) -> None:
    row = set_secret(world, "SECRET")
    call_stats.flush_if_due()  # the save's calls, as if a request of its own had made them
    CallMinute.objects.all().delete()
    settings.STORE_CALLS_WRITTEN_EVERY = timedelta(0)
    client_for("alice").get("/apps/d1shop/hosting/secrets/")
    assert not CallMinute.objects.exists()
    client_for("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    assert CallMinute.objects.filter(operation="read").exists()


def test_written_at_a_limited_rate(
    client_for: Callable[[str], Client], settings: Any, world: World
) -> None:
    row = set_secret(world, "SECRET")
    settings.STORE_CALLS_WRITTEN_EVERY = timedelta(hours=1)
    call_stats.flush()
    before = list(CallMinute.objects.values())
    client_for("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    assert list(CallMinute.objects.values()) == before


def test_parameters_near_the_version_limit(
    client_for: Callable[[str], Client], world: World
) -> None:
    row = set_secret(world, "OFTEN")
    set_secret(world, "SELDOM")
    Secret.objects.filter(pk=row.pk).update(version=97)
    page = client_for("olga").get(PAGE)
    assert [secret.key for secret in page.context["versions"]] == ["OFTEN"]
    assert "deletes the oldest" in page.text


def test_store_near_its_limit(
    client_for: Callable[[str], Client],
    console_on_ssm: Any,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_secret(world, "SECRET")
    assert "close to its limit" not in client_for("olga").get(PAGE).text
    monkeypatch.setattr(quotas, "MANY_PARAMETERS", 1)
    assert "close to its limit" in client_for("olga").get(PAGE).text
