"""What goes wrong with SSM becomes one error of ours, and a lost answer is not a failure."""

import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secrets_app.store import errors
from secrets_app.store.base import SecretValue, Written
from secrets_app.store.ssm import SsmStore
from tests.plugins.faulty import ARN, Fault, Faulty
from tests.plugins.moto import REGION

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient

PATH = "/amplify/d1/main/foo"
CANARY = "canary-58c1"
Operation = Callable[[SsmStore], object]
READS: dict[str, Operation] = {
    "list": lambda store: list(store.list(["/amplify/d1"])),
    "current": lambda store: store.current([PATH]),
    "read": lambda store: store.read([PATH]),
    "ping": lambda store: store.ping(),
}
WRITES: dict[str, Operation] = {
    "create": lambda store: store.put(PATH, SecretValue(CANARY), overwrite=False),
    "overwrite": lambda store: store.put(PATH, SecretValue(CANARY), overwrite=True),
    "remove": lambda store: store.remove([PATH]),
}
OPERATIONS = READS | WRITES
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
GARBLED = {
    "HTML": b"<html>Sign in to the guest network</html>",
    "nothing": b"",
    "cut short": b'{"Version": 1, "Ti',
    "no object": b"[1, 2]",
    "no members": b"{}",
    "nulls": b'{"Version": null, "Parameters": null, "DeletedParameters": null}',
    "other names": b'{"Parameters": [{"Name": "/x"}], "DeletedParameters": ["/x"]}',
    "not UTF-8": b"\xff\xfe",
}


@pytest.fixture
def impostor(aws_environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Point botocore at a TLS server with a certificate that it signed itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "impostor.pem"))
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)  # accepts as OSError
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}"
        aws_environment.setenv("AWS_ENDPOINT_URL_SSM", url)
        yield
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_works(faulty_store: SsmStore, operation: str) -> None:
    OPERATIONS[operation](faulty_store)


@pytest.mark.parametrize("code", CODES)
def test_each_code_has_its_error(faulty: Faulty, faulty_store: SsmStore, code: str) -> None:
    faulty.always(Fault.error(code))
    with pytest.raises(CODES[code]) as failure:
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    assert type(failure.value) is CODES[code]
    assert failure.value.code == code
    assert len(failure.value.sentence) > 30


def test_no_code_of_these_operations_is_forgotten(plain_ssm: "SSMClient") -> None:
    model = plain_ssm.meta.service_model
    names = ["PutParameter", "GetParameters", "DeleteParameters", "DescribeParameters"]
    modelled = {shape.name for name in names for shape in model.operation_model(name).error_shapes}
    ours_to_get_right = {"InvalidFilterKey", "InvalidFilterOption", "InvalidFilterValue"}
    assert modelled - {*CODES, "InternalServerError", "InvalidNextToken"} == ours_to_get_right


@pytest.mark.parametrize("operation", OPERATIONS)
def test_throttled_to_the_end(faulty: Faulty, faulty_store: SsmStore, operation: str) -> None:
    faulty.always(Fault.error("TooManyUpdates"))  # the one that botocore doesn't wait for
    with pytest.raises(errors.Throttled):
        OPERATIONS[operation](faulty_store)


def test_throttling_is_retried(faulty: Faulty, faulty_store: SsmStore) -> None:
    faulty.next(Fault.THROTTLING)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=False) == Written(1, attempts=2)


def test_three_attempts_and_no_more(faulty: Faulty, faulty_store: SsmStore) -> None:
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
def test_a_read_that_fails_says_so(
    faulty: Faulty, faulty_store: SsmStore, operation: str, fault: Fault, error: type[Exception]
) -> None:
    faulty.always(fault)
    with pytest.raises(error):
        READS[operation](faulty_store)


@pytest.mark.parametrize("operation", ["current", "read", "list"])
@pytest.mark.parametrize("body", GARBLED)
def test_a_garbled_answer_is_not_taken_for_an_empty_one(
    faulty: Faulty, faulty_store: SsmStore, operation: str, body: str
) -> None:
    faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(Fault.answer(GARBLED[body]))
    with pytest.raises(errors.StoreFailed):
        READS[operation](faulty_store)


