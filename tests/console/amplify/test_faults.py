"""Amplify fails, or its response is lost: each failure becomes one of our errors."""

from collections.abc import Callable
from typing import Any

import pytest

from console.amplify import errors
from console.amplify.client import Amplify
from tests.fixtures.amplify import AmplifyServer
from tests.fixtures.waiting import until

CANARY = "canary-5d20"
READS: dict[str, Callable[[Amplify], Any]] = {
    "ListApps": lambda client: client.apps(),
    "GetApp": lambda client: client.app("dshop"),
    "ListBranches": lambda client: client.branches("dshop"),
    "GetBranch": lambda client: client.branch("dshop", "main"),
    "ListJobs": lambda client: client.jobs("dshop", "main", limit=5),
    "GetJob": lambda client: client.job("dshop", "main", "1"),
}
WRITES: dict[str, Callable[[Amplify], Any]] = {
    "UpdateApp": lambda client: client.set_app_variables("dshop", {"KEY": CANARY}),
    "UpdateBranch": lambda client: client.set_branch_variables("dshop", "main", {"KEY": CANARY}),
    "StartJob": lambda client: client.start_job("dshop", "dev", reason="a test"),
    "StopJob": lambda client: client.stop_job("dshop", "main", "1"),
}
BUILD_SPECS: dict[str, Callable[[Amplify], Any]] = {
    "UpdateApp": lambda client: client.set_app_build_spec("dshop", CANARY),
    "UpdateBranch": lambda client: client.set_branch_build_spec("dshop", "main", CANARY),
}
CODES: dict[tuple[str, int], type[errors.AmplifyError]] = {
    ("AccessDeniedException", 403): errors.AccessDenied,
    ("UnauthorizedException", 401): errors.AccessDenied,
    ("BadRequestException", 400): errors.Rejected,
    ("ValidationException", 400): errors.Rejected,
    ("NotFoundException", 404): errors.NotFound,
    ("ResourceNotFoundException", 404): errors.NotFound,
    ("LimitExceededException", 429): errors.LimitReached,
    ("TooManyRequestsException", 429): errors.Throttled,
    ("ThrottlingException", 400): errors.Throttled,
    ("UnrecognizedClientException", 403): errors.Misconfigured,
    ("ExpiredTokenException", 403): errors.Misconfigured,
    ("InvalidSignatureException", 403): errors.Misconfigured,
    ("SomethingNewException", 400): errors.AmplifyFailed,
}


@pytest.fixture
def shop(amplify: AmplifyServer) -> AmplifyServer:
    """Add an app with two branches, one of which is being deployed."""
    amplify.add_app("dshop", variables={"KEY": "old"})
    for name in ("main", "dev"):
        amplify.add_branch("dshop", name, variables={"KEY": "old"})
    amplify.start_job("dshop", "main")
    return amplify


@pytest.mark.parametrize("operation", [*READS, *WRITES])
def test_it_works(shop: AmplifyServer, amplify_client: Amplify, operation: str) -> None:
    (READS | WRITES)[operation](amplify_client)
    assert shop.operations() == [operation]


@pytest.mark.parametrize(("code", "status"), CODES)
def test_each_code_becomes_one_error(
    shop: AmplifyServer, amplify_client: Amplify, code: str, status: int
) -> None:
    shop.next("error", code=code, status=status)
    with pytest.raises(errors.AmplifyError) as failure:
        amplify_client.set_app_variables("dshop", {"KEY": "new"})
    assert type(failure.value) is CODES[code, status]
    assert (failure.value.code, len(failure.value.message) > 20) == (code, True)
    assert shop.count() == 1


