"""The files and numbers in docs/deploy.md agree with the code."""

import re
from configparser import ConfigParser

from console.lib.paths import BASE_DIR
from console.server import gunicorn
from console.server.connection import BODY_BYTES
from console.settings import DATA_UPLOAD_MAX_MEMORY_SIZE
from tests.documents.test_documents import settings

DEPLOY = (BASE_DIR / "docs/deploy.md").read_text()
OF_COMPOSE = {"POSTGRES_PASSWORD"}


def blocks(language: str) -> list[str]:
    """Return the document's blocks of a language."""
    return re.findall(rf"```{language}\n(.*?)```", DEPLOY, re.DOTALL)


def unit() -> ConfigParser:
    """Return the systemd unit."""
    [text] = [block for block in blocks("ini") if block.startswith("[Unit]")]
    parser = ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]  # names keep their case
    parser.read_string(text)
    return parser


def test_it_works() -> None:
    service = unit()["Service"]
    assert (
        service["ExecStart"]
        == f"{service['WorkingDirectory']}/.venv/bin/python -m console.server.start"
    )
    assert service["ReadWritePaths"] == f"{service['WorkingDirectory']}/var"
    assert f"createuser {service['User']}\n" in DEPLOY
    assert f"`{service['EnvironmentFile']}` (`chmod 600`)" in DEPLOY
    assert int(service["TimeoutStopSec"]) > gunicorn.graceful_timeout


def test_settings_files_contain_only_settings() -> None:
    files = [block for block in blocks("ini") if "[Unit]" not in block]
    named = [set(re.findall(r"^(\w+)=", file, re.MULTILINE)) for file in files]
    assert len(named) == 2
    for names in named:
        assert {"ALLOWED_HOSTS", "SECRET_KEY", "ENCRYPTION_KEYS"} <= names
        assert names <= settings() | OF_COMPOSE


def test_proxy_passes_what_the_console_rejects_with_a_message() -> None:
    nginx, _ = blocks("nginx")
    [megabytes] = re.findall(r"client_max_body_size (\d+)m;", nginx)
    assert int(megabytes) << 20 > BODY_BYTES > DATA_UPLOAD_MAX_MEMORY_SIZE


def test_connections_to_the_database() -> None:
    each = gunicorn.threads + 5  # mail, audit chain, settling, mirrors, recycle bin
    assert f"up to {gunicorn.workers * each} connections" in DEPLOY


def test_linked_headings_exist() -> None:
    heads = {head.lower().replace(",", "").replace(" ", "-") for head in headings()}
    assert set(re.findall(r"\]\(#([^)]+)\)", DEPLOY)) <= heads


def headings() -> list[str]:
    """Return the document's headings."""
    return re.findall(r"^##+ (.+)$", DEPLOY, re.MULTILINE)
