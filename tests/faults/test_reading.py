"""The store fails on a read: reveal, list, readiness."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from console.models import AuditOutcome
from secrets_app.models import Revalidation
from secrets_app.reveal import reveal
from secrets_app.store import parameter_store
from tests.factories import (
    audit_rows,
    listed_secret,
    reconcile_now,
    secret_paths,
    secret_versions,
    set_secret,
    write_outside,
)
from tests.faults.faults import DISTINCT, FAULTS, assert_recovered, each_fault, reveals_nothing
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

FRAGMENT = {"HX-Request": "true"}
VALUE = "a value that is never shown"


@pytest.mark.parametrize("name", DISTINCT)
def test_it_works_for_reveal(world: World, failing: Any, client_for: Any, name: str) -> None:
    meaning = FAULTS[name]
    row = set_secret(world, "SECRET", VALUE, world.main)
    reconcile_now(world)
    url = reverse("secret_reveal", args=[world.app.app_id, row.pk])
    with failing(meaning.fault, "GetParameters"):
        page = client_for("alice").post(url)
        fragment = client_for("alice").post(url, headers=FRAGMENT)
    for response in (page, fragment):
        assert response.status_code == 503
        assert escape(meaning.read_error.message) in response.content.decode()
        assert reveals_nothing(response.content.decode())
        assert VALUE not in response.content.decode()
    assert [entry[1:5] for entry in audit_rows(world)[1:]] == [
        ("secret.reveal", "SECRET", 1, "failed")
    ] * 2
    assert all(outcome.detail for outcome in AuditOutcome.objects.filter(outcome="failed"))
    assert_recovered(world)
    assert reveal(actor=world.actor("alice"), app_id=world.app.app_id, pk=row.pk).reveal() == VALUE


@each_fault
def test_it_works_for_a_listing(world: World, failing: Any, client_for: Any, name: str) -> None:
    meaning = FAULTS[name]
    set_secret(world, "SECRET", branch=world.main)
    reconcile_now(world)
    agreed = Revalidation.objects.get().agreed_at
    with failing(meaning.fault, "DescribeParameters"):
        freshness = reconcile_now(world)
    assert (freshness.state, freshness.agreed_at) == ("unreachable", agreed)
    assert freshness.problem == meaning.read_error.message[:200]
    assert secret_versions(world) == {("main", "SECRET"): 1}
    assert audit_rows(world, "found.") == []
    assert_recovered(world)
    assert Revalidation.objects.get().problem == ""


@pytest.mark.parametrize("name", DISTINCT)
def test_it_works_for_versions(world: World, failing: Any, client_for: Any, name: str) -> None:
    """The page still works, says why there are no versions, and restores nothing."""
    for value in ("first", VALUE):
        row = set_secret(world, "SECRET", value, world.main)
    reconcile_now(world)
    client, arguments = client_for("alice"), [world.app.app_id, row.pk]
    with failing(FAULTS[name].fault, "GetParameterHistory"):
        page = client.get(reverse("secret_versions", args=arguments))
        fragment = client.get(reverse("secret_versions", args=arguments), headers=FRAGMENT)
    for response in (page, fragment):
        assert response.status_code == 200
        assert escape(FAULTS[name].read_error.message) in response.content.decode()
        assert reveals_nothing(response.content.decode())
    with failing(FAULTS[name].fault, "GetParameters"):
        fields = {"version": "1", "base": "2"}
        answer = client.post(reverse("secret_restore", args=arguments), fields)
    assert answer.status_code == 503
    assert [entry[1:5] for entry in audit_rows(world)[2:]] == [
        ("secret.restore_version", "SECRET", 1, "failed")
    ]
    assert_recovered(world)
    assert secret_versions(world) == {("main", "SECRET"): 2}


@each_fault
def test_it_works_for_a_read_by_name(world: World, failing: Any, name: str) -> None:
    set_secret(world, "SECRET")
    reconcile_now(world)
    parameter_store().remove(secret_paths(world, "SECRET")[:1])
    with failing(FAULTS[name].fault, "GetParameters"):
        assert reconcile_now(world).state == "unreachable"
    assert secret_versions(world) == {("", "SECRET"): 1}
    reconcile_now(world)
    assert listed_secret(world, "SECRET").state == "gone"


def test_a_listing_that_fails_on_its_second_page(
    world: World, faulty_ssm: Faulty, no_backoff: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):  # moto's pages hold ten
        write_outside(secret_paths(world, f"KEY_{number:02}")[0])
    pages = iter([None])
    monkeypatch.setattr(faulty_ssm, "_fault_for", lambda _: next(pages, Fault.RESET))
    assert reconcile_now(world).state == "unreachable"
    assert secret_versions(world) == {}
    # The first, and three attempts
    assert faulty_ssm.operations()[-4:] == ["DescribeParameters"] * 4


def test_the_list_shows_its_age(world: World, failing: Any, client_for: Any) -> None:
    set_secret(world, "SECRET", branch=world.main)
    reconcile_now(world)
    hour = timezone.now() - timedelta(hours=1)
    Revalidation.objects.update(agreed_at=hour, started_at=hour)
    client = client_for("vera")
    url = reverse("secrets_revalidate", args=[world.app.app_id])
    fields = {"since": timezone.now().isoformat(), "mode": "list"}
    with failing(Fault.ACCESS_DENIED, "DescribeParameters"):
        fragment = client.post(url, fields, headers=FRAGMENT)
        page = client.get(reverse("secrets", args=[world.app.app_id]))
    for response in (fragment, page):
        text = response.content.decode()
        assert response.status_code == 200
        assert "Store unreachable." in text
        assert f"{hour:%Y-%m-%d %H:%M:%S}Z</time>" in text
        assert reveals_nothing(text)
    assert "SECRET" in page.content.decode()


def test_a_store_that_was_never_reachable(world: World, failing: Any) -> None:
    with failing(Fault.ACCESS_DENIED, "DescribeParameters"):
        freshness = reconcile_now(world)
    assert (freshness.state, freshness.agreed_at) == ("unreachable", None)
    write_outside(secret_paths(world, "SECRET")[0])
    assert reconcile_now(world).state == "fresh"
    assert [entry.action for entry in audit_rows(world)] == ["found.all"]


def test_a_failing_store_is_called_once_in_fifteen_seconds(
    world: World, faulty_ssm: Faulty, no_backoff: None, client_for: Any
) -> None:
    faulty_ssm.always(Fault.ACCESS_DENIED)
    client = client_for("vera")
    for _ in range(5):
        client.post(reverse("secrets_revalidate", args=[world.app.app_id]))
    assert faulty_ssm.operations() == ["DescribeParameters"]


def test_readiness(world: World, faulty_ssm: Faulty, no_backoff: None, client_for: Any) -> None:
    cache.clear()
    assert client_for("").get("/readyz").status_code == 200
    cache.clear()
    faulty_ssm.always(Fault.ACCESS_DENIED)
    response = client_for("").get("/readyz")
    assert (response.status_code, response.content) == (503, b"not ready\n")
    assert client_for("").get("/healthz").status_code == 200
