"""`make screenshots`: take the pictures in docs/images, from the sample app."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from io import BytesIO, TextIOWrapper
from time import monotonic, sleep, time
from unittest.mock import patch
from urllib.error import URLError
from urllib.request import urlopen

import django
from django.core.management import call_command
from playwright.sync_api import Page, sync_playwright

from console.lib.paths import BASE_DIR

IMAGES = BASE_DIR / "docs" / "images"
LARGEST = 200_000  # bytes of a picture
OWNER, DEVELOPER, PASSWORD = "ana@example.com", "sam@example.com", "only for screenshots"


def main() -> None:
    """Fill a temporary database, serve it, and take the pictures."""
    folder = tempfile.mkdtemp(prefix="branchkeep-screenshots-")
    try:
        os.environ |= {"TESTS_FOLDER": folder, "DJANGO_SETTINGS_MODULE": "tests.settings"}
        django.setup()
        app_id = fill()
        with server() as url:
            take(url, app_id)
    finally:
        shutil.rmtree(folder)
    for picture in sorted(IMAGES.glob("*.png")):
        size = picture.stat().st_size
        print(f"{picture.relative_to(BASE_DIR)}: {size:,} bytes")
        if size >= LARGEST:
            sys.exit(f"{picture.name} is too large. The limit is {LARGEST:,} bytes.")


def fill() -> str:
    """Create two members and the sample app, with a few days of activity. Return the app's ID."""
    from console.access.policy import find_app
    from console.members.services import actor_of, set_member
    from console.models import App, User

    for command in ("migrate", "createcachetable"):
        call_command(command, verbosity=0)
    owner = User.objects.create_superuser(OWNER, PASSWORD)
    developer = User.objects.create_user(DEVELOPER, PASSWORD)
    with at(days=6):
        call_command("sample_app", owner=OWNER, verbosity=0)
        app_id = App.objects.get().app_id
        app = find_app(actor_of(owner), app_id).app
        confirmed = replace(actor_of(owner), confirmed_at=time())
        set_member(actor=confirmed, app=app, principal=developer, role="developer")
    with at(days=3):
        run("variable", "set", "LOG_LEVEL", app_id, DEVELOPER, "--branch=develop", value="trace")
    with at(days=2):
        run("secret", "set", "SENTRY_AUTH_TOKEN", app_id, OWNER, value="not-a-real-token")
    with at(hours=21):
        run("secret", "set", "STRIPE_SECRET_KEY", app_id, OWNER, "--branch=main", value="rotated")
    with at(hours=5):
        run("secret", "get", "DATABASE_URL", app_id, DEVELOPER, "--branch=develop")
    with at(hours=2):
        run("variable", "set", "API_URL", app_id, OWNER, value="https://api.shop.example/v2")
    return app_id


@contextmanager
def at(**ago: float) -> Iterator[None]:
    """Run as if it were some time ago."""
    from django.utils import timezone

    with patch.object(timezone, "now", return_value=timezone.now() - timedelta(**ago)):
        yield


def run(
    thing: str, verb: str, key: str, app_id: str, who: str, *more: str, value: str = ""
) -> None:
    """Run `manage.py secret` or `variable`, with its value on standard input and no output."""
    silence = TextIOWrapper(BytesIO())
    with patch("sys.stdin", TextIOWrapper(BytesIO(value.encode()))), patch("sys.stdout", silence):
        call_command(thing, verb, key, f"--app={app_id}", f"--as={who}", *more, stderr=silence)


@contextmanager
def server() -> Iterator[str]:
    """Serve the pages; yield the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "manage.py", "runserver", address, "--noreload", "--insecure"]
    process = subprocess.Popen(
        command, cwd=BASE_DIR, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(f"http://{address}/accounts/login/")
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait()


def wait_for(url: str, seconds: float = 30) -> None:
    """Return once the server answers. Raises URLError."""
    end = monotonic() + seconds
    while True:
        try:
            urlopen(url).close()  # noqa: S310 - an address of ours
            return
        except URLError:
            if monotonic() > end:
                raise
            sleep(0.1)


def take(url: str, app_id: str) -> None:
    """Sign in as the owner and take the pictures."""
    from tests.browser.steps import follow
    from tests.fixtures.chromium import FLAGS, installed

    app = f"{url}/apps/{app_id}"
    IMAGES.mkdir(exist_ok=True)
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=installed(), args=FLAGS) as browser,
    ):
        page = browser.new_page(locale="en-US", timezone_id="UTC", reduced_motion="reduce")
        page.goto(f"{url}/accounts/login/")
        page.get_by_label("Email").fill(OWNER)
        page.get_by_label("Password").fill(PASSWORD)
        follow(page.get_by_role("button", name="Sign in", exact=True))
        picture(page, f"{app}/hosting/secrets/", "secrets", height=900)
        picture(page, f"{app}/hosting/environment-variables/", "variables", height=956)
        picture(page, f"{app}/activity/", "activity", height=846)


def picture(page: Page, url: str, name: str, height: int) -> None:
    """Take one picture, once the page has settled."""
    page.set_viewport_size({"width": 1440, "height": height})
    page.goto(url)
    page.wait_for_load_state("networkidle")
    page.screenshot(path=IMAGES / f"{name}.png")


if __name__ == "__main__":
    main()
