"""What the doctor asks the store, right by right, and what it leaves there: nothing."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client
from django.utils import timezone

from console.lib.health import CheckResult
from console.models import AuditEvent, AuditOutcome
from secrets_app.models import EmbeddedParameter
from secrets_app.ops import doctor
from secrets_app.store.ssm.client import SsmStore
from tests.console.ops.test_doctor import command
from tests.fixtures.faulty import ARN, Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.people import World
from tests.secrets_app.writes.desk import Desk

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

ASKED = {
    "Store: list": "DescribeParameters",
    "Store: look up": "GetParameters",
    "Store: write": "PutParameter",
    "Store: remove": "DeleteParameters",
}
Tried = Callable[[], dict[str, CheckResult]]


@pytest.fixture
def tried(world: World) -> Tried:
    """Return a function that tries every right as olga, and gives the store's findings by name."""

    def try_all() -> dict[str, CheckResult]:
        found = doctor.examine(writer=world.actor("olga"))
        return {it.name: it for it in found if it.name.startswith("Store")}

    return try_all


def left(client: "SSMClient") -> list[str]:
    """Return the parameters that are there."""
    return [found["Name"] for found in client.describe_parameters()["Parameters"]]


def test_it_works(console_on_ssm: Any, tried: Tried, plain_ssm: "SSMClient") -> None:
    found = tried()
    assert [str(finding.state) for finding in found.values()] == ["ok"] * 6, found
    assert left(plain_ssm) == []
    [event] = AuditEvent.objects.filter(action="store.probe")
    assert event.actor == "olga@example.org"
    assert event.subject.startswith("/amplify/branchkeep-doctor/")
    assert AuditOutcome.objects.get(event=event).outcome == "succeeded"


def test_on_the_embedded_store(tried: Tried) -> None:
    assert {str(finding.state) for finding in tried().values()} == {"ok"}
    assert not EmbeddedParameter.objects.exists()


@pytest.mark.parametrize("name", ASKED)
def test_a_right_that_is_missing(
    console_on_ssm: Any, faulty: Faulty, tried: Tried, name: str
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on=ASKED[name])
    found = tried()
    broken = {it for it, finding in found.items() if finding.state == "error"}
    with_it = {"Store: decrypt"} if ASKED[name] == "GetParameters" else set()
    assert broken == {name} | with_it
    assert f"ssm:{ASKED[name]}" in found[name].hint
    assert ARN not in str(found)
    assert AuditOutcome.objects.latest("id").outcome in {"failed", "succeeded"}


def test_a_key_that_may_not_be_used(console_on_ssm: Any, faulty: Faulty, tried: Tried) -> None:
    faulty.always(Fault.KMS_DENIED, on="PutParameter")
    found = tried()
    assert found["Store: write"].state == "error"
    assert "KMS" in found["Store: write"].message
    assert found["Store: remove"].state == "skipped"


def test_what_cannot_be_removed_is_named(
    console_on_ssm: Any, faulty: Faulty, tried: Tried, plain_ssm: "SSMClient"
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="DeleteParameters")
    todo = tried()["Store: remove"].hint
    [path] = left(plain_ssm)
    assert path in todo


def test_a_write_whose_answer_was_lost_leaves_nothing(
    console_on_ssm: Any, faulty: Faulty, tried: Tried, plain_ssm: "SSMClient"
) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    found = tried()
    assert (found["Store: write"].state, found["Store: remove"].state) == ("error", "ok")
    assert left(plain_ssm) == []


@pytest.mark.usefixtures("clock")
def test_what_a_killed_doctor_left_goes(world: World, tried: Tried) -> None:
    """But not what is young, for another doctor is at work, nor anybody's secret."""
    now = timezone.now()
    for name, minutes in (("old", 11), ("young", 9)):
        at = now - timedelta(minutes=minutes)
        EmbeddedParameter.objects.create(path=f"{doctor.PROBES}/{name}", version=1, modified=at)
    secret = Desk(world).put("API_KEY", branch=world.dev)
    EmbeddedParameter.objects.exclude(path__startswith=doctor.PROBES).update(
        modified=now - timedelta(days=9)
    )
    assert "Removed 1" in tried()["Store: leftovers"].message
    paths = set(EmbeddedParameter.objects.values_list("path", flat=True))
    assert paths == {f"{doctor.PROBES}/young", *Desk(world).paths(secret.key, world.dev)}
    assert "Store: leftovers" not in tried()


def test_what_was_left_and_cannot_be_listed(
    console_on_ssm: Any, faulty: Faulty, tried: Tried
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="DescribeParameters")
    found = tried()
    assert (found["Store: remove"].state, found["Store: leftovers"].state) == (*("ok", "warning"),)
    assert doctor.PROBES in found["Store: leftovers"].hint


def test_a_store_that_goes_away_in_between(
    console_on_ssm: Any, faulty: Faulty, tried: Tried, plain_ssm: "SSMClient", monkeypatch: Any
) -> None:
    class Leaving(SsmStore):
        """Does not answer for what it was given."""

        def put(self, *args: Any, **kwargs: Any) -> Any:
            written = super().put(*args, **kwargs)
            faulty.next(Fault.RESET, times=6, on="GetParameters")
            return written

    monkeypatch.setattr(doctor, "parameter_store", lambda: Leaving(REGION))
    found = tried()
    assert [str(found[f"Store: {it}"].state) for it in ("write", "decrypt", "remove")] == [
        *("ok", "error", "ok")
    ]
    assert found["Store: clock"].state == "skipped"
    assert left(plain_ssm) == []


@pytest.mark.slow
def test_a_black_hole(console_on_ssm: Any, faulty: Faulty, tried: Tried) -> None:
    faulty.always(Fault.SILENCE)
    found = tried()
    assert faulty.operations() == ["DescribeParameters"]  # one wait of 5 s (guarantee 43)
    assert found["Store: list"].state == "error"
    assert {str(it.state) for name, it in found.items() if name != "Store: list"} == {"skipped"}
    assert not AuditEvent.objects.filter(action="store.probe").exists()


def test_the_page_writes_on_demand_alone(
    console_on_ssm: Any, faulty: Faulty, as_: Callable[[str], Client]
) -> None:
    olga = as_("olga")
    olga.get("/operation/doctor/?write=on")
    assert faulty.operations() == []
    olga.post("/operation/doctor/")
    assert "PutParameter" not in faulty.operations()
    page = olga.post("/operation/doctor/", {"write": "on"})
    assert {"PutParameter", "DeleteParameters"} <= set(faulty.operations())
    assert "Works." in page.text


def test_an_owner_may_not(
    console_on_ssm: Any, faulty: Faulty, as_: Callable[[str], Client]
) -> None:
    assert as_("alice").post("/operation/doctor/", {"write": "on"}).status_code == 403
    assert faulty.operations() == []
    event = AuditEvent.objects.get(action="store.probe")
    assert AuditOutcome.objects.get(event=event).outcome == "denied"


def test_the_command_writes_on_demand_alone(db: None, console_on_ssm: Any, faulty: Faulty) -> None:
    command()
    assert "PutParameter" not in faulty.operations()
    assert "Store: remove: ok." in command("--write")
    assert AuditEvent.objects.get(action="store.probe").actor.startswith("account ")


def test_a_store_that_was_set_up_wrongly(world: World, settings: Any, tried: Tried) -> None:
    settings.PARAMETER_STORE, settings.AWS_REGION = "ssm", "no region"
    [finding] = tried().values()
    assert finding.state == "error"
