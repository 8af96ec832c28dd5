"""With a host's name in ALLOWED_HOSTS it is a deployment: what starts, and what cookies it sets.

Settings are read once a process, so each case is one of its own (promise 22).
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import pytest

KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24="
ASK = """
import json, django
from django.conf import settings
plain = "django.contrib.staticfiles.storage.StaticFilesStorage"  # nothing is collected
settings.STORAGES["staticfiles"]["BACKEND"] = plain
django.setup()
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
print(json.dumps(answers))
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return the environment of a deployment in good order."""
    here = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return here | {
        "DJANGO_SETTINGS_MODULE": "console.settings",
        "ALLOWED_HOSTS": "console.example.org",
        "SECRET_KEY": "only-for-tests-" * 4,
        "ENCRYPTION_KEYS": KEY,
        "DATABASE_URL": f"sqlite:///{tmp_path}/console.sqlite3",
        "STATIC_ROOT": str(tmp_path),
        "LOG_LEVEL": "ERROR",
    }


@pytest.fixture
def run(environment: dict[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs Python code in that environment, changed by its arguments."""

    def run(code: str, **changes: str | None) -> subprocess.CompletedProcess[str]:
        variables = {n: it for n, it in (environment | changes).items() if it is not None}
        command = [sys.executable, "-c", code]
        return subprocess.run(command, env=variables, capture_output=True, text=True, check=False)

    return run


def test_it_works(run: Callable[..., Any]) -> None:
    over_tls, plain = json.loads(run(ASK).stdout)
    assert [answer[0] for answer in over_tls] == [200, 302, 400, 404]
    for status, headers, _ in over_tls:
        assert headers["Strict-Transport-Security"] == "max-age=31536000", status
    assert all("Strict-Transport-Security" not in headers for _, headers, _ in plain)
    cookies = SimpleCookie("")
    for _, _, text in (*over_tls, *plain):
        for line in filter(None, text.splitlines()):
            assert_guarded(line)
            cookies.load(line)
    assert set(cookies) == {"__Host-session", "__Host-csrf"}


def assert_guarded(line: str) -> None:
    """Check one cookie's attributes; `__Host-` asks for no Domain and for Path=/ too."""
    name, *attributes = (part.strip() for part in line.split(";"))
    assert name.startswith("__Host-")
    assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(attributes)
    assert not any(attribute.startswith("Domain") for attribute in attributes)


SETTINGS = "from django.conf import settings; print(settings.{})"


def test_posts_from_behind_a_proxy_are_trusted(run: Callable[..., Any]) -> None:
    origins = SETTINGS.format("CSRF_TRUSTED_ORIGINS")
    hosts = "console.example.org,.sub.example.org"
    assert run(origins, ALLOWED_HOSTS=hosts).stdout.strip() == str(
        ["https://console.example.org", "https://*.sub.example.org"]
    )


def test_debug_on_a_real_host(run: Callable[..., Any]) -> None:
    stopped = run(SETTINGS.format("DEBUG"), DEBUG="on")
    assert stopped.returncode == 1
    assert "unset DEBUG" in stopped.stderr
    assert run(SETTINGS.format("DEBUG"), DEBUG="on", ALLOWED_HOSTS="localhost").stdout == "True\n"


@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_a_missing_key(run: Callable[..., Any], tmp_path: Path, name: str, value: Any) -> None:
    stopped = run(no_keys_file(SETTINGS.format("DEBUG")), **{name: value})
    assert stopped.returncode == 1
    last = stopped.stderr.strip().splitlines()[-1]
    assert f"{name} is not set." in last
    assert "make run" in last  # what to do


def test_no_encryption_key_is_needed_for_ssm(run: Callable[..., Any]) -> None:
    code = no_keys_file(SETTINGS.format("ENCRYPTION_KEYS"))
    assert run(code, ENCRYPTION_KEYS=None, PARAMETER_STORE="ssm").stdout == "[]\n"


def no_keys_file(code: str) -> str:
    """Let no keys of this machine's own, which `make run` makes, be read."""
    return f"import environ; environ.Env.read_env = lambda *_: None; {code}"


def test_an_unknown_store(run: Callable[..., Any]) -> None:
    stopped = run(SETTINGS.format("DEBUG"), PARAMETER_STORE="vault")
    assert "PARAMETER_STORE is “vault”. Set it to “embedded” or “ssm”." in stopped.stderr


def test_the_deployments_check_is_content(run: Callable[..., Any]) -> None:
    code = "import django; django.setup(); from django.core.management import call_command\n"
    checked = run(f"{code}call_command('check', deploy=True, databases=['default'])")
    # TLS ends at the proxy, which redirects; the host's other names are none of our business
    known = {"security.W005", "security.W008", "security.W021"}
    found = {word.strip("?:() ") for word in checked.stderr.split() if "security.W" in word}
    assert found == known, checked.stderr
