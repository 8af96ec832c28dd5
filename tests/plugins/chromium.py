"""Pages in a real Chromium, against the live server.

`page` is one at 1440 by 900, light, with JavaScript; `open_page` makes others. A test ends in
failure if the browser complained of anything - a console error, a script's exception, a breach of
the Content-Security-Policy - that the test did not announce with `complaints.expect`.

`python -m tests.plugins.chromium` finds or installs the browser; `make test` does that first.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from django.conf import settings
from django.core.servers.basehttp import WSGIRequestHandler
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

# Chromium without its windows, as Playwright itself takes it: the same engine at half the time
SHELL = "chromium-headless-shell"
INSTALLED = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
TIMEOUT = 60_000  # milliseconds for an action or an expectation: far more than it takes
# Chromium reports a breach to the document, and to the console in its own words; we want both,
# for the first is complete and the second works without JavaScript.
REPORT_BREACHES = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `Content-Security-Policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`));
"""
# A row that is there twice for a blink is typed in where it is lost, so each change is looked at.
REPORT_TWINS = """
new MutationObserver(() => {
  const seen = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    const id = element.getAttribute("id");
    if (seen.has(id)) console.error(`Twice in the page: #${id}`);
    seen.add(id);
  }
}).observe(document, { childList: true, subtree: true });
"""


class Complaints:
    """What the browser complained of."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._expected: list[str] = []

    def expect(self, pattern: str) -> None:
        """Announce a complaint, by a regular expression that is searched for in it."""
        self._expected.append(pattern)

    def unexpected(self) -> list[str]:
        """Return those that no expectation covers."""
        return [line for line in self.seen if not any(re.search(it, line) for it in self._expected)]

    def listen(self, context: BrowserContext) -> None:
        """Collect from every page of a context."""
        context.add_init_script(REPORT_BREACHES + REPORT_TWINS)
        context.on(
            "console",
            lambda message: self._add(message.type, f"{message.text} at {message.location['url']}"),
        )
        context.on("weberror", lambda error: self._add("error", str(error.error)))

    def _add(self, kind: str, text: str) -> None:
        if kind == "error":
            self.seen.append(text)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Run one Chromium for all tests of a process."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop running in this thread, where Django's ORM then refuses
        # to work. No test here is asynchronous: nothing else can run between two lines of it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        # Else the body of each answer waits 40 ms for the acknowledgement of its headers
        patch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)
        with playwright.chromium.launch(executable_path=installed(), args=FLAGS) as chromium:
            yield chromium


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """Collect what the browser complains of, and fail at the end if a test did not expect it."""
    complaints = Complaints()
    yield complaints
    assert complaints.unexpected() == []


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, live_server: Any, complaints: Complaints) -> Iterator[OpenPage]:
    """Return a function that opens a page of its own: own cookies, signed in as `user` if given."""
    with ExitStack() as contexts:

        def open_page(
            *,
            user: Any = None,
            javascript: bool = True,
            dark: bool = False,
            width: int = 1440,
            height: int = 900,
        ) -> Page:
            context = contexts.enter_context(
                browser.new_context(
                    base_url=live_server.url,
                    java_script_enabled=javascript,
                    color_scheme="dark" if dark else "light",
                    viewport={"width": width, "height": height},
                    reduced_motion="reduce",
                )
            )
            context.set_default_timeout(TIMEOUT)
            complaints.listen(context)
            if user is not None:
                context.add_cookies([session_cookie(user, live_server.url)])
            return context.new_page()

        yield open_page


@pytest.fixture
def page(open_page: OpenPage) -> Page:
    """Return an anonymous page."""
    return open_page()


def session_cookie(user: Any, url: str) -> Any:
    """Return a session of `user` as a cookie for `url`."""
    client = Client()
    client.force_login(user)
    name = settings.SESSION_COOKIE_NAME
    return {"name": name, "value": client.cookies[name].value, "url": url, "httpOnly": True}


def installed() -> str | None:
    """Return an installed Chromium."""
    return next(filter(None, map(shutil.which, INSTALLED)), None)


def install() -> None:
    """Install Chromium where there is none: Debian's as root, else Playwright's own."""
    if installed():
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        subprocess.run(["apt-get", "-qq", "update"], check=True)
        subprocess.run(["apt-get", "-qqy", "install", SHELL], check=True)
    else:
        browser = [sys.executable, "-m", "playwright", "install", "--only-shell", "chromium"]
        subprocess.run(browser, check=True)


if __name__ == "__main__":
    install()
