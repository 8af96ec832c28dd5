"""A real console behind a real nginx, shared by all tests of a process."""

import re
from collections.abc import Iterator

import pytest

from tests.fixtures import nginx
from tests.fixtures.nginx import HOST
from tests.proxy.browser import Browser
from tests.proxy.site import EMAIL, PASSWORD, TOKEN, Site, open_browser
from tests.soak.replicas.server import Server, copy_started_to, running

SETTINGS = {
    "ALLOWED_HOSTS": HOST,
    "TRUSTED_PROXIES": "127.0.0.1",
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "METRICS_TOKEN": TOKEN,
}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Run a console behind nginx for all tests of a process."""
    console = Server(copy_started_to(tmp_path_factory.mktemp("proxy")), SETTINGS)
    with running(console), nginx.running(console.port) as proxy:
        site = Site(console, proxy)
        set_up(open_browser(site), console)
        yield site


def set_up(browser: Browser, console: Server) -> None:
    """Open the link that the console printed, and create the first operator."""
    [link] = re.findall(rf"https://{re.escape(HOST)}(/setup/\S+)", console.log.read_text())
    fields = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD, "sample_app": "on"}
    assert browser.post(link, fields).status == 302
