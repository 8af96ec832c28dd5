"""The doctor tries each permission on the store, and leaves nothing there."""

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
from tests.factories import secret_paths, set_secret
from tests.fixtures.faulty import ARN, Fault, Faulty
from tests.fixtures.moto import REGION
from tests.fixtures.people import World

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

ASKED = {
    "Store: list": "DescribeParameters",
    "Store: look up": "GetParameters",
    "Store: older versions": "GetParameterHistory",
    "Store: write": "PutParameter",
    "Store: remove": "DeleteParameters",
}
Tried = Callable[[], dict[str, CheckResult]]


@pytest.fixture
def try_permissions(world: World) -> Tried:
    """Return a function that tries every permission as olga and gives the results by name."""

    def try_all() -> dict[str, CheckResult]:
        found = doctor.examine(writer=world.actor("olga"))
        return {it.name: it for it in found if it.name.startswith("Store")}

    return try_all


def parameters(client: "SSMClient") -> list[str]:
    """Return the paths of all parameters."""
    return [found["Name"] for found in client.describe_parameters()["Parameters"]]


def test_it_works(console_on_ssm: Any, try_permissions: Tried, plain_ssm: "SSMClient") -> None:
    found = try_permissions()
    assert [str(finding.state) for finding in found.values()] == ["ok"] * 8, found
    assert parameters(plain_ssm) == []
    [event] = AuditEvent.objects.filter(action="store.probe")
    assert event.actor == "olga@example.org"
    assert event.subject.startswith("/amplify/branchkeep-doctor/")
    assert AuditOutcome.objects.get(event=event).outcome == "succeeded"


def test_embedded_store(try_permissions: Tried) -> None:
    assert {str(finding.state) for finding in try_permissions().values()} == {"ok"}
    assert not EmbeddedParameter.objects.exists()


@pytest.mark.parametrize("name", ASKED)
def test_missing_permission(
    console_on_ssm: Any, faulty: Faulty, try_permissions: Tried, name: str
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on=ASKED[name])
    found = try_permissions()
    broken = {it for it, finding in found.items() if finding.state == "error"}
    with_it = {"Store: decrypt"} if ASKED[name] == "GetParameters" else set()
    assert broken == {name} | with_it
    assert f"ssm:{ASKED[name]}" in found[name].hint
    assert ARN not in str(found)
    assert AuditOutcome.objects.latest("id").outcome in {"failed", "succeeded"}


def test_kms_key_denied(console_on_ssm: Any, faulty: Faulty, try_permissions: Tried) -> None:
    faulty.always(Fault.KMS_DENIED, on="PutParameter")
    found = try_permissions()
    assert found["Store: write"].state == "error"
    assert "KMS" in found["Store: write"].message
    assert found["Store: remove"].state == "skipped"


def test_probe_that_cannot_be_removed(
    console_on_ssm: Any, faulty: Faulty, try_permissions: Tried, plain_ssm: "SSMClient"
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="DeleteParameters")
    todo = try_permissions()["Store: remove"].hint
    [path] = parameters(plain_ssm)
    assert path in todo


def test_lost_response_leaves_nothing(
    console_on_ssm: Any, faulty: Faulty, try_permissions: Tried, plain_ssm: "SSMClient"
) -> None:
    faulty.always(Fault.RESET_AFTER, on="PutParameter")
    found = try_permissions()
    assert (found["Store: write"].state, found["Store: remove"].state) == ("error", "ok")
    assert parameters(plain_ssm) == []


