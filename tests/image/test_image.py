"""The image, without a container engine: the Dockerfile's own steps, run in bare roots.

This is the image's part of guarantee 46. This machine's Python stands in for the base image's. The
first line of the output says which isolation of room.py was used.
"""

import gzip
import html
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest

from console.lib.paths import BASE_DIR
from tests.fixtures.ports import free_port
from tests.fixtures.waiting import LONGEST
from tests.image import room
from tests.image.building import Built, build, healthcheck_options, manifest
from tests.image.dockerfile import stages_of

HOST, TOKEN = "console.example.com", "only-for-tests-" * 3
SETTINGS = {
    "ALLOWED_HOSTS": HOST,
    "SECRET_KEY": "only-for-tests-" * 4,
    "ENCRYPTION_KEYS": "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtb24=",
    "METRICS_TOKEN": TOKEN,
}
HOLDS = {
    ".venv", "collected", "console", "envvars_app", "manage.py", "requirements.lock",
    "secrets_app", "static", "templates", "var",
}  # fmt: skip
NEVER = {"tests", ".git", "docs", "keys.env", "pip", "setuptools", "pytest", "mypy", "playwright"}
WRITABLE = ("/app/var", "/tmp")  # noqa: S108 - the container's own
CLOSED = ("/app", "/app/console", "/app/.venv/bin", "/", "/etc")
USER_CHECK = """
import errno, json, os, tempfile
def error_at(folder):
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        return errno.errorcode[error.errno]
print(json.dumps([os.getuid(), [error_at(folder) for folder in %r]]))
"""
FIND = "import json, shutil; print(json.dumps([it for it in %r if shutil.which(it)]))"
TOOLS = ["cc", "gcc", "g++", "clang", "make", "ld", "pip", "pip3", "git", "apt-get"]
pytestmark = [pytest.mark.slow]


@pytest.mark.exhaustive
def test_it_works(tmp_path: Path, subtests: pytest.Subtests) -> None:
    """Build once, since it takes long, then check everything."""
    print(f"The image's steps ran in {room.kind()}.")
    image = build(tmp_path)
    with subtests.test("describe it"):
        holds_what_it_needs(image)
    with subtests.test("static files"):
        static_files_are_compressed(image)
    with subtests.test("nobody's rights"):
        writes_nowhere_else(image, var(tmp_path, "nobody"))
    with subtests.test("no tools"):
        holds_no_tools(image, var(tmp_path, "tools"))
    with subtests.test("refusals"):
        refuses_to_start_unsafely(image, var(tmp_path, "refusals"))
    with subtests.test("health, and a graceful stop"):
        responds_until_it_stops(image, var(tmp_path, "health"))


def var(folder: Path, name: str) -> Path:
    """Return a folder for /app/var, like a new volume."""
    made = folder / f"var-{name}"
    made.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(made, 10001, 10001)
    return made


def holds_what_it_needs(image: Built) -> None:
    app = image.room.path("app")
    assert {path.name for path in app.iterdir()} == HOLDS
    ours = {
        part for path in room.files_below(app) for part in path.parts if ".venv" not in path.parts
    }
    [site] = app.glob(".venv/lib/python*/site-packages")
    assert (ours | {path.name for path in site.iterdir()}) & NEVER == set()
    assert [*(app / "console/__pycache__").glob("settings.*.pyc")]
    assert (app / "var").stat().st_mode & 0o777 == 0o700
    files_are_readable(app)


def files_are_readable(app: Path) -> None:
    """Files are readable for everyone, though the checkout was private."""
    for path in app.rglob("*"):
        if path != app / "var" and not path.is_symlink():
            wanted = 0o055 if path.is_dir() else 0o044
            assert path.stat().st_mode & (0o022 | wanted) == wanted, path


def static_files_are_compressed(image: Built) -> None:
    collected = image.room.path("app/collected")
    styles = [name for name in manifest(image).values() if name.endswith((".css", ".js"))]
    assert len(styles) > 20
    for name in styles:
        assert re.search(r"\.[0-9a-f]{12}\.", name)
    packed = [name for name in styles if (collected / f"{name}.gz").exists()]
    assert len(packed) > 20  # files that gzip does not shrink have no .gz
    [tokens] = [name for name in packed if name.startswith("css/tokens.")]
    assert gzip.decompress((collected / f"{tokens}.gz").read_bytes())


def writes_nowhere_else(image: Built, folder: Path) -> None:
    assert image.user == "10001:10001"
    assert errors_at(WRITABLE, image, folder) == {None}
    if room.may_chroot():
        assert errors_at(CLOSED, image, folder) == {"EROFS"}
    elif os.geteuid():  # modes do not restrict root
        assert None not in errors_at(CLOSED, image, folder)


def errors_at(folders: tuple[str, ...], image: Built, folder: Path) -> set[str | None]:
    """Return the errors of creating files, as the user that the image runs as."""
    code, said = image.run(["python", "-c", USER_CHECK % (folders,)], folder)
    assert code == 0, said
    uid, errors = json.loads(said)
    assert uid == (10001 if room.may_chroot() else os.geteuid())
    return set(errors)


