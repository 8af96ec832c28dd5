"""A host name in ALLOWED_HOSTS makes a deployment: which settings start, which cookies are set.

Guarantee 22. Settings are read once a process, so a deployment is a process of its own here. Errors
that stop a start are tested by executing the settings file again.
"""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import environ
import pytest
from django.core.exceptions import ImproperlyConfigured

from console import settings as product

ROOT = Path(product.__file__).resolve().parents[1]
DEPLOYMENT = {
    "ALLOWED_HOSTS": "console.example.org",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "PARAMETER_STORE": "embedded",
}
ASK = """
import json, django
from django.conf import settings
plain = "django.contrib.staticfiles.storage.StaticFilesStorage"  # nothing is collected
settings.STORAGES["staticfiles"]["BACKEND"] = plain
django.setup()
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import Client
call_command("migrate", verbosity=0)
from console.models import User
User.objects.create_user("bob@example.org", "correct horse battery staple")
post = {"login": "bob@example.org", "password": "correct horse battery staple"}
answers = []
for secure in (True, False):
    client = Client(headers={"host": "console.example.org"})
    page = client.get("/accounts/login/", secure=secure)
    signed_in = client.post("/accounts/login/", post, secure=secure)
    wrong = client.get("/", headers={"host": "localhost"}, secure=secure)
    missing = client.get("/nowhere/", secure=secure)
    answers.append([
        [answer.status_code, dict(answer.headers), answer.cookies.output(header="")]
        for answer in (page, signed_in, wrong, missing)
    ])
checks = run_checks(include_deployment_checks=True, databases=["default"])
print(json.dumps([answers, [check.id for check in checks]]))
"""


def test_it_works(tmp_path: Path) -> None:
    files = {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "DATABASE_URL": f"sqlite:///{tmp_path}/console.sqlite3",
        "STATIC_ROOT": str(tmp_path),
        "LOG_LEVEL": "ERROR",
    }
    environment = {"PATH": os.environ["PATH"], **DEPLOYMENT, **files}
    command = [sys.executable, "-c", ASK]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    (over_tls, plain), checks = json.loads(run.stdout)
    assert [response[0] for response in over_tls] == [200, 302, 400, 404]
    for _, headers, _ in (*over_tls, *plain):  # plain HTTP from the proxy
        assert headers["Strict-Transport-Security"] == "max-age=31536000"
    lines = [line for *_, cookies in (*over_tls, *plain) for line in cookies.splitlines()]
    names = {"__Host-session", "__Host-csrf", "__Host-known"}
    assert {assert_guarded(line) for line in lines} == names
    # TLS ends at the proxy, which redirects; other host names are its business
    assert set(checks) == {"security.W005", "security.W008", "security.W021"}


def test_django_deployment_checks_pass(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], **DEPLOYMENT, "STATIC_ROOT": str(tmp_path)}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("System check identified no issues")


def assert_guarded(line: str) -> str:
    """Check one cookie's attributes and return its name; `__Host-` requires Path=/."""
    cookie, *attributes = (part.strip() for part in line.split(";"))
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)
    return cookie.partition("=")[0]


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Callable[..., ModuleType]:
    """Return a function that executes the settings file with a deployment's variables and more."""
    monkeypatch.setattr(environ.Env, "read_env", lambda *_: None)  # this machine's own keys

    def start(**changes: str | None) -> ModuleType:
        for name, value in (DEPLOYMENT | changes).items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)
        spec: Any = importlib.util.spec_from_file_location("fresh_settings", product.__file__)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module

    return start


def test_a_deployment_starts(start: Callable[..., Any]) -> None:
    settings = start()
    assert (settings.DEBUG, settings.LOCAL) == (False, False)
    assert settings.SESSION_COOKIE_SECURE
    assert settings.CSRF_COOKIE_SECURE


@pytest.mark.parametrize("hosts", [None, "localhost", "127.0.0.1,localhost,[::1]", ""])
def test_localhost_needs_no_tls(start: Callable[..., Any], hosts: str | None) -> None:
    settings = start(ALLOWED_HOSTS=hosts)
    assert settings.LOCAL
    assert not hasattr(settings, "SESSION_COOKIE_SECURE")
    assert settings.SECURE_HSTS_SECONDS == 0