@pytest.mark.usefixtures("clock")
def test_probes_of_a_killed_run_are_removed(world: World, try_permissions: Tried) -> None:
    """But not recent ones, which another run may be using, and no secret."""
    now = timezone.now()
    for name, minutes in (("old", 11), ("young", 9)):
        at = now - timedelta(minutes=minutes)
        EmbeddedParameter.objects.create(path=f"{doctor.PROBES}/{name}", version=1, modified=at)
    set_secret(world, "API_KEY", branch=world.dev)
    EmbeddedParameter.objects.exclude(path__startswith=doctor.PROBES).update(
        modified=now - timedelta(days=9)
    )
    assert "Removed 1" in try_permissions()["Store: leftovers"].message
    paths = set(EmbeddedParameter.objects.values_list("path", flat=True))
    assert paths == {f"{doctor.PROBES}/young", *secret_paths(world, "API_KEY", world.dev)}
    assert "Store: leftovers" not in try_permissions()


def test_leftovers_that_cannot_be_listed(
    console_on_ssm: Any, faulty: Faulty, try_permissions: Tried
) -> None:
    faulty.always(Fault.ACCESS_DENIED, on="DescribeParameters")
    found = try_permissions()
    assert (found["Store: remove"].state, found["Store: leftovers"].state) == (*("ok", "warning"),)
    assert doctor.PROBES in found["Store: leftovers"].hint


def test_store_becomes_unavailable(
    console_on_ssm: Any,
    faulty: Faulty,
    try_permissions: Tried,
    plain_ssm: "SSMClient",
    monkeypatch: Any,
) -> None:
    class LeavingStore(SsmStore):
        """A store that becomes unavailable after a put."""

        def put(self, *args: Any, **kwargs: Any) -> Any:
            written = super().put(*args, **kwargs)
            faulty.next(Fault.RESET, times=6, on="GetParameters")
            return written

    monkeypatch.setattr(doctor, "parameter_store", lambda: LeavingStore(REGION))
    found = try_permissions()
    assert [str(found[f"Store: {it}"].state) for it in ("write", "decrypt", "remove")] == [
        *("ok", "error", "ok")
    ]
    assert found["Store: clock"].state == "skipped"
    assert parameters(plain_ssm) == []


@pytest.mark.exhaustive
@pytest.mark.slow
def test_unresponsive_store(console_on_ssm: Any, faulty: Faulty, try_permissions: Tried) -> None:
    faulty.always(Fault.SILENCE)
    found = try_permissions()
    assert faulty.operations() == ["DescribeParameters"]  # one read timeout of 5 s (guarantee 43)
    assert found["Store: list"].state == "error"
    assert {str(it.state) for name, it in found.items() if name != "Store: list"} == {"skipped"}
    assert not AuditEvent.objects.filter(action="store.probe").exists()


def test_page_writes_only_on_demand(
    console_on_ssm: Any, faulty: Faulty, client_for: Callable[[str], Client]
) -> None:
    olga = client_for("olga")
    olga.get("/operation/doctor/?write=on")
    assert faulty.operations() == []
    olga.post("/operation/doctor/")
    assert "PutParameter" not in faulty.operations()
    page = olga.post("/operation/doctor/", {"write": "on"})
    assert {"PutParameter", "DeleteParameters"} <= set(faulty.operations())
    assert "Works." in page.text


def test_owners_are_denied(
    console_on_ssm: Any, faulty: Faulty, client_for: Callable[[str], Client]
) -> None:
    assert client_for("alice").post("/operation/doctor/", {"write": "on"}).status_code == 403
    assert faulty.operations() == []
    event = AuditEvent.objects.get(action="store.probe")
    assert AuditOutcome.objects.get(event=event).outcome == "denied"


def test_command_writes_only_on_demand(db: None, console_on_ssm: Any, faulty: Faulty) -> None:
    command()
    assert "PutParameter" not in faulty.operations()
    assert "Store: remove: ok." in command("--write")
    assert AuditEvent.objects.get(action="store.probe").actor.startswith("account ")


def test_misconfigured_store(world: World, settings: Any, try_permissions: Tried) -> None:
    settings.PARAMETER_STORE, settings.AWS_REGION = "ssm", "no region"
    [finding] = try_permissions().values()
    assert finding.state == "error"
