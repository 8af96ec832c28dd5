"""The metrics at /metrics, and who may read them."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from secrets_app.models import Secret
from secrets_app.ops import gauges
from tests.factories import create_command, save_secrets, set_secret
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World

Scrape = Callable[[], dict[str, float]]
SAMPLE = re.compile(r"^(\w+(?:{.*})?) (\S+)$", re.MULTILINE)


@pytest.fixture
def scrape(db: None, client: Client, settings: Any) -> Scrape:
    """Return a function that gives every sample by name and labels."""

    def scraped() -> dict[str, float]:
        response = client.get("/metrics", headers=bearer(settings.METRICS_TOKEN))
        assert response.status_code == 200
        return {name: float(number) for name, number in SAMPLE.findall(response.text)}

    return scraped


def bearer(token: str) -> dict[str, str]:
    """Return the header that Prometheus sends."""
    return {"authorization": f"Bearer {token}"}


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """Return the increase of each sample that grew."""
    return {name: n - before.get(name, 0) for name, n in after.items() if n != before.get(name, 0)}


def test_it_works(scrape: Scrape, client_for: Callable[[str], Client], world: World) -> None:
    before = scrape()
    client_for("alice").get("/apps/d1shop/")
    set_secret(world, "SECRET")
    after = grown(before, scrape())
    read = 'console_request_seconds_count{method="read",status="200",view="overview"}'
    put = 'console_store_call_seconds_count{operation="put",outcome="ok"}'
    assert (after[read], after[put]) == (1, 1)
    assert before["console_database_up"] == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", "Basic {token}", "{token}", "Bearer {token}x", "Bearer \xe9"],
)
def test_wrong_or_missing_token(
    db: None, client: Client, settings: Any, authorization: str
) -> None:
    given = authorization.format(token=settings.METRICS_TOKEN)
    response = client.get("/metrics", headers={"authorization": given})
    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")
    assert "console_" not in response.text


def test_operator_session_is_not_enough(client_for: Callable[[str], Client]) -> None:
    assert client_for("olga").get("/metrics").status_code == 401


def test_no_token_configured(db: None, client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = ""
    for headers in ({}, bearer(""), {"authorization": "Bearer"}):
        assert client.get("/metrics", headers=headers).status_code == 404


def test_labels_contain_no_names(
    scrape: Scrape, client_for: Callable[[str], Client], world: World
) -> None:
    row = set_secret(world, "CANARY_KEY")
    alice = client_for("alice")
    paths = (f"/apps/d1shop/hosting/secrets/{row.pk}/", "/CANARY/", "/?q=CANARY", "/apps/CANARY/")
    for path in paths:
        alice.get(path)
        alice.generic("CANARY", path)
    text = " ".join(scrape())
    assert "CANARY" not in text
    assert "d1shop" not in text
    assert 'method="other"' in text


def test_failed_calls_are_counted(
    scrape: Scrape,
    console_on_ssm: Any,
    faulty: Faulty,
    no_backoff: None,
    world: World,
    client_for: Callable[[str], Client],
) -> None:
    row = set_secret(world, "SECRET")
    before = scrape()
    faulty.next(Fault.THROTTLING, times=2)  # a retry succeeds
    client_for("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    faulty.always(Fault.ACCESS_DENIED)
    client_for("alice").post(f"/apps/d1shop/hosting/secrets/{row.pk}/reveal/")
    after = grown(before, scrape())
    calls = "console_store_call_seconds_count"
    assert after['console_store_throttles_total{operation="read"}'] == 2
    assert after[f'{calls}{{operation="read",outcome="ok"}}'] == 1
    assert after[f'{calls}{{operation="read",outcome="AccessDenied"}}'] == 1


def test_unknown_outcomes(
    scrape: Scrape, console_on_ssm: Any, faulty: Faulty, world: World
) -> None:
    assert scrape()["console_unknown_secrets"] == 0
    faulty.next(Fault.RESET_AFTER, times=3, on="PutParameter")
    [outcome] = save_secrets(world, create_command("SECRET", "v"))
    assert outcome.outcome == "unknown"
    cache.clear()  # the numbers are cached for some seconds
    assert Secret.objects.count() == scrape()["console_unknown_secrets"] == 1


def test_database_unavailable(scrape: Scrape) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE console_cache RENAME TO away")
    samples = scrape()
    assert samples["console_database_up"] == 0
    assert not set(gauges.HELP_TEXTS) & set(samples)


@pytest.mark.usefixtures("clock")
def test_gauges_are_cached(
    scrape: Scrape, django_assert_max_num_queries: Any, world: World
) -> None:
    scrape()
    with django_assert_max_num_queries(1):  # of the cache
        scrape()


def test_probes_are_not_logged(db: None, client: Client, settings: Any, caplog: Any) -> None:
    for path in ("/healthz", "/readyz", "/metrics"):
        client.get(path, headers=bearer(settings.METRICS_TOKEN))
    assert "request_finished" not in caplog.text
    client.get("/metrics")
    assert "request_finished" in caplog.text  # a wrong token is logged


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("host", ["10.1.2.3:8000", "evil.example", ""])
def test_any_host(db: None, client: Client, settings: Any, path: str, host: str) -> None:
    headers = {"host": host, **bearer(settings.METRICS_TOKEN)}
    response = client.get(path, headers=headers)
    assert response.status_code == 200
    assert "evil" not in response.text