def test_every_modelled_code_is_mapped(amplify_client: Amplify) -> None:
    model = amplify_client._client.meta.service_model
    operations = [model.operation_model(name) for name in [*READS, *WRITES]]
    modelled = {shape.name for operation in operations for shape in operation.error_shapes}
    by_status = {"InternalFailureException", "DependentServiceFailureException"}  # 5xx
    assert modelled - {code for code, _ in CODES} == by_status


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("fault", ["reset", "failed"])
def test_a_write_that_may_have_happened_but_did_not(
    shop: AmplifyServer, amplify_client: Amplify, operation: str, fault: str
) -> None:
    shop.next(fault, on=operation)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](amplify_client)
    assert shop.operations() == [operation]
    assert shop.variables("dshop") == shop.variables("dshop", "main") == {"KEY": "old"}


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("fault", ["lost", "cut", "truncated", "garbage", "failed_after"])
def test_a_write_whose_response_is_lost(
    shop: AmplifyServer, amplify_client: Amplify, operation: str, fault: str
) -> None:
    shop.next(fault, on=operation)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](amplify_client)
    assert shop.operations() == [operation]
    done = {
        "UpdateApp": shop.variables("dshop") == {"KEY": CANARY},
        "UpdateBranch": shop.variables("dshop", "main") == {"KEY": CANARY},
        "StartJob": len(shop.jobs("dshop", "dev")) == 1,
        "StopJob": shop.jobs("dshop", "main")[0]["summary"]["status"] == "CANCELLING",
    }
    assert [name for name, was_done in done.items() if was_done] == [operation]


@pytest.mark.parametrize("operation", BUILD_SPECS)
def test_a_lost_build_specification(
    shop: AmplifyServer, amplify_client: Amplify, operation: str
) -> None:
    shop.next("lost", on=operation)
    with pytest.raises(errors.OutcomeUnknown):
        BUILD_SPECS[operation](amplify_client)
    assert shop.operations() == [operation]


@pytest.mark.parametrize("operation", WRITES)
def test_a_late_response(shop: AmplifyServer, hasty_client: Amplify, operation: str) -> None:
    shop.next("late", on=operation)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](hasty_client)
    until(lambda: shop.operations() == [operation])
    assert shop.land() == 1


@pytest.mark.parametrize("operation", WRITES)
def test_a_throttled_write_is_not_repeated(
    shop: AmplifyServer, amplify_client: Amplify, operation: str
) -> None:
    shop.next("throttled", on=operation)
    with pytest.raises(errors.Throttled):
        WRITES[operation](amplify_client)
    assert shop.operations() == [operation]
    WRITES[operation](amplify_client)


def test_somebody_adds_a_key_while_the_response_is_lost(
    shop: AmplifyServer, amplify_client: Amplify
) -> None:
    """botocore's own retry would remove the key."""
    shop.next("lost", on="UpdateApp")
    shop.after("UpdateApp").set_variable("dshop", "THEIRS", "x")
    with pytest.raises(errors.OutcomeUnknown):
        amplify_client.set_app_variables("dshop", {"KEY": "mine"})
    assert amplify_client.app("dshop").variables == {"KEY": "mine", "THEIRS": "x"}


def test_another_deployment_is_running(shop: AmplifyServer, amplify_client: Amplify) -> None:
    """botocore counts this as throttling, and would try three times."""
    with pytest.raises(errors.LimitReached) as failure:
        amplify_client.start_job("dshop", "main", reason="a test")
    assert failure.value.code == "LimitExceededException"
    assert shop.operations() == ["StartJob"]


@pytest.mark.parametrize("operation", READS)
def test_throttled_reads_are_repeated(
    shop: AmplifyServer, amplify_client: Amplify, no_backoff: None, operation: str
) -> None:
    shop.next("throttled", times=2)
    READS[operation](amplify_client)
    assert shop.count(operation) == 3
    shop.next("throttled", times=3)
    with pytest.raises(errors.Throttled):
        READS[operation](amplify_client)


def test_a_limit_of_reads_is_throttling(
    shop: AmplifyServer, amplify_client: Amplify, no_backoff: None
) -> None:
    shop.next("error", code="LimitExceededException", status=429, times=3)
    with pytest.raises(errors.Throttled):
        amplify_client.jobs("dshop", "main", limit=5)


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("reset", errors.Unreachable),
        ("failed", errors.AmplifyFailed),
        ("denied", errors.AccessDenied),
    ],
)
def test_a_failed_read(
    shop: AmplifyServer,
    amplify_client: Amplify,
    no_backoff: None,
    operation: str,
    fault: str,
    error: type[Exception],
) -> None:
    shop.next(fault, times=3)
    with pytest.raises(error):
        READS[operation](amplify_client)
    shop.heal()
    READS[operation](amplify_client)


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("fault", ["cut", "garbage"])
def test_half_a_response_is_not_an_empty_one(
    shop: AmplifyServer, amplify_client: Amplify, operation: str, fault: str
) -> None:
    shop.next(fault)
    with pytest.raises(errors.AmplifyFailed) as failure:
        READS[operation](amplify_client)
    assert failure.value.code == "UnreadableAnswer"


