"""A console below a path, on another port than 443, behind nginx as in docs/deploy.md."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.fixtures import nginx
from tests.fixtures.nginx import HOST
from tests.proxy.browser import Browser
from tests.proxy.conftest import SETTINGS
from tests.proxy.site import EMAIL, PASSWORD, SIGN_IN
from tests.soak.replicas.server import Server, copy_started_to, running

PREFIX = "/branchkeep"
pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Browser, Server]]:
    """Return the operator's browser of a console below a path, on a port of its own."""
    settings = SETTINGS | {"ALLOWED_HOSTS": ""}
    console = Server(copy_started_to(tmp_path_factory.mktemp("below")), settings)
    with nginx.running(console.port, below_a_path=True) as proxy:
        host = f"{HOST}:{proxy.https}"
        console.environment["BASE_URL"] = f"https://{host}{PREFIX}/"
        with running(console):
            browser = Browser(proxy, host=host)
            [link] = re.findall(r"(https://\S+/setup/\S+)", console.log.read_text())
            assert link.startswith(f"https://{host}{PREFIX}/setup/")
            fields = {"email": EMAIL, "password1": PASSWORD, "password2": PASSWORD}
            response = browser.post(urlsplit(link).path, fields | {"sample_app": "on"})
            assert response.status == 302
            yield browser, console


def test_it_works(below: tuple[Browser, Server]) -> None:
    browser, _ = below
    another = Browser(browser.nginx, host=browser.host)
    response = another.post(f"{PREFIX}{SIGN_IN}", {"login": EMAIL, "password": PASSWORD})
    assert (response.status, response.headers["Location"]) == (302, f"{PREFIX}/")
    apps = browser.get(f"{PREFIX}/")
    assert (apps.status, "Sample shop" in apps.text) == (200, True)
    addresses = re.findall(r'(?:href|src|action|hx-get|hx-post)="(/[^"]*)"', apps.text)
    assert len(addresses) > 10
    assert all(address.startswith(f"{PREFIX}/") for address in addresses)


@pytest.mark.parametrize("path", ["/css/tokens.css", "/js/app.js"])
def test_static_files(below: tuple[Browser, Server], path: str) -> None:
    browser, _ = below
    kind = path.rpartition(".")[2]
    [name, *_] = re.findall(rf"{PREFIX}/static/[\w/.-]+\.{kind}", browser.get(f"{PREFIX}/").text)
    response = browser.get(name)
    assert response.status == 200
    assert "immutable" in response.headers["Cache-Control"]


def test_every_link_of_an_app_works(below: tuple[Browser, Server]) -> None:
    browser, _ = below
    found, queue = set[str](), [f"{PREFIX}/"]
    while queue and len(found) < 60:
        page = browser.get(queue.pop(0))
        assert page.status in {200, 302}
        for address in re.findall(r'href="(/[^"#?]*)"', page.text):
            assert address.startswith(f"{PREFIX}/")
            if address not in found and "/admin/" not in address and "/static/" not in address:
                found.add(address)
                queue.append(address)
    assert len(found) > 10


def test_redirects(below: tuple[Browser, Server]) -> None:
    browser, _ = below
    slash = browser.get(f"{PREFIX}/apps/new")
    assert (slash.status, slash.headers["Location"]) == (301, f"{PREFIX}/apps/new/")
    anonymous = Browser(browser.nginx, host=browser.host)
    away = anonymous.get(f"{PREFIX}/apps/new/")
    assert away.headers["Location"] == f"{PREFIX}{SIGN_IN}?next={PREFIX}/apps/new/"
    fields = {"login": EMAIL, "password": PASSWORD}
    back = anonymous.post(f"{PREFIX}{SIGN_IN}?next={PREFIX}/apps/new/", fields)
    assert back.headers["Location"] == f"{PREFIX}/apps/new/"


def test_fragment(below: tuple[Browser, Server]) -> None:
    """htmx requests the address of the page."""
    browser, _ = below
    apps = re.findall(rf'href="({PREFIX}/apps/d[^/"]+/)"', browser.get(f"{PREFIX}/").text)
    [app] = set(apps)
    page = browser.get(f"{app}hosting/secrets/")
    address = f"{app}hosting/secrets/"
    assert f'hx-get="{address}"' in page.text
    fragment = browser.get(f"{address}?q=x", HX_Request="true")
    assert (fragment.status, "<html" in fragment.text) == (200, False)


def test_cookies_belong_to_the_whole_origin(below: tuple[Browser, Server]) -> None:
    """`__Host-` requires the path /."""
    browser, _ = below
    cookies = Browser(browser.nginx, host=browser.host).get(f"{PREFIX}{SIGN_IN}").cookies
    assert {(cookie.key, cookie["path"]) for cookie in cookies} == {("__Host-csrf", "/")}
    assert set(browser.cookies) >= {"__Host-session", "__Host-csrf"}


def test_probes(below: tuple[Browser, Server]) -> None:
    browser, console = below
    assert browser.get(f"{PREFIX}/healthz").status == 200
    assert console.is_healthy()  # without the path, as a container's health check asks


def test_outside_of_the_path(below: tuple[Browser, Server]) -> None:
    browser, _ = below
    assert browser.get("/").status == 404  # nginx's


def test_log_leaves_out_probes(below: tuple[Browser, Server]) -> None:
    browser, console = below
    assert browser.get(f"{PREFIX}/healthz").status == 200
    assert "/healthz" not in console.log.read_text()


def test_commands_print_the_address(below: tuple[Browser, Server]) -> None:
    browser, console = below
    console.environment["DJANGO_SETTINGS_MODULE"] = "console.settings"
    printed = console.run("django", "shell", "-c", COMMAND)
    assert printed.strip().splitlines()[-1] == f"https://{browser.host}{PREFIX}/apps/d1/"


COMMAND = """
from threading import Thread
from console.conf.base_url import link_to
thread = Thread(target=lambda: print(link_to("overview", "d1")))  # as mails are sent
thread.start()
thread.join()
"""
