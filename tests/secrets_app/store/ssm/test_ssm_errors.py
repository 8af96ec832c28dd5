"""Each SSM failure becomes one of our errors, without values or ARNs."""

from typing import TYPE_CHECKING

import pytest

from secrets_app.store import errors
from secrets_app.store.base import SecretValue, Written
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import ARN, Fault, Faulty
from tests.fixtures.stores import StoreCalls
from tests.secrets_app.store.operations import CANARY, GARBLED, OPERATIONS, PATH, READS

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient


CODES: dict[str, type[errors.StoreError]] = {
    "AccessDeniedException": errors.AccessDenied,
    "ExpiredTokenException": errors.Misconfigured,
    "HierarchyLevelLimitExceededException": errors.Rejected,
    "HierarchyTypeMismatchException": errors.Rejected,
    "IncompatiblePolicyException": errors.Rejected,
    "InvalidAllowedPatternException": errors.Rejected,
    "InvalidKeyId": errors.KeyUnavailable,
    "InvalidPolicyAttributeException": errors.Rejected,
    "InvalidPolicyTypeException": errors.Rejected,
    "InvalidSignatureException": errors.Misconfigured,
    "KMS.DisabledException": errors.KeyUnavailable,
    "KMSAccessDeniedException": errors.KeyUnavailable,
    "KMSInternalException": errors.StoreFailed,
    "KMSInvalidStateException": errors.KeyUnavailable,
    "KMSThrottlingException": errors.Throttled,
    "ParameterAlreadyExists": errors.AlreadyExists,
    "ParameterLimitExceeded": errors.LimitReached,
    "ParameterMaxVersionLimitExceeded": errors.LimitReached,
    "ParameterNotFound": errors.NotFound,
    "ParameterPatternMismatchException": errors.Rejected,
    "PoliciesLimitExceededException": errors.LimitReached,
    "TooManyUpdates": errors.Throttled,
    "UnknownOperationException": errors.Misconfigured,
    "UnrecognizedClientException": errors.Misconfigured,
    "UnsupportedParameterType": errors.Rejected,
    "ValidationException": errors.Rejected,
    "SomethingNewException": errors.StoreFailed,
}


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_works(faulty_store: SsmStore, operation: str) -> None:
    OPERATIONS[operation](faulty_store)


@pytest.mark.parametrize("code", CODES)
def test_each_code_becomes_one_error(faulty: Faulty, faulty_store: SsmStore, code: str) -> None:
    faulty.always(Fault.error(code))
    with pytest.raises(CODES[code]) as failure:
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    assert type(failure.value) is CODES[code]
    assert failure.value.code == code
    assert len(failure.value.message) > 30


def test_every_modelled_code_is_mapped(plain_ssm: "SSMClient") -> None:
    model = plain_ssm.meta.service_model
    names = ["PutParameter", "GetParameters", "DeleteParameters", "DescribeParameters"]
    names += ["GetParameterHistory"]
    modelled = {shape.name for name in names for shape in model.operation_model(name).error_shapes}
    our_own_mistakes = {"InvalidFilterKey", "InvalidFilterOption", "InvalidFilterValue"}
    assert modelled - {*CODES, "InternalServerError", "InvalidNextToken"} == our_own_mistakes


@pytest.mark.parametrize("operation", OPERATIONS)
def test_throttled_until_retries_end(
    faulty: Faulty, faulty_store: SsmStore, operation: str
) -> None:
    faulty.always(Fault.error("TooManyUpdates"))  # the code that botocore doesn't retry
    with pytest.raises(errors.Throttled):
        OPERATIONS[operation](faulty_store)


def test_throttling_is_retried(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.next(Fault.THROTTLING)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=False) == Written(1, attempts=2)


def test_at_most_three_attempts(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.always(Fault.THROTTLING)
    with pytest.raises(errors.Throttled):
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    assert len(faulty.requests) == 3


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.SERVER_ERROR, errors.StoreFailed),
        (Fault.RESET, errors.Unreachable),
    ],
    ids=["server error", "reset"],
)
def test_a_failed_read(
    faulty: Faulty, faulty_store: SsmStore, operation: str, fault: Fault, error: type[Exception]
) -> None:
    faulty.always(fault)
    with pytest.raises(error):
        READS[operation](faulty_store)


@pytest.mark.parametrize("operation", ["current", "read", "list", "versions", "read_version"])
@pytest.mark.parametrize("body", GARBLED)
def test_a_garbled_response_is_not_an_empty_one(
    faulty: Faulty, faulty_store: SsmStore, operation: str, body: str
) -> None:
    faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(Fault.answer(GARBLED[body]))
    with pytest.raises(errors.StoreFailed):
        READS[operation](faulty_store)


@pytest.mark.parametrize(
    "fault",
    [
        Fault.error("ValidationException"),
        Fault.error("AccessDeniedException"),
        Fault.error(f"{CANARY} \r\n\x1b[31m {ARN}"),
        Fault.error("InternalServerError", 500),
        Fault.error("ParameterAlreadyExists"),
        Fault.SILENCE,
        Fault.RESET,
        Fault.TRUNCATED,
        Fault.answer(f'{{"Version": "{CANARY}'.encode()),
    ],
    ids=lambda fault: f"{fault.way.name} {fault.code[:30]!a}",
)
def test_errors_contain_neither_value_nor_arn(
    faulty: Faulty,
    faulty_store: SsmStore,
    hasty_store: SsmStore,
    store_calls: StoreCalls,
    fault: Fault,
) -> None:
    faulty.always(fault)
    store = hasty_store if fault is Fault.SILENCE else faulty_store
    with pytest.raises(errors.StoreError) as failure:
        store.put(PATH, SecretValue(CANARY), overwrite=False)
    error = failure.value
    assert error.__cause__ is None
    assert error.__context__ is None
    words = [str(error), repr(error), error.code, error.message, str(store_calls.entries)]
    for entry in failure.traceback[1:]:  # the first frame is this test's
        words += map(repr, entry.frame.f_locals.values())
    for secret in (CANARY, "123456789012"):
        assert secret not in " ".join(words)
    assert error.code.isprintable()