def test_a_read_without_a_response_is_not_repeated(
    shop: AmplifyServer, hasty_client: Amplify
) -> None:
    shop.always("silent")
    with pytest.raises(errors.Unreachable):
        hasty_client.app("dshop")
    until(lambda: shop.operations() == ["GetApp"])


def test_a_second_page_that_is_lost(
    amplify: AmplifyServer, amplify_client: Amplify, no_backoff: None
) -> None:
    """Half a list must not look as if the other branches had been deleted."""
    amplify.add_app("dshop")
    for number in range(51):
        amplify.add_branch("dshop", f"branch-{number}")
    amplify.next("slow")
    amplify.next("reset", times=3)
    with pytest.raises(errors.Unreachable):
        amplify_client.branches("dshop")


@pytest.mark.parametrize("operation", ["GetApp", "GetBranch", "GetJob", "UpdateApp", "StopJob"])
def test_what_no_longer_exists(
    amplify: AmplifyServer, amplify_client: Amplify, operation: str
) -> None:
    with pytest.raises(errors.NotFound):
        (READS | WRITES)[operation](amplify_client)


@pytest.mark.parametrize("fault", ["error", "lost", "truncated", "silent_after"])
@pytest.mark.parametrize("operation", ["UpdateApp", "UpdateBranch"])
def test_errors_contain_no_value(
    shop: AmplifyServer,
    amplify_client: Amplify,
    hasty_client: Amplify,
    operation: str,
    fault: str,
) -> None:
    shop.next(fault, code=f"{CANARY} \x1b[31m")
    client = hasty_client if fault == "silent_after" else amplify_client
    with pytest.raises(errors.AmplifyError) as failure:
        WRITES[operation](client)
    error = failure.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert CANARY not in "".join([str(error), repr(error), error.code, error.message])
    assert error.code.isprintable()


@pytest.mark.parametrize(
    "variables",
    [
        {"AWS_REGION": "x"},
        {"": "x"},
        {" ": ""},
        {"K" * 256: "x"},
        {"KEY": "x" * 5501},
        {"A": "\ud800"},
    ],
    ids=["reserved", "empty key", "blank key", "long key", "long value", "no Unicode"],
)
def test_what_amplify_would_refuse_is_not_sent(
    shop: AmplifyServer, amplify_client: Amplify, variables: dict[str, str]
) -> None:
    with pytest.raises(errors.Rejected) as refusal:
        amplify_client.set_app_variables("dshop", {"GOOD": "x", **variables})
    with pytest.raises(errors.Rejected):
        amplify_client.set_branch_variables("dshop", "main", variables)
    assert "xxx" not in refusal.value.message
    assert shop.operations() == []


def test_the_largest_variable(shop: AmplifyServer, amplify_client: Amplify) -> None:
    largest = {"K" * 255: "ü" * 5500, "aws_region": "", "key with\nlines": "\x00"}
    assert amplify_client.set_app_variables("dshop", largest).variables == largest


@pytest.mark.parametrize("text", ["", "x" * 25_001, "\udfff"], ids=["empty", "long", "no Unicode"])
def test_a_build_specification_that_amplify_would_refuse(
    shop: AmplifyServer, amplify_client: Amplify, text: str
) -> None:
    with pytest.raises(errors.Rejected):
        amplify_client.set_app_build_spec("dshop", text)
    with pytest.raises(errors.Rejected):
        amplify_client.set_branch_build_spec("dshop", "main", text)
    assert shop.operations() == []
    assert amplify_client.set_app_build_spec("dshop", "x" * 25_000).build_spec == "x" * 25_000
