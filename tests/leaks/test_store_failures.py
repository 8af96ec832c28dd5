"""A failure inside any store call leaks nothing, not even SSM's own message (guarantee 4)."""

from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse

from secrets_app.models import EmbeddedVersion, Secret
from secrets_app.store import parameter_store
from tests.factories import without_table
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.leaks.actions import HEADERS, ClientFor, secret_url
from tests.leaks.crawl import FRAGMENT
from tests.leaks.detector import LeakDetector

ECHO = b'{"Version": "nonsense", "Parameters": [{"Name": "n", "Value": "CANARY", "Version": {}}]}'
FAULTS = {
    "refused, with the value in the message": Fault.error("ValidationException"),
    "refused by KMS": Fault.KMS_DENIED,
    "throttled": Fault.THROTTLING,
    "full": Fault.LIMIT,
    "failed after writing": Fault.SERVER_ERROR_AFTER,
    "response lost": Fault.RESET_AFTER,
    "response truncated": Fault.TRUNCATED,
    "not SSM at all": Fault.GARBAGE,
    "invalid JSON types with the value": Fault.answer(ECHO),
}
pytestmark = pytest.mark.slow
OPERATIONS = (
    *("PutParameter", "GetParameters", "DeleteParameters", "DescribeParameters"),
    "GetParameterHistory",
)


def save(client_for: ClientFor, world: World, key: str, value: str) -> Any:
    fields = {"new-1-key": key, "new-1-value": value, "new-1-branch": world.main.pk}
    return client_for("alice").post(reverse("secrets_manage", args=[world.app.app_id]), fields)


def plant(detector: LeakDetector, client_for: ClientFor, world: World) -> Secret:
    value = detector.canary.shapes("planted before")["signs"]
    assert save(client_for, world, "PLANTED", value).status_code == 302
    return Secret.objects.get(key="PLANTED")


def call_store(
    detector: LeakDetector,
    client_for: ClientFor,
    world: World,
    secret: Secret,
    headers: dict[str, str],
) -> list[int]:
    """Do everything that calls the store; return the statuses."""
    alice, app_id = client_for("alice"), world.app.app_id
    manage, pk = reverse("secrets_manage", args=[app_id]), secret.pk
    changed, added = (detector.canary.shapes(way)["lines"] for way in ("changed", "added"))
    posts: list[tuple[str, dict[str, Any]]] = [
        (secret_url(secret, "secret_reveal"), {}),
        (manage, {"new-1-key": "ADDED", "new-1-value": added}),
        (manage, {f"value-{pk}": changed, f"base-{pk}": 1}),
        (secret_url(secret, "secret_reveal"), {"version": 1}),
        (secret_url(secret, "secret_compare"), {"version": [1, 2]}),
        (secret_url(secret, "secret_restore"), {"version": 1, "base": 2}),
        (secret_url(secret, "secret_mirror"), {}),
        (reverse("secrets_revalidate", args=[app_id]), {"mode": "list"}),
        (manage, {f"remove-{pk}": "on", f"base-{pk}": 1}),
        (reverse("branch_delete", args=[app_id, world.main.pk]), {"remove": pk, "confirm": "main"}),
    ]
    statuses = [alice.post(url, it, headers=headers).status_code for url, it in posts]
    for name in ("secrets", "secrets_manage", "activity"):
        alice.get(reverse(name, args=[app_id]), headers=headers)
    alice.get(secret_url(secret, "secret_detail"), headers=headers)
    alice.get(secret_url(secret, "secret_versions"), headers=headers)
    alice.get("/readyz")
    return statuses


@pytest.mark.parametrize(
    "fault",
    [pytest.param(it, marks=() if "value" in it else pytest.mark.exhaustive) for it in FAULTS],
)
def test_it_works(
    faulty: Faulty,
    console_on_ssm: object,
    no_backoff: None,
    detector: LeakDetector,
    client_for: ClientFor,
    world: World,
    fault: str,
) -> None:
    secret = plant(detector, client_for, world)
    fault_with_value = FAULTS[fault]
    if fault_with_value.body:
        fault_with_value = Fault.answer(
            fault_with_value.body.replace(b"CANARY", detector.canary.marker.encode())
        )
    # What says nothing but its code is the same for each operation that reads, or that writes
    operations = OPERATIONS if "value" in fault else OPERATIONS[:2]
    for number, operation in enumerate(operations, start=[*FAULTS].index(fault)):
        faulty.always(fault_with_value, on=operation)
        statuses = call_store(detector, client_for, world, secret, HEADERS[number % 2])
        assert max(statuses) >= 422  # otherwise the test proves nothing
        faulty.heal()
    assert detector.leaks() == []
    assert mail.outbox == []


@pytest.mark.parametrize(
    "table",
    [
        # PostgreSQL's messages quote values: those of the two tables that hold most
        pytest.param("secrets_app_embeddedparameter", marks=pytest.mark.both_databases),
        pytest.param("secrets_app_embeddedversion", marks=pytest.mark.exhaustive),
        "secrets_app_secret",
        pytest.param("secrets_app_revalidation", marks=pytest.mark.exhaustive),
        pytest.param("console_auditevent", marks=pytest.mark.exhaustive_on_postgres),
        pytest.param("console_auditoutcome", marks=pytest.mark.exhaustive),
    ],
)
@pytest.mark.exhaustive_on_postgres
def test_a_failing_database(
    detector: LeakDetector, client_for: ClientFor, world: World, table: str
) -> None:
    secret = plant(detector, client_for, world)
    with without_table(table):
        statuses = call_store(detector, client_for, world, secret, {})
        statuses += call_store(detector, client_for, world, secret, FRAGMENT)
    assert 500 in statuses
    page = failure_page(client_for, world, table)
    assert b"Something went wrong" in page
    assert detector.leaks() == []
    assert mail.outbox == []


def failure_page(client_for: ClientFor, world: World, table: str) -> bytes:
    with without_table("secrets_app_secret"):
        response = client_for("alice").get(reverse("secrets", args=[world.app.app_id]))
    assert response.status_code == 500
    assert table.encode() not in response.content  # no internals (guarantee 47)
    return bytes(response.content)


def test_a_tampered_row(detector: LeakDetector, client_for: ClientFor, world: World) -> None:
    secret = plant(detector, client_for, world)
    EmbeddedVersion.objects.update(version=7)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE secrets_app_embeddedparameter SET version = 7")
    assert 502 in call_store(detector, client_for, world, secret, FRAGMENT)
    assert detector.leaks() == []


def test_a_wrong_key(
    detector: LeakDetector, client_for: ClientFor, world: World, settings: Any
) -> None:
    secret = plant(detector, client_for, world)
    settings.ENCRYPTION_KEYS = ["YW5vdGhlci1rZXktb2YtMzItYnl0ZXMtZm9yLXRlc3Q="]
    parameter_store.cache_clear()
    assert 502 in call_store(detector, client_for, world, secret, FRAGMENT)
    assert detector.leaks() == []
