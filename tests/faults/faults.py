"""The faults, and what each means for a write and for a read."""

from dataclasses import dataclass

from console.models import AuditEvent
from secrets_app.models import Secret
from secrets_app.store import errors
from tests.fixtures.faulty import ARN, Fault
from tests.secrets_app.writes.desk import Desk


@dataclass(frozen=True)
class Meaning:
    """What a fault is to the console; `stops` says that the rows after it are not tried."""

    fault: Fault
    of_a_write: type[errors.StoreError]
    of_a_read: type[errors.StoreError]
    stops: bool = True


def _plain(fault: Fault, error: type[errors.StoreError], *, stops: bool = True) -> Meaning:
    return Meaning(fault, error, error, stops)


def _lost(fault: Fault, of_a_read: type[errors.StoreError]) -> Meaning:
    return Meaning(fault, errors.OutcomeUnknown, of_a_read)


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
# One fault for each pair of errors: what people are told goes by the error
TOLD = list({(it.of_a_write, it.of_a_read): name for name, it in FAULTS.items()}.values())


def clean(text: str) -> bool:
    """Say whether a text names neither an ARN nor an account."""
    return not any(inside in text for inside in (ARN, "arn:", "123456789012"))


def all_is_well(desk: Desk) -> None:
    """Check that after the trouble projection and audit agree with the store."""
    desk.check()
    events = AuditEvent.objects.filter(app_id=desk.app.app_id)
    lasts = [event.outcomes.order_by("pk").last() for event in events]
    assert all(last is not None and last.outcome != "unknown" for last in lasts)
    assert all(last is not None and clean(last.detail) for last in lasts)
    assert desk.trail("found.") == []
    rows = Secret.objects.select_related("branch")
    assert not rows.exclude(claim=None).exists()
    for row in rows:
        paths = desk.paths(row.key, row.branch)
        current = desk.store.current(filter(None, paths))
        versions = tuple(current[path].version if path in current else 0 for path in paths)
        assert (row.version, row.mirror_version) == versions
    listed = {found.path for found in desk.store.list(["/amplify"])}
    assert len(listed) == sum(bool(row.version) + bool(row.mirror_version) for row in rows)
