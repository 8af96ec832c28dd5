"""If the response to a write is lost, the outcome is unknown, not failed."""

import json

import pytest

from secrets_app.store import errors
from secrets_app.store.base import SecretValue, Written
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Fault, Faulty
from tests.secrets_app.store.operations import GARBLED, PATH, WRITES


@pytest.mark.parametrize("operation", ["create", "overwrite", "remove"])
@pytest.mark.parametrize("body", GARBLED)
def test_a_garbled_response(
    faulty: Faulty, faulty_store: SsmStore, operation: str, body: str
) -> None:
    faulty.next(Fault.answer(GARBLED[body], acts=True))
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](faulty_store)
    assert len(faulty.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [Fault.RESET_AFTER, Fault.TRUNCATED, Fault.SERVER_ERROR_AFTER],
    ids=["reset", "truncated", "server error"],
)
@pytest.mark.parametrize("operation", ["create", "remove"])
def test_the_store_wrote_and_the_response_is_lost(
    faulty: Faulty, faulty_store: SsmStore, operation: str, fault: Fault
) -> None:
    if operation == "remove":
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(fault)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](faulty_store)
    assert (PATH in faulty_store.current([PATH])) == (operation == "create")


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SERVER_ERROR], ids=["reset", "server error"])
@pytest.mark.parametrize("operation", WRITES)
def test_the_store_did_not_write_and_the_response_is_lost(
    faulty: Faulty, faulty_store: SsmStore, operation: str, fault: Fault
) -> None:
    faulty.always(fault)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](faulty_store)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SERVER_ERROR], ids=["reset", "server error"])
def test_a_retry_writes(faulty: Faulty, faulty_store: SsmStore, fault: Fault) -> None:
    faulty.next(fault)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=False) == Written(1, attempts=2)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SERVER_ERROR], ids=["reset", "server error"])
def test_a_retry_removes(faulty: Faulty, faulty_store: SsmStore, fault: Fault) -> None:
    faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(fault)
    with pytest.raises(errors.OutcomeUnknown):  # the first request may still arrive
        faulty_store.remove([PATH])
    assert faulty_store.current([PATH]) == {}


@pytest.mark.parametrize("fault", [Fault.THROTTLING, Fault.RESET], ids=["throttled", "reset"])
def test_whether_a_request_may_still_arrive(
    faulty: Faulty, faulty_store: SsmStore, fault: Fault
) -> None:
    faulty.next(fault)
    written = faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    assert (written.attempts, written.may_repeat) == (2, fault is Fault.RESET)


def test_a_retry_after_its_own_success_counts_its_attempts(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty.next(Fault.RESET_AFTER)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=True) == Written(2, attempts=2)


@pytest.mark.parametrize(
    "date", ["", "yesterday", "Tue, 31 Feb 2026 10:00:00 GMT", "Fri, 31 Dec 9999 23:00:00 -1400"]
)
def test_a_response_without_a_valid_date(faulty: Faulty, faulty_store: SsmStore, date: str) -> None:
    faulty.date = date
    written = faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    assert (written, written.at) == (Written(1), None)


def test_a_throttled_creation_of_an_existing_parameter(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty_store.put(PATH, SecretValue("theirs"), overwrite=False)
    faulty.next(Fault.THROTTLING)
    with pytest.raises(errors.AlreadyExists):
        faulty_store.put(PATH, SecretValue("mine"), overwrite=False)


@pytest.mark.parametrize("then", [Fault.ACCESS_DENIED, Fault.error("TooManyUpdates"), Fault.LIMIT])
def test_a_refused_retry_after_a_lost_response(
    faulty: Faulty, faulty_store: SsmStore, then: Fault
) -> None:
    faulty.next(Fault.RESET_AFTER)
    faulty.next(then)
    with pytest.raises(errors.OutcomeUnknown) as failure:
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    assert failure.value.code == then.code


def test_a_lost_response_does_not_affect_the_next_call(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty.next(Fault.RESET, times=3)
    with pytest.raises(errors.OutcomeUnknown):
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(Fault.ACCESS_DENIED)
    with pytest.raises(errors.AccessDenied):
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)


def test_a_removal_that_stops_half_way(faulty: Faulty, faulty_store: SsmStore) -> None:
    paths = [f"{PATH}{number}" for number in range(15)]
    for path in paths:
        faulty_store.put(path, SecretValue("x"), overwrite=False)
    faulty.next(Fault.answer(json.dumps({"DeletedParameters": paths[:10]}).encode()))
    faulty.next(Fault.ACCESS_DENIED, on="DeleteParameters")
    with pytest.raises(errors.OutcomeUnknown):
        faulty_store.remove(paths)
