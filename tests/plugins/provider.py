"""A real OpenID provider, in a process of its own on loopback."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from console.lib.oidc_config import openid_provider


@dataclass
class Provider:
    """Where it is, and how to tell it of people."""

    url: str

    def knows(self, sub: str, **claims: Any) -> None:
        """Let it know somebody, or know something else of him."""
        requests.put(f"{self.url}/users/{sub}", json=claims, timeout=10).raise_for_status()

    def agrees(self, address: str, sub: str) -> str:
        """Sign somebody in there, as he would in the browser; return where that leads."""
        answer = requests.post(address, data={"sub": sub}, timeout=10, allow_redirects=False)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]


@pytest.fixture(scope="session")
def openid() -> Iterator[Provider]:
    """Run the provider."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    provider = Provider(f"http://127.0.0.1:{port}")
    try:
        _wait(provider)
        yield provider
    finally:
        process.terminate()
        process.wait(timeout=10)


def _wait(provider: Provider) -> None:
    for _ in range(200):
        try:
            requests.get(f"{provider.url}/.well-known/openid-configuration", timeout=5)
            return
        except requests.ConnectionError:
            time.sleep(0.1)
    raise TimeoutError("The OpenID provider did not start.")


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
