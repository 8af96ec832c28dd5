"""What Prometheus reads at /metrics, and who else does not."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from secrets_app.models import Secret
from secrets_app.ops import gauges
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

Scrape = Callable[[], dict[str, float]]
SAMPLE = re.compile(r"^(\w+(?:{.*})?) (\S+)$", re.MULTILINE)


@pytest.fixture
def scrape(db: None, client: Client, settings: Any) -> Scrape:
    """Return a function that gives every sample by its name and labels."""

    def scraped() -> dict[str, float]:
        answer = client.get("/metrics", headers=bearer(settings.METRICS_TOKEN))
        assert answer.status_code == 200
        return {name: float(number) for name, number in SAMPLE.findall(answer.text)}

    return scraped


def bearer(token: str) -> dict[str, str]:
    """Return what Prometheus sends."""
    return {"authorization": f"Bearer {token}"}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return what grew, by how much."""
    return {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name, 0)}


def test_it_works(scrape: Scrape, as_: Callable[[str], Client], desk: Desk) -> None:
    before = scrape()
    as_("alice").get("/apps/d1shop/")
    desk.put("SECRET")
    after = grown(before, scrape())
    read = 'console_request_seconds_count{method="read",status="200",view="overview"}'
    put = 'console_store_call_seconds_count{operation="put",outcome="ok"}'
    assert (after[read], after[put]) == (1, 1)
    assert before["console_database_up"] == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x", "Bearer \xe9"],
)
def test_whoever_brings_no_token(
    db: None, client: Client, settings: Any, authorization: str
) -> None:
    given = authorization.format(token=settings.METRICS_TOKEN)
    answer = client.get("/metrics", headers={"authorization": given})
    assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer")
    assert "console_" not in answer.text


def test_an_operator_is_no_prometheus(as_: Callable[[str], Client]) -> None:
    assert as_("olga").get("/metrics").status_code == 401


def test_without_the_setting_there_are_none(db: None, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for headers in ({}, bearer(""), {"authorization": "Bearer"}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_no_name_becomes_a_label(scrape: Scrape, as_: Callable[[str], Client], desk: Desk) -> None:
    row = desk.put("CANARY_KEY")
    alice = as_("alice")
    paths = (f"/apps/d1shop/hosting/secrets/{row.pk}/", "/CANARY/", "/?q=CANARY", "/apps/CANARY/")
    for path in paths:
        alice.get(path)
        alice.generic("CANARY", path)
    text = " ".join(scrape())
    assert "CANARY" not in text
    assert "d1shop" not in text
    assert 'method="other"' in text


def test_a_refused_call_is_counted(
    scrape: Scrape, console_on_ssm: Any, faulty: Faulty, desk: Desk, as_: Callable[[str], Client]
) -> None:
    row = desk.put("SECRET")
    before = scrape()
    faulty.next(Fault.THROTTLING, times=2)  # a retry mends that
    as_("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    faulty.always(Fault.ACCESS_DENIED)
    as_("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    after = grown(before, scrape())
    calls = "console_store_call_seconds_count"
    assert after['console_store_throttles_total{operation="read"}'] == 2
    assert after[f'{calls}{{operation="read",outcome="ok"}}'] == 1
    assert after[f'{calls}{{operation="read",outcome="AccessDenied"}}'] == 1


def test_what_nobody_knows_is_told(
    scrape: Scrape, console_on_ssm: Any, faulty: Faulty, desk: Desk
) -> None:
    assert scrape()["console_unknown_secrets"] == 0
    faulty.next(Fault.RESET_AFTER, times=3, on="PutParameter")
    [outcome] = desk.save("alice", desk.new("SECRET", "v"))
    assert outcome.outcome == "unknown"
    cache.clear()  # the numbers are remembered for some seconds
    assert Secret.objects.count() == scrape()["console_unknown_secrets"] == 1


def test_a_database_that_is_away_is_told(scrape: Scrape) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_cache RENAME TO away")
    samples = scrape()
    assert samples["console_database_up"] == 0
    assert not set(gauges.HELP_TEXTS) & set(samples)


@pytest.mark.usefixtures("clock")
def test_the_numbers_are_measured_seldom(
    scrape: Scrape, django_assert_max_num_queries: Any, world: World
) -> None:
    scrape()
    with django_assert_max_num_queries(1):  # the cache's
        scrape()


def test_probes_leave_no_line_in_the_log(
    db: None, client: Client, settings: Any, caplog: Any
) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path, headers=bearer(settings.METRICS_TOKEN))
    assert "request_finished" not in caplog.text
    client.get("/metrics")
    assert "request_finished" in caplog.text  # a wrong token is worth one


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "evil.example", ""])
def test_a_probe_comes_under_any_name(
    db: None, client: Client, settings: Any, path: str, host: str
) -> None:
    headers = {"host": host, **bearer(settings.METRICS_TOKEN)}
    answer = client.get(path, headers=headers)
    assert answer.status_code == 200
    assert "evil" not in answer.text
