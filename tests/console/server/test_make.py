"""`make run` installs the packages and says what it does; which Pythons it takes."""

import hashlib
import os
import pty
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from console.lib.paths import BASE_DIR
from tests.fixtures.speed.once import prepared_once

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with the Makefile, the installer, and a lock of two small packages."""
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    (tmp_path / "console/server").mkdir(parents=True)
    for name in ("console/__init__.py", "console/server/__init__.py", "console/server/install.py"):
        shutil.copy(BASE_DIR / name, tmp_path / name)
    lock = [make_wheel(tmp_path / "wheels", name) for name in ("first-package", "second-package")]
    elsewhere = 'third-package==1.0 ; sys_platform == "win32" --hash=sha256:' + "0" * 64
    (tmp_path / "requirements.lock").write_text("\n".join([*lock, elsewhere]) + "\n")
    return tmp_path


@pytest.fixture
def environment(folder: Path) -> None:
    """Put a new virtual environment into the folder: a copy, for pip takes seconds to unpack."""
    prepared = prepared_once("environment", create_environment)
    shutil.copytree(prepared, folder / ".venv", symlinks=True)


def create_environment(folder: Path) -> None:
    venv.create(folder, symlinks=True, with_pip=True)


def make_wheel(folder: Path, name: str) -> str:
    """Create a package without content, and return its line of a lock file."""
    folder.mkdir(exist_ok=True)
    module = name.replace("-", "_")
    info = f"{module}-1.0.dist-info"
    files = {
        f"{module}.py": "",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{path},,\n" for path in [*files, f"{info}/RECORD"])
    path = folder / f"{module}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(member, text)
    return f"{name}==1.0 --hash=sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make in the folder; pip finds packages only in wheels/."""
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=folder,
        env=offline(folder),
        capture_output=True,
        text=True,
        check=False,
    )


def offline(folder: Path) -> dict[str, str]:
    """Return an environment in which pip uses no network."""
    path = f"{Path(sys.base_prefix) / 'bin'}:{os.environ['PATH']}"
    links = str(folder / "wheels")
    return {
        "PATH": path,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": links,
        "PIP_CONFIG_FILE": os.devnull,
    }


def python_claiming(version: str, folder: Path) -> str:
    """Return a Python that says it has another version when the Makefile asks.

    The virtual environments that it creates are without pip, which takes seconds to unpack.
    """
    script = folder / f"python{version}"
    claim = f"import sys; sys.version_info = ({version.replace('.', ', ')}, 0); exec(sys.argv[2])"
    script.write_text(
        f'#!/bin/sh\nif [ "$1" = -c ]; then exec {sys.executable} -c "{claim}" "$@"; fi\n'
        'if [ "$2" = venv ]; then set -- "$@" --without-pip; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    script.chmod(0o755)
    return str(script)


def test_it_works(folder: Path) -> None:
    done = make(folder, ".venv/runtime")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Creating a virtual environment in .venv …",
        "Installing 3 packages …",
    ]
    python = folder / ".venv/bin/python"
    subprocess.run([python, "-c", "import first_package, second_package"], check=True)
    assert make(folder, ".venv/runtime").stdout == "make: '.venv/runtime' is up to date.\n"
    (folder / "requirements.lock").touch()
    assert make(folder, ".venv/runtime").stdout == "Installing 3 packages …\n"


@pytest.mark.usefixtures("environment")
@pytest.mark.exhaustive
def test_progress_on_a_terminal(folder: Path) -> None:
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        ["make", ".venv/runtime"],
        cwd=folder,
        env=offline(folder),
        stdout=terminal,
    ) as process:
        os.close(terminal)
        output = b""
        try:
            while part := os.read(ours, 1 << 16):
                output += part
        except OSError:  # the terminal's other end was closed
            pass
    assert process.returncode == 0
    text = output.decode()
    assert "\r\x1b[K1 of 3 downloaded\r" in text
    assert "3 of 3 downloaded, unpacking them\r" in text
    assert text.endswith("\x1b[KDone.\r\n")


def test_start_is_announced(folder: Path) -> None:
    """Before Python starts, which takes a moment."""
    (folder / "bin").mkdir()
    (folder / "bin/python").write_text('#!/bin/sh\necho "python $@"\n')
    (folder / "bin/python").chmod(0o755)
    done = make(folder, "--assume-old=.venv/runtime", "BIN=bin", "run")
    assert done.stdout.splitlines()[-2:] == [
        "Starting Branchkeep …",
        "python -m console.server.start",
    ]


@pytest.mark.parametrize("version", ["3.8", "3.10"])
def test_older_python(folder: Path, version: str) -> None:
    done = make(folder, ".venv/runtime", f"PYTHON={python_claiming(version, folder)}")
    assert done.returncode == 2
    assert done.stdout == (
        "Branchkeep needs Python 3.11 or newer. Choose one: make PYTHON=python3.12 run\n"
    )
    assert not (folder / ".venv").exists()


@pytest.mark.parametrize("version", ["3.14", "3.15", "4.0"])
def test_newer_python(folder: Path, version: str) -> None:
    done = make(folder, ".venv/bin/pip", f"PYTHON={python_claiming(version, folder)}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.usefixtures("environment")
def test_package_that_is_not_available_for_this_python(folder: Path) -> None:
    missing = f"not-there==1.0 --hash=sha256:{'0' * 64}\n"
    with (folder / "requirements.lock").open("a") as lock:
        lock.write(missing)
    done = make(folder, ".venv/runtime")
    assert done.returncode == 2
    assert "No matching distribution found for not-there==1.0" in done.stderr
    major, minor = sys.version_info[:2]
    assert f"available for Python\n{major}.{minor} yet." in done.stderr
    assert "make PYTHON=python3.14 run" in done.stderr
    assert not (folder / ".venv/runtime").exists()


@pytest.mark.exhaustive
@pytest.mark.usefixtures("environment")
def test_changed_package(folder: Path) -> None:
    make_wheel(folder / "wheels", "first-package")
    with zipfile.ZipFile(folder / "wheels/first_package-1.0-py3-none-any.whl", "a") as wheel:
        wheel.writestr("more.py", "")
    done = make(folder, ".venv/runtime")
    assert done.returncode == 2
    assert "DO NOT MATCH THE HASHES" in done.stderr
    assert not (folder / ".venv/runtime").exists()