@pytest.mark.parametrize("operation", ["create", "overwrite", "remove"])
@pytest.mark.parametrize("body", GARBLED)
def test_a_garbled_answer_to_a_write_leaves_it_open(
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
def test_a_write_that_was_done_but_not_answered_is_unknown(
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
def test_a_write_that_was_sent_is_unknown_though_nothing_happened(
    faulty: Faulty, faulty_store: SsmStore, operation: str, fault: Fault
) -> None:
    faulty.always(fault)
    with pytest.raises(errors.OutcomeUnknown):
        WRITES[operation](faulty_store)


@pytest.mark.parametrize("fault", [Fault.RESET, Fault.SERVER_ERROR], ids=["reset", "server error"])
def test_a_retry_saves_what_was_not_done(
    faulty: Faulty, faulty_store: SsmStore, fault: Fault
) -> None:
    faulty.next(fault)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=False) == Written(1, attempts=2)
    faulty.next(fault)
    assert faulty_store.remove([PATH]) == {PATH}


def test_a_retry_after_its_own_success_counts_its_attempts(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty.next(Fault.RESET_AFTER)
    assert faulty_store.put(PATH, SecretValue("x"), overwrite=True) == Written(2, attempts=2)


def test_a_creation_that_was_only_throttled_meets_another_ones(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty_store.put(PATH, SecretValue("theirs"), overwrite=False)
    faulty.next(Fault.THROTTLING)
    with pytest.raises(errors.AlreadyExists):
        faulty_store.put(PATH, SecretValue("mine"), overwrite=False)


@pytest.mark.parametrize("then", [Fault.ACCESS_DENIED, Fault.error("TooManyUpdates"), Fault.LIMIT])
def test_a_refused_retry_does_not_undo_what_was_sent_before(
    faulty: Faulty, faulty_store: SsmStore, then: Fault
) -> None:
    faulty.next(Fault.RESET_AFTER)
    faulty.next(then)
    with pytest.raises(errors.OutcomeUnknown) as failure:
        faulty_store.put(PATH, SecretValue("x"), overwrite=True)
    assert failure.value.code == then.code


def test_one_lost_answer_does_not_taint_the_next_call(
    faulty: Faulty, faulty_store: SsmStore
) -> None:
    faulty.next(Fault.RESET, times=3)
    with pytest.raises(errors.OutcomeUnknown):
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)
    faulty.next(Fault.ACCESS_DENIED)
    with pytest.raises(errors.AccessDenied):
        faulty_store.put(PATH, SecretValue("x"), overwrite=False)


def test_a_removal_that_stops_half_way_is_unknown(faulty: Faulty, faulty_store: SsmStore) -> None:
    paths = [f"{PATH}{number}" for number in range(15)]
    for path in paths:
        faulty_store.put(path, SecretValue("x"), overwrite=False)
    faulty.next(Fault.answer(json.dumps({"DeletedParameters": paths[:10]}).encode()))
    faulty.next(Fault.ACCESS_DENIED, on="DeleteParameters")
    with pytest.raises(errors.OutcomeUnknown):
        faulty_store.remove(paths)


def test_no_one_listens(aws_environment: pytest.MonkeyPatch) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_SSM", "http://127.0.0.1:9")
    store = SsmStore(REGION)
    for operation in OPERATIONS.values():
        with pytest.raises(errors.Unreachable) as failure:
            operation(store)
        assert failure.value.code == "EndpointConnectionError"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_credentials(
    faulty: Faulty, aws_environment: pytest.MonkeyPatch, operation: str
) -> None:
    aws_environment.delenv("AWS_ACCESS_KEY_ID")
    aws_environment.delenv("AWS_SECRET_ACCESS_KEY")
    aws_environment.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(errors.Misconfigured) as failure:
        OPERATIONS[operation](SsmStore(REGION))
    assert failure.value.code == "NoCredentialsError"
    assert faulty.requests == []


@pytest.mark.parametrize("operation", READS)
def test_an_endpoint_that_speaks_no_tls(
    faulty: Faulty, aws_environment: pytest.MonkeyPatch, operation: str
) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_SSM", faulty.url.replace("http:", "https:"))
    with pytest.raises(errors.Misconfigured) as failure:
        READS[operation](SsmStore(REGION))
    assert failure.value.code == "SSLError"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_endpoint_whose_certificate_is_not_trusted_is_sent_nothing(
    impostor: None, operation: str
) -> None:
    with pytest.raises(errors.Misconfigured) as failure:
        OPERATIONS[operation](SsmStore(REGION))
    assert failure.value.code == "SSLError"


@pytest.mark.parametrize(
    ("variable", "text"), [("AWS_ENDPOINT_URL_SSM", "no url"), ("AWS_PROFILE", "nobody")]
)
def test_settings_that_make_no_client(
    aws_environment: pytest.MonkeyPatch, variable: str, text: str
) -> None:
    aws_environment.setenv(variable, text)
    with pytest.raises(errors.Misconfigured):
        SsmStore(REGION)


@pytest.mark.parametrize("region", ["", "us east 1"])
def test_a_region_that_is_none(aws_environment: pytest.MonkeyPatch, region: str) -> None:
    aws_environment.delenv("AWS_ENDPOINT_URL_SSM", raising=False)
    with pytest.raises(errors.Misconfigured):
        SsmStore(region).ping()


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
def test_an_error_holds_neither_value_nor_arn(
    faulty: Faulty, hasty_store: SsmStore, calls: Any, fault: Fault
) -> None:
    faulty.always(fault)
    with pytest.raises(errors.StoreError) as failure:
        hasty_store.put(PATH, SecretValue(CANARY), overwrite=False)
    error = failure.value
    assert error.__cause__ is None
    assert error.__context__ is None
    words = [str(error), repr(error), error.code, error.sentence, str(calls.all)]
    for entry in failure.traceback[1:]:  # the first frame is this test's
        words += map(repr, entry.frame.f_locals.values())
    for secret in (CANARY, "123456789012"):
        assert secret not in " ".join(words)
    assert error.code.isprintable()


def _self_signed(path: Path) -> Path:
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    return path
