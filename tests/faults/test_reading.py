"""A store that fails while it is read: reveal, list, readiness."""

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
from tests.faults.faults import FAULTS, TOLD, all_is_well, clean
from tests.fixtures.faulty import Fault, Faulty
from tests.secrets_app.writes.desk import Desk

faults = pytest.mark.parametrize("name", FAULTS)
FRAGMENT = {"HX-Request": "true"}
VALUE = "a value that is shown to nobody"


@pytest.mark.parametrize("name", TOLD)
def test_it_works_for_a_reveal(desk: Desk, trouble: Any, as_: Any, name: str) -> None:
    meaning = FAULTS[name]
    row = desk.put("SECRET", VALUE, desk.world.main)
    desk.check()
    url = reverse("secret_reveal", args=[desk.app.app_id, row.pk])
    with trouble(meaning.fault, "GetParameters"):
        page = as_("alice").post(url)
        fragment = as_("alice").post(url, headers=FRAGMENT)
    for response in (page, fragment):
        assert response.status_code == 503
        assert escape(meaning.of_a_read.message) in response.content.decode()
        assert clean(response.content.decode())
        assert VALUE not in response.content.decode()
    assert [entry[1:5] for entry in desk.trail()[1:]] == [
        ("secret.reveal", "SECRET", 1, "failed")
    ] * 2
    assert all(outcome.detail for outcome in AuditOutcome.objects.filter(outcome="failed"))
    all_is_well(desk)
    assert (
        reveal(actor=desk.world.actor("alice"), app_id=desk.app.app_id, pk=row.pk).reveal() == VALUE
    )


@faults
def test_it_works_for_a_listing(desk: Desk, trouble: Any, as_: Any, name: str) -> None:
    meaning = FAULTS[name]
    desk.put("SECRET", branch=desk.world.main)
    desk.check()
    agreed = Revalidation.objects.get().agreed_at
    with trouble(meaning.fault, "DescribeParameters"):
        freshness = desk.check()
    assert (freshness.state, freshness.agreed_at) == ("unreachable", agreed)
    assert freshness.problem == meaning.of_a_read.message[:200]
    assert desk.rows() == {("main", "SECRET"): 1}
    assert desk.trail("found.") == []
    all_is_well(desk)
    assert Revalidation.objects.get().problem == ""


@faults
def test_it_works_for_a_question_by_name(desk: Desk, trouble: Any, name: str) -> None:
    desk.put("SECRET")
    desk.check()
    desk.store.remove(desk.paths("SECRET")[:1])
    with trouble(FAULTS[name].fault, "GetParameters"):
        assert desk.check().state == "unreachable"
    assert desk.rows() == {("", "SECRET"): 1}
    desk.check()
    assert desk.shown("SECRET").state == "gone"


def test_a_listing_that_breaks_off_on_its_second_page_changes_nothing(
    desk: Desk, faulty: Faulty, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):  # moto's pages hold ten
        desk.outside(desk.paths(f"KEY_{number:02}")[0])
    pages = iter([None])
    monkeypatch.setattr(faulty, "_fault_for", lambda _: next(pages, Fault.RESET))
    assert desk.check().state == "unreachable"
    assert desk.rows() == {}
    assert faulty.operations()[-4:] == ["DescribeParameters"] * 4  # the first, and three attempts


def test_the_list_stands_marked_with_its_age(desk: Desk, trouble: Any, as_: Any) -> None:
    desk.put("SECRET", branch=desk.world.main)
    desk.check()
    hour = timezone.now() - timedelta(hours=1)
    Revalidation.objects.update(agreed_at=hour, started_at=hour)
    client = as_("vera")
    url = reverse("secrets_revalidate", args=[desk.app.app_id])
    fields = {"since": timezone.now().isoformat(), "mode": "list"}
    with trouble(Fault.ACCESS_DENIED, "DescribeParameters"):
        answer = client.post(url, fields, headers=FRAGMENT)
        page = client.get(reverse("secrets", args=[desk.app.app_id]))
    for response in (answer, page):
        text = response.content.decode()
        assert response.status_code == 200
        assert "Store unreachable." in text
        assert "1\xa0hour ago" in text
        assert clean(text)
    assert "SECRET" in page.content.decode()


def test_a_store_that_was_never_reached(desk: Desk, trouble: Any) -> None:
    with trouble(Fault.ACCESS_DENIED, "DescribeParameters"):
        freshness = desk.check()
    assert (freshness.state, freshness.agreed_at) == ("unreachable", None)
    desk.outside(desk.paths("SECRET")[0])
    assert desk.check().state == "fresh"
    assert [entry[1] for entry in desk.trail()] == ["found.all"]


def test_in_trouble_too_it_is_asked_once_in_fifteen_seconds(
    desk: Desk, faulty: Any, impatient: None, as_: Any
) -> None:
    faulty.always(Fault.ACCESS_DENIED)
    client = as_("vera")
    for _ in range(5):
        client.post(reverse("secrets_revalidate", args=[desk.app.app_id]))
    assert faulty.operations() == ["DescribeParameters"]


def test_readiness(desk: Desk, faulty: Any, impatient: None, as_: Any) -> None:
    cache.clear()
    assert as_("").get("/readyz").status_code == 200
    cache.clear()
    faulty.always(Fault.ACCESS_DENIED)
    response = as_("").get("/readyz")
    assert (response.status_code, response.content) == (503, b"not ready\n")
    assert as_("").get("/healthz").status_code == 200
