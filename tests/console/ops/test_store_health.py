"""The parameter store's health: what its calls showed, how full it is, whether it answers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from secrets_app.models import CallMinute, Secret
from secrets_app.ops import call_stats, quotas
from secrets_app.store.instrumentation import Call
from tests.fixtures.faulty import Fault, Faulty
from tests.secrets_app.writes.conftest import StoreCalls
from tests.secrets_app.writes.desk import Desk

PAGE = "/operation/store/"


@pytest.fixture(autouse=True)
def _nothing_noted(db: None) -> None:
    """Let what earlier tests called be written where it is rolled back."""
    call_stats.flush()
    CallMinute.objects.all().delete()


def states() -> dict[str, str]:
    """Return each operation's state by its words."""
    return {it.label: it.state for it in quotas.operations()}


@pytest.mark.usefixtures("clock")
def test_it_works(as_: Callable[[str], Client], desk: Desk) -> None:
    desk.put("SECRET", branch=desk.world.main)
    page = as_("olga").get(PAGE)
    assert (page.status_code, page["Cache-Control"]) == (200, "no-store")
    assert {row["operation"]: row["calls"] for row in page.context["calls"]} == {
        **{"current": 1, "put": 2}
    }
    assert page.context["apps"] == [{"app_id": "d1shop", "name": "Shop", "number": 2}]
    assert page.context["size"] == {"parameters": 2, "versions": 2, "size": 2 * len("first") + 32}


def test_the_page_calls_no_store(
    as_: Callable[[str], Client], console_on_ssm: Any, calls: StoreCalls
) -> None:
    text = as_("olga").get(PAGE).text
    assert "Not checked yet" in text
    assert "10,000" in text
    assert calls() == 0


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_asking_now(
    as_: Callable[[str], Client], console_on_ssm: Any, faulty: Faulty, headers: dict[str, str]
) -> None:
    olga = as_("olga")
    answer = olga.post(PAGE, headers=headers).text
    assert "The parameter store answers." in answer
    assert ("<html" in answer) is not bool(headers)
    faulty.always(Fault.ACCESS_DENIED)
    answer = olga.post(PAGE, headers=headers).text
    assert "denied access to Branchkeep" in answer
    assert "arn:" not in answer


def test_a_store_that_was_set_up_wrongly(as_: Callable[[str], Client], settings: Any) -> None:
    settings.ENCRYPTION_KEYS = ["CANARY"]
    answer = as_("olga").post(PAGE)
    assert answer.status_code == 200
    assert "ENCRYPTION_KEYS" in answer.text
    assert "CANARY" not in answer.text


@pytest.mark.parametrize("name", ["alice", "charlie"])
def test_it_is_for_operators(as_: Callable[[str], Client], calls: StoreCalls, name: str) -> None:
    for method in ("get", "post"):
        assert getattr(as_(name), method)(PAGE).status_code == 403
    assert calls() == 0


def test_rights_are_known_by_what_happened(console_on_ssm: Any, faulty: Faulty, desk: Desk) -> None:
    assert set(states().values()) == {""}
    faulty.always(Fault.ACCESS_DENIED, on="PutParameter")
    desk.save("alice", desk.new("SECRET", "v"))
    call_stats.flush()
    known = states()
    assert (known["Look up versions"], known["Write values"]) == ("works", "refused")
    assert known["Remove"] == ""


def test_a_refusal_with_a_good_reason_is_none_of_a_right(db: None) -> None:
    call_stats.record(Call("put", "AlreadyExists"))
    call_stats.record(Call("read", "StoreFailed"))
    call_stats.flush()
    known = states()
    assert (known["Write values"], known["Read values"]) == ("works", "failing")


@pytest.mark.usefixtures("clock")
@pytest.mark.both_databases
def test_processes_add_to_each_other() -> None:
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


def test_old_minutes_go(db: None) -> None:
    then = timezone.now() - timedelta(hours=25)
    CallMinute.objects.create(minute=then, operation="put", outcome="ok", calls=1)
    call_stats.record(Call("list"))
    call_stats.flush()
    assert [row.operation for row in CallMinute.objects.all()] == ["list"]


def test_a_request_that_calls_no_store_writes_nothing(
    as_: Callable[[str], Client], settings: Any, desk: Desk
) -> None:
    row = desk.put("SECRET")
    call_stats.flush_if_due()  # the desk's own calls, as if a request of its own had made them
    CallMinute.objects.all().delete()
    settings.STORE_CALLS_WRITTEN_EVERY = timedelta(0)
    as_("alice").get("/apps/d1shop/hosting/secrets/")
    assert not CallMinute.objects.exists()
    as_("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    assert CallMinute.objects.filter(operation="read").exists()


def test_it_is_written_now_and_then(
    as_: Callable[[str], Client], settings: Any, desk: Desk
) -> None:
    row = desk.put("SECRET")
    settings.STORE_CALLS_WRITTEN_EVERY = timedelta(hours=1)
    call_stats.flush()
    before = list(CallMinute.objects.values())
    as_("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    assert list(CallMinute.objects.values()) == before


def test_many_versions_are_told(as_: Callable[[str], Client], desk: Desk) -> None:
    row = desk.put("OFTEN")
    desk.put("SELDOM")
    Secret.objects.filter(pk=row.pk).update(version=97)
    page = as_("olga").get(PAGE)
    assert [secret.key for secret in page.context["versions"]] == ["OFTEN"]
    assert "deletes the oldest" in page.text


def test_a_store_that_gets_full(
    as_: Callable[[str], Client], console_on_ssm: Any, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.put("SECRET")
    assert "close to its limit" not in as_("olga").get(PAGE).text
    monkeypatch.setattr(quotas, "MANY_PARAMETERS", 1)
    assert "close to its limit" in as_("olga").get(PAGE).text
