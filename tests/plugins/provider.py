"""A real OpenID provider, in a process of its own on loopback."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from console.lib.oidc_config import openid_provider
from tests.plugins.ports import free_port
from tests.plugins.waiting import LONGEST, until

DOCUMENT = "/.well-known/openid-configuration"


@dataclass
class Provider:
    """Where it is, and how to tell it of people."""

    url: str

    def answers(self) -> bool:
        """Return True if it is up."""
        with suppress(requests.ConnectionError):
            return requests.get(f"{self.url}{DOCUMENT}", timeout=LONGEST).ok
        return False

    def knows(self, sub: str, **claims: Any) -> None:
        """Let it know somebody, or know something else of him."""
        requests.put(f"{self.url}/users/{sub}", json=claims, timeout=LONGEST).raise_for_status()

    def agrees(self, address: str, sub: str) -> str:
        """Sign somebody in there, as he would in the browser; return where that leads."""
        answer = requests.post(address, data={"sub": sub}, timeout=LONGEST, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@pytest.fixture(scope="session")
def openid() -> Iterator[Provider]:
    """Run the provider."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    provider = Provider(f"http://127.0.0.1:{port}")
    try:
        until(provider.answers)
        yield provider
    finally:
        process.terminate()
        process.wait(timeout=LONGEST)


@pytest.fixture
def single_sign_on(settings: Any, openid: Provider) -> Provider:
    """Let the console use the provider."""
    settings.OIDC_ISSUER = openid.url
    settings.SOCIALACCOUNT_PROVIDERS = openid_provider(
        issuer=openid.url,
        name="Example",
        client_id="console",
        secret="a secret of the client",
        scope="openid profile email",
    )
    settings.OIDC_NAME = "Example"
    return openid
