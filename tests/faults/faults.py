"""The faults of the store, and which error each becomes on a write and on a read."""

from dataclasses import dataclass

import pytest

from console.models import AuditEvent
from console.workflows import bin_worker
from secrets_app.models import BinEntry, Secret
from secrets_app.store import errors, parameter_store
from tests.factories import audit_rows, expire_leases, reconcile_now, secret_paths
from tests.fixtures.faulty import ARN, Fault
from tests.fixtures.people import World

# By operation of our store
SSM_OPERATIONS = {
    "list": "DescribeParameters",
    "ping": "DescribeParameters",
    "current": "GetParameters",
    "read": "GetParameters",
    "versions": "GetParameterHistory",
    "read_version": "GetParameters",
    "put": "PutParameter",
    "remove": "DeleteParameters",
}


@dataclass(frozen=True)
class Meaning:
    """The errors that a fault becomes. With `stops`, the save doesn't try the rows after it."""

    fault: Fault
    write_error: type[errors.StoreError]
    read_error: type[errors.StoreError]
    stops: bool = True


def _plain(fault: Fault, error: type[errors.StoreError], *, stops: bool = True) -> Meaning:
    return Meaning(fault, error, error, stops)


def _lost(fault: Fault, read_error: type[errors.StoreError]) -> Meaning:
    return Meaning(fault, errors.OutcomeUnknown, read_error)


FAULTS = {
    "throttling": _plain(Fault.THROTTLING, errors.Throttled),
    "access denied": _plain(Fault.ACCESS_DENIED, errors.AccessDenied, stops=False),
    "KMS denied": _plain(Fault.KMS_DENIED, errors.KeyUnavailable),
    "KMS disabled": _plain(Fault.error("KMS.DisabledException"), errors.KeyUnavailable),
    "KMS throttled": _plain(Fault.error("KMSThrottlingException"), errors.Throttled),
    "limit": _plain(Fault.LIMIT, errors.LimitReached, stops=False),
    "credentials": _plain(Fault.error("UnrecognizedClientException"), errors.Misconfigured),
    "server error": _lost(Fault.SERVER_ERROR, errors.StoreFailed),
    "server error after": _lost(Fault.SERVER_ERROR_AFTER, errors.StoreFailed),
    "reset": _lost(Fault.RESET, errors.Unreachable),
    "reset after": _lost(Fault.RESET_AFTER, errors.Unreachable),
    "time-out": _lost(Fault.SILENCE, errors.Unreachable),
    "time-out after": _lost(Fault.SILENCE_AFTER, errors.Unreachable),
    "truncated": _lost(Fault.TRUNCATED, errors.StoreFailed),
    "garbage": _lost(Fault.GARBAGE, errors.StoreFailed),
}
# One fault for each pair of errors and whether the store did it: what recovery depends on
KINDS = {(it.write_error, it.read_error, it.fault.acts): name for name, it in FAULTS.items()}
each_fault = pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in KINDS.values() else pytest.mark.exhaustive)
        for name in FAULTS
    ],
)
# One fault for each pair of errors, for tests of messages, which depend on the error alone
DISTINCT = list({(it.write_error, it.read_error): name for name, it in FAULTS.items()}.values())


def reveals_nothing(text: str) -> bool:
    """Return True if the text contains neither an ARN nor an account number."""
    return not any(inside in text for inside in (ARN, "arn:", "123456789012"))


def assert_recovered(world: World) -> None:
    """Check that projection and audit trail agree with the store once it works again.

    Leases end before: what has to wait for that is in tests/faults/test_late_requests.py.
    """
    expire_leases()
    reconcile_now(world)
    assert not bin_worker.clean_up().problem
    events = AuditEvent.objects.filter(app_id=world.app.app_id)
    lasts = [event.outcomes.order_by("pk").last() for event in events]
    assert all(last is not None and last.outcome != "unknown" for last in lasts)
    assert all(last is not None and reveals_nothing(last.detail) for last in lasts)
    assert audit_rows(world, "found.") == []
    rows = Secret.objects.select_related("branch")
    assert not rows.exclude(claim=None).exists()
    for row in rows:
        paths = secret_paths(world, row.key, row.branch)
        current = parameter_store().current(filter(None, paths))
        versions = tuple(current[path].version if path in current else 0 for path in paths)
        assert (row.version, row.mirror_version) == versions
    entries = BinEntry.objects.all()
    assert {entry.state for entry in entries} <= {"kept"}
    listed = {found.path for found in parameter_store().list(["/amplify"])}
    of_secrets = sum(bool(row.version) + bool(row.mirror_version) for row in rows)
    assert len(listed) == of_secrets + len(entries)
