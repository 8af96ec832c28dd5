"""SSM can't be called at all: no connection, no credentials, the wrong server."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from secrets_app.store import errors
from secrets_app.store.ssm.client import SsmStore
from tests.fixtures.faulty import Faulty
from tests.fixtures.moto import REGION
from tests.secrets_app.store.operations import OPERATIONS, READS


@pytest.fixture
def self_signed_endpoint(aws_environment: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Point botocore at a TLS server with a self-signed certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_self_signed(tmp_path / "endpoint.pem"))
    with HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        # Failed handshakes raise OSError, which the server handles
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        url = f"https://127.0.0.1:{server.server_port}"
        aws_environment.setenv("AWS_ENDPOINT_URL_SSM", url)
        yield
        server.shutdown()
        thread.join()


def test_connection_refused(aws_environment: pytest.MonkeyPatch) -> None:
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
def test_an_endpoint_without_tls(
    faulty: Faulty, aws_environment: pytest.MonkeyPatch, operation: str
) -> None:
    aws_environment.setenv("AWS_ENDPOINT_URL_SSM", faulty.url.replace("http:", "https:"))
    with pytest.raises(errors.Misconfigured) as failure:
        READS[operation](SsmStore(REGION))
    assert failure.value.code == "SSLError"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_untrusted_certificate(self_signed_endpoint: None, operation: str) -> None:
    with pytest.raises(errors.Misconfigured) as failure:
        OPERATIONS[operation](SsmStore(REGION))
    assert failure.value.code == "SSLError"


@pytest.mark.parametrize(
    ("variable", "text"), [("AWS_ENDPOINT_URL_SSM", "no url"), ("AWS_PROFILE", "nobody")]
)
def test_invalid_settings(aws_environment: pytest.MonkeyPatch, variable: str, text: str) -> None:
    aws_environment.setenv(variable, text)
    with pytest.raises(errors.Misconfigured):
        SsmStore(REGION)


@pytest.mark.parametrize("region", ["", "us east 1"])
def test_an_invalid_region(aws_environment: pytest.MonkeyPatch, region: str) -> None:
    aws_environment.delenv("AWS_ENDPOINT_URL_SSM", raising=False)
    with pytest.raises(errors.Misconfigured):
        SsmStore(region).ping()


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
