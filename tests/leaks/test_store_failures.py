"""A failure inside any store call leaks nothing, not even SSM's own message (guarantee 4)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.urls import reverse

from secrets_app.models import EmbeddedVersion, Secret
from secrets_app.store import parameter_store
from tests.fixtures.faulty import Fault, Faulty
from tests.fixtures.people import World
from tests.leaks.crawl import FRAGMENT
from tests.leaks.deeds import ASKED, address
from tests.leaks.harness import Trap, Visitor, table_away

ECHO = b'{"Version": "nonsense", "Parameters": [{"Name": "n", "Value": "CANARY", "Version": {}}]}'
FAULTS = {
    "refused, with the value in the words": Fault.error("ValidationException"),
    "refused by KMS": Fault.KMS_DENIED,
    "throttled": Fault.THROTTLING,
    "full": Fault.LIMIT,
    "failed after it was done": Fault.SERVER_ERROR_AFTER,
    "answer lost": Fault.RESET_AFTER,
    "answer cut short": Fault.TRUNCATED,
    "not SSM at all": Fault.GARBAGE,
    "nonsense with the value in it": Fault.answer(ECHO),
}
pytestmark = pytest.mark.slow
OPERATIONS = ("PutParameter", "GetParameters", "DeleteParameters", "DescribeParameters")
Visitors = Callable[[str], Visitor]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let botocore not wait before it tries again."""
    delay = "botocore.retries.standard.ExponentialBackoff.delay_amount"
    monkeypatch.setattr(delay, lambda *_: 0)


def _save(visitor: Visitors, world: World, key: str, value: str) -> Any:
    fields = {"new-1-key": key, "new-1-value": value, "new-1-branch": world.main.pk}
    return visitor("alice").post(reverse("secrets_manage", args=[world.app.app_id]), fields)


def _plant(trap: Trap, visitor: Visitors, world: World) -> Secret:
    value = trap.canary.shapes("planted before")["signs"]
    assert _save(visitor, world, "PLANTED", value).status_code == 302
    return Secret.objects.get(key="PLANTED")


def _everything(
    trap: Trap, visitor: Visitors, world: World, secret: Secret, headers: dict[str, str]
) -> list[int]:
    """Do all that calls the store; return the statuses."""
    alice, app_id = visitor("alice"), world.app.app_id
    manage, pk = reverse("secrets_manage", args=[app_id]), secret.pk
    changed, added = (trap.canary.shapes(way)["lines"] for way in ("changed", "added"))
    posts: list[tuple[str, dict[str, Any]]] = [
        (address(secret, "secret_reveal"), {}),
        (manage, {"new-1-key": "ADDED", "new-1-value": added}),
        (manage, {f"value-{pk}": changed, f"base-{pk}": 1}),
        (address(secret, "secret_mirror"), {}),
        (reverse("secrets_revalidate", args=[app_id]), {"mode": "list"}),
        (manage, {f"remove-{pk}": "on", f"base-{pk}": 1}),
        (reverse("branch_delete", args=[app_id, world.main.pk]), {"remove": pk, "confirm": "main"}),
    ]
    statuses = [alice.post(url, it, headers=headers).status_code for url, it in posts]
    for name in ("secrets", "secrets_manage", "activity"):
        alice.get(reverse(name, args=[app_id]), headers=headers)
    alice.get(address(secret, "secret_detail"), headers=headers)
    alice.get("/readyz")
    return statuses


@pytest.mark.parametrize("fault", FAULTS)
def test_it_works(
    faulty: Faulty,
    console_on_ssm: object,
    impatient: None,
    trap: Trap,
    visitor: Visitors,
    world: World,
    fault: str,
) -> None:
    secret = _plant(trap, visitor, world)
    told = FAULTS[fault]
    if told.body:
        told = Fault.answer(told.body.replace(b"CANARY", trap.canary.marker.encode()))
    for number, operation in enumerate(OPERATIONS, start=[*FAULTS].index(fault)):
        faulty.always(told, on=operation)
        statuses = _everything(trap, visitor, world, secret, ASKED[number % 2])
        assert max(statuses) >= 422  # it did fail
        faulty.heal()
    assert trap.leaks() == []
    assert mail.outbox == []


@pytest.mark.both_databases
@pytest.mark.parametrize(
    "table",
    [
        "secrets_app_embeddedparameter",
        "secrets_app_embeddedversion",
        "secrets_app_secret",
        "secrets_app_revalidation",
        "console_auditevent",
        "console_auditoutcome",
    ],
)
def test_a_database_that_fails_in_the_middle(
    trap: Trap, visitor: Visitors, world: World, table: str
) -> None:
    secret = _plant(trap, visitor, world)
    with table_away(table):
        statuses = _everything(trap, visitor, world, secret, {})
        statuses += _everything(trap, visitor, world, secret, FRAGMENT)
    assert 500 in statuses
    page = _page_of_a_failure(visitor, world, table)
    assert b"Something went wrong" in page
    assert trap.leaks() == []
    assert mail.outbox == []


def _page_of_a_failure(visitor: Visitors, world: World, table: str) -> bytes:
    with table_away("secrets_app_secret"):
        answer = visitor("alice").get(reverse("secrets", args=[world.app.app_id]))
    assert answer.status_code == 500
    assert table.encode() not in answer.content  # nothing of the inside (47)
    return bytes(answer.content)


@pytest.mark.both_databases
def test_a_stored_row_that_was_tampered_with(trap: Trap, visitor: Visitors, world: World) -> None:
    secret = _plant(trap, visitor, world)
    EmbeddedVersion.objects.update(version=7)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE secrets_app_embeddedparameter SET version = 7")
    assert 502 in _everything(trap, visitor, world, secret, FRAGMENT)
    assert trap.leaks() == []


@pytest.mark.both_databases
def test_a_wrong_key(trap: Trap, visitor: Visitors, world: World, settings: Any) -> None:
    secret = _plant(trap, visitor, world)
    settings.ENCRYPTION_KEYS = ["YW5vdGhlci1rZXktb2YtMzItYnl0ZXMtZm9yLXRlc3Q="]
    parameter_store.cache_clear()
    assert 502 in _everything(trap, visitor, world, secret, FRAGMENT)
    assert trap.leaks() == []
