"""compose.yaml: which settings it passes, how it isolates, and that a console starts with it."""

import os
import re
import subprocess
import sys
from typing import Any

import pytest
import yaml

from console.lib.paths import BASE_DIR
from console.server import gunicorn, start, worker
from tests.documents.test_documents import settings
from tests.image.dockerfile import stages_of

KEPT_OUT = {
    "BACKUP_KEY": "belongs to another place than the server",
    "DEBUG": "is for one's own machine",
    "STATIC_ROOT": "is the image's",
    "BIND_ADDRESS": "is the image's",
    "PORT": "is the image's",
}
SERVICES = ("AMPLIFY", "SECRETS_MANAGER", "SSM")
ENDPOINTS = {f"AWS_ENDPOINT_URL_{name}" for name in SERVICES}  # of botocore
CREDENTIALS = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}  # of boto3
ENV_FILE = {
    "ALLOWED_HOSTS": "console.example.com",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "POSTGRES_PASSWORD": "0123abcd",
}
ASK = """
import json
from console import settings
print(settings.DATABASES["default"]["HOST"], settings.DATABASES["default"]["PASSWORD"])
print(settings.PROXIES.count, settings.LOCAL, settings.PARAMETER_STORE)
"""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """Return the services of compose.yaml."""
    return dict(yaml.safe_load((BASE_DIR / "compose.yaml").read_text())["services"])


def console_environment(services: dict[str, Any], env_file: dict[str, str]) -> dict[str, str]:
    """Return the console's environment as Compose derives it from .env."""
    environment: dict[str, str] = {}
    for name, text in services["console"]["environment"].items():
        if text is None:  # passed through if it is set
            environment |= {name: env_file[name]} if name in env_file else {}
        else:
            environment[name] = re.sub(
                r"\$\{(\w+)(?::[?-]([^}]*))?\}", lambda it: env_file.get(it[1], it[2]), text
            )
    return environment


def test_it_works(services: dict[str, Any]) -> None:
    environment = {"PATH": os.environ["PATH"], **console_environment(services, ENV_FILE)}
    command = [sys.executable, "-c", ASK]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.stdout.split() == ["database", "0123abcd", "1", "False", "embedded"]


def test_every_setting_is_passed(services: dict[str, Any]) -> None:
    wanted = (settings() | CREDENTIALS | ENDPOINTS) - set(KEPT_OUT)
    assert set(services["console"]["environment"]) == wanted


@pytest.mark.parametrize("name", ["ALLOWED_HOSTS", "SECRET_KEY", "POSTGRES_PASSWORD"])
def test_missing_variable_stops_compose(services: dict[str, Any], name: str) -> None:
    """Compose stops with the message after `:?`; there is no default."""
    text = " ".join(it for it in services["console"]["environment"].values() if it)
    assert re.search(rf"\$\{{{name}:\?[A-Z][^}}]+\.\}}", text)
    assert not re.search(rf"\$\{{{name}:-", text)


def test_restrictions_of_the_console(services: dict[str, Any]) -> None:
    console = services["console"]
    assert console["read_only"] is True
    assert console["cap_drop"] == ["ALL"]
    assert console["security_opt"] == ["no-new-privileges:true"]
    assert console["tmpfs"] == ["/tmp"]  # noqa: S108 - the container's own
    assert "volumes" not in console
    assert "privileged" not in console
    assert "user" not in console  # of the image


@pytest.mark.parametrize("name", ["console", "database"])
def test_memory_is_limited(services: dict[str, Any], name: str) -> None:
    assert services[name]["mem_limit"] == "1g"


def test_files_for_all_connections(services: dict[str, Any]) -> None:
    each = gunicorn.worker_connections + worker.OTHER_FILES
    assert services["console"]["ulimits"]["nofile"] == start.OPEN_FILES > each


def test_networks(services: dict[str, Any]) -> None:
    """Only the proxy reaches the console (see TRUSTED_PROXIES=1), only the console the database."""
    assert services["console"]["ports"] == ["127.0.0.1:8000:8000"]
    assert "ports" not in services["database"]


def test_only_named_volumes(services: dict[str, Any]) -> None:
    """A VOLUME in the image would leave an anonymous volume behind with each container."""
    assert not re.search(r"^VOLUME", (BASE_DIR / "Dockerfile").read_text(), re.MULTILINE)
    assert services["database"]["volumes"] == ["database:/var/lib/postgresql/data"]


@pytest.mark.parametrize("name", ["console", "database"])
def test_logs_are_rotated(services: dict[str, Any], name: str) -> None:
    assert set(services[name]["logging"]["options"]) == {"max-size", "max-file"}


def test_stop_waits_for_requests(services: dict[str, Any]) -> None:
    grace = int(services["console"]["stop_grace_period"].removesuffix("s"))
    assert grace > gunicorn.graceful_timeout


def test_console_waits_for_its_database(services: dict[str, Any]) -> None:
    assert services["console"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert services["database"]["healthcheck"]["test"][:2] == ["CMD", "pg_isready"]
    assert "healthcheck" not in services["console"]  # the image's


def test_base_images_can_be_pinned(services: dict[str, Any]) -> None:
    stages = stages_of((BASE_DIR / "Dockerfile").read_text())
    assert {stage.base for stage in stages} == {"python:3.14-slim"}
    argument = services["console"]["build"]["args"]["PYTHON_IMAGE"]
    assert argument == f"${{PYTHON_IMAGE:-{stages[0].base}}}"
    assert services["database"]["image"] == "${POSTGRES_IMAGE:-postgres:17}"
    document = (BASE_DIR / "docs/deploy.md").read_text()
    for pin in ("PYTHON_IMAGE=python:3.14-slim@sha256:…", "POSTGRES_IMAGE=postgres:17@sha256:…"):
        assert pin in document
