"""nginx with TLS, by exactly the configuration that docs/deploy.md shows.

What is the test's own is put in the place of what is yours there: ports, the certificate's files
and the console's port. `python -m tests.plugins.nginx` finds or installs nginx; `make test` does
that first.
"""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from console.lib.paths import BASE_DIR
from tests.plugins.ports import free_port
from tests.plugins.waiting import until

DOCUMENT = BASE_DIR / "docs/deploy.md"
HOST = "console.example.com"
HOW = "Install nginx for the tests: apt-get install nginx-light"
# Everything around a site that Debian's own nginx.conf sets too
AROUND = """
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/console.conf;
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running nginx."""

    https: int
    http: int
    certificate: Path


@contextmanager
def running(console: int) -> Iterator[Nginx]:
    """Run nginx before the console on port `console`, until the block ends."""
    with tempfile.TemporaryDirectory(prefix="nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # its workers are another account's
        certificate = make_certificate(folder)
        nginx = Nginx(free_port(), free_port(), certificate)
        (folder / "console.conf").write_text(_site(nginx, folder, console))
        (folder / "nginx.conf").write_text(AROUND.format(folder=folder))
        command = [
            executable(),
            "-p",
            folder,
            "-e",
            folder / "error.log",
            "-c",
            folder / "nginx.conf",
        ]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                _wait_for(nginx, process)
                yield nginx
            finally:
                process.terminate()


def documented() -> str:
    """Return the configuration in the document."""
    [found] = re.findall(r"```nginx\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    return str(found)


def _site(nginx: Nginx, folder: Path, console: int) -> str:
    text = documented()
    for theirs, ours in {
        "listen 80;": f"listen 127.0.0.1:{nginx.http};",
        "listen 443 ssl;": f"listen 127.0.0.1:{nginx.https} ssl;",
        "/etc/ssl/console/": f"{folder}/",
        "http://127.0.0.1:8000;": f"http://127.0.0.1:{console};",
    }.items():
        assert theirs in text, f"docs/deploy.md's nginx configuration has no “{theirs}” any more."
        text = text.replace(theirs, ours)
    return text


def make_certificate(folder: Path) -> Path:
    """Make a key and a certificate that it signed itself, and return the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "privkey.pem").write_bytes(private)
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    return folder / "fullchain.pem"


def _wait_for(nginx: Nginx, process: "subprocess.Popen[str]") -> None:
    def listens() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        return _listens(nginx.https)

    until(listens)


def _listens(port: int) -> bool:
    with closing(socket.socket()) as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def executable() -> str:
    """Return an installed nginx, which Debian keeps out of people's PATH."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    assert found, HOW
    return found


def install() -> None:
    """Install Debian's nginx where there is none and we may; else the tests say how."""
    try:
        executable()
    except AssertionError:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            subprocess.run(["apt-get", "-qq", "update"], check=True)
            subprocess.run(["apt-get", "-qqy", "install", "nginx-light"], check=True)


if __name__ == "__main__":
    install()