@pytest.mark.parametrize("debug", ["on", "true", "1"])
@pytest.mark.parametrize("hosts", ["console.example.org", "localhost,console.example.org", "*"])
def test_debug_on_a_real_host(start: Callable[..., Any], debug: str, hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="unset DEBUG"):
        start(DEBUG=debug, ALLOWED_HOSTS=hosts)
    assert start(DEBUG=debug, ALLOWED_HOSTS="localhost").DEBUG


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_missing_key(start: Callable[..., Any], name: str, value: str | None) -> None:
    with pytest.raises(ImproperlyConfigured, match=f"{name} is not set.*make run"):
        start(**{name: value})


@pytest.mark.parametrize("token", ["x" * 31, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 40])
def test_weak_metrics_token(start: Callable[..., Any], token: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="METRICS_TOKEN is too short"):
        start(METRICS_TOKEN=token)
    assert start(METRICS_TOKEN="x" * 32).METRICS_TOKEN


@pytest.mark.parametrize("days", ["", "-1", "1.5", "forever", "1000000"])
def test_days_of_the_recycle_bin(start: Callable[..., Any], days: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"BIN_DAYS is .* whole number of at least 0"):
        start(BIN_DAYS=days)
    assert [start(BIN_DAYS=it).BIN_DAYS for it in (None, "0", "7")] == [30, 0, 7]


def test_guessable_key(start: Callable[..., Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is too short"):
        start(SECRET_KEY="x" * 31)
    assert start(SECRET_KEY="x" * 32).SECRET_KEY


def test_spaces_around_hosts(start: Callable[..., Any]) -> None:
    assert start(ALLOWED_HOSTS=" localhost , ,127.0.0.1 ").LOCAL
    settings = start(ALLOWED_HOSTS=" console.example.org, localhost ")
    assert settings.ALLOWED_HOSTS == ["console.example.org", "localhost"]


@pytest.mark.parametrize("hosts", ["*", "console.example.org, *", "*.example.org"])
def test_wildcard_host(start: Callable[..., Any], hosts: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="Name each host"):
        start(ALLOWED_HOSTS=hosts)


def test_mail_server(start: Callable[..., Any]) -> None:
    settings = start(EMAIL_URL="smtp+tls://me:s%40cret@mail.example.org:587", EMAIL_FROM="c@x.org")
    assert (settings.MAIL, settings.EMAIL_HOST, settings.EMAIL_PORT) == (
        True, "mail.example.org", 587,
    )  # fmt: skip
    assert (settings.EMAIL_HOST_PASSWORD, settings.EMAIL_USE_TLS) == ("s@cret", True)
    assert settings.DEFAULT_FROM_EMAIL == "c@x.org"


@pytest.mark.parametrize("url", [None, ""])
def test_no_mail_server(start: Callable[..., Any], url: str | None) -> None:
    assert not start(EMAIL_URL=url).MAIL


@pytest.mark.parametrize(
    ("url", "sender", "error"),
    [
        ("consolemail://", "c@x.org", "unsupported scheme"),  # it would print the links
        ("filemail:///tmp", "c@x.org", "unsupported scheme"),
        ("smtp://mail.example.org:25", "", "EMAIL_FROM is not set"),
    ],
)
def test_invalid_mail_server(start: Callable[..., Any], url: str, sender: str, error: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=error):
        start(EMAIL_URL=url, EMAIL_FROM=sender)


def test_no_encryption_key_is_needed_for_ssm(start: Callable[..., Any]) -> None:
    assert start(ENCRYPTION_KEYS=None, PARAMETER_STORE="ssm").ENCRYPTION_KEYS == []


def test_unknown_store(start: Callable[..., Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match="Set it to “embedded” or “ssm”"):
        start(PARAMETER_STORE="vault")


def test_amplify(start: Callable[..., Any]) -> None:
    assert start().AMPLIFY == "off"
    assert start(AMPLIFY="on").AMPLIFY == "on"
    with pytest.raises(ImproperlyConfigured, match="Set it to “on” or “off”"):
        start(AMPLIFY="true")


def test_failed_start_explains_itself_in_one_sentence() -> None:
    environment = {"PATH": os.environ["PATH"], **DEPLOYMENT, "SECRET_KEY": ""}
    environment["DEBUG"] = "on"  # comes first
    command = [sys.executable, "-c", "import console.settings"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "unset DEBUG" in run.stderr.strip().splitlines()[-1]