def holds_no_tools(image: Built, folder: Path) -> None:
    if room.may_chroot():
        assert image.run(["python", "-c", FIND % TOOLS], folder) == (0, "[]\n")
    code, said = image.run(["python", "-m", "pip", "--version"], folder)
    assert code == 1
    assert "No module named pip" in said
    left = image.room.path("usr/local/lib").rglob("*pip*")
    assert [path.name for path in left] == []  # nor the wheel that ensurepip would install


def refuses_to_start_unsafely(image: Built, folder: Path) -> None:
    refused = {
        "unset DEBUG": {"DEBUG": "on"},
        "SECRET_KEY is not set.": {"SECRET_KEY": ""},
        "ENCRYPTION_KEYS is not set.": {"ENCRYPTION_KEYS": ""},
    }
    for said, changes in refused.items():
        settings = SETTINGS | {"PORT": "0"} | changes
        code, output = image.run(image.stage.command(), folder, **settings)
        assert code == 1
        assert output.startswith("Branchkeep can't start."), output
        assert said in output
        assert "Traceback" not in output
    assert [*folder.iterdir()] == []


def responds_until_it_stops(image: Built, folder: Path) -> None:
    port = str(free_port())
    check = image.stage.healthcheck()
    assert image.run(check, folder, PORT=port)[0] == 1
    with running(image, folder, port) as (process, link):
        assert image.run(check, folder, PORT=port) == (0, "")
        patience = float(healthcheck_options(image.stage)["timeout"].removesuffix("s"))
        assert patience > 4  # seconds that the health check itself waits
        with request(port, link) as response:
            page, cookie = (
                response.read().decode(),
                response.headers["Set-Cookie"].partition(";")[0],
            )
        gives_files_compressed(port, page)
        counts_in_memory(port)
        finishes_requests_in_progress(port, link, page, cookie, process)
    assert image.run(check, folder, PORT=port)[0] == 1


def gives_files_compressed(port: str, page: str) -> None:
    [name] = re.findall(r"/static/css/base\.[0-9a-f]{12}\.css", page)
    with request(port, name, {"Accept-Encoding": "gzip"}) as file:
        assert file.headers["Content-Encoding"] == "gzip"
        assert "immutable" in file.headers["Cache-Control"]


def counts_in_memory(port: str) -> None:
    """Its processes share counts in /dev/shm, since nothing else is writable."""
    with request(port, "/metrics", {"Authorization": f"Bearer {TOKEN}"}) as response:
        assert "console_request_seconds_count" in response.read().decode()


def finishes_requests_in_progress(
    port: str, link: str, page: str, cookie: str, process: "subprocess.Popen[str]"
) -> None:
    """Send half a set-up, stop the container, send the rest, and expect a response."""
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[0]
    fields = {"csrfmiddlewaretoken": token, "password1": "x" * 20, "password2": "y" * 20}
    body = urlencode(fields).encode()
    with closing(HTTPConnection("127.0.0.1", int(port), timeout=LONGEST)) as slow:
        slow.putrequest("POST", link, skip_host=True)
        slow.putheader("Host", HOST)
        slow.putheader("Origin", f"https://{HOST}")
        slow.putheader("Cookie", cookie)
        slow.putheader("Content-Type", "application/x-www-form-urlencoded")
        slow.putheader("Content-Length", str(len(body)))
        slow.endheaders(body[:10])
        time.sleep(0.5)  # the server has most likely read it; the response is the same if not
        process.send_signal(signal.SIGTERM)
        time.sleep(1)  # it has most likely received the signal; the response is the same if not
        assert process.poll() is None
        slow.send(body[10:])
        response = slow.getresponse()
        assert response.status == 422
        assert "The passwords don't match." in html.unescape(response.read().decode())
    assert process.wait(timeout=LONGEST) == 0


@contextmanager
def running(image: Built, folder: Path, port: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """Run the container, and stop it after the block as `docker stop` does.

    Yields its process and the path of the set-up page.
    """
    process = image.start(folder, PORT=port, **SETTINGS)
    try:
        line = process.stdout.readline()
        assert line.startswith(f"Set up Branchkeep here, within a day: https://{HOST}/setup/"), (
            line + process.stdout.read()
        )  # later requests wait until it responds
        yield process, line.strip().partition(HOST)[2]
    finally:
        process.terminate()
        process.communicate(timeout=LONGEST)


@contextmanager
def request(port: str, path: str, more: dict[str, str] | None = None) -> Iterator[HTTPResponse]:
    """Request a page or a file from the container."""
    with closing(HTTPConnection("127.0.0.1", int(port), timeout=LONGEST)) as connection:
        connection.request("GET", path, headers={"Host": HOST, **(more or {})})
        yield connection.getresponse()


@pytest.mark.exhaustive
def test_package_with_another_hash(tmp_path: Path) -> None:
    lock = f"sqlparse==0.5.3 --hash=sha256:{'0' * 64}\n"
    with pytest.raises(AssertionError, match=r"(?s)RUN python -m pip.*HASHES"):
        build(tmp_path, lock=lock)


def test_package_that_needs_compiling(tmp_path: Path) -> None:
    """Checked in the text, since a real test would download a package that needs compiling."""
    [install] = [
        text
        for stage in stages_of((BASE_DIR / "Dockerfile").read_text())
        for text in stage.texts("RUN")
        if " install " in text and "requirements.lock" in text
    ]
    assert {"--require-hashes", "--only-binary"} <= set(install.split())
