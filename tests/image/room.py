"""An isolated root in which the steps of an image run without a container engine.

As root with mount namespaces, it is a chroot with the steps' files, this machine's Python and
libraries, and read-only mounts. Otherwise it is a plain folder with an empty environment: steps
run as the current user, and file modes stand in for read-only mounts.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

BASE = "/usr/local"  # the Python of the base image
TOOLS = ("sh", "env", "install", "chmod", "rm")  # a few of those in the real base
ENTER = """
set -e
root=$1 writable=$2 user=$3; shift 3
mount --bind "$root" "$root"
if [ "$writable" != all ]; then mount -o remount,ro,bind "$root"; fi
for folder in $SHARED; do
  mount --bind "$folder" "$root$folder"; mount -o remount,ro,bind "$root$folder"
done
mount --rbind /dev "$root/dev"; mount --rbind /proc "$root/proc"
mount -t tmpfs none "$root/tmp"; mount -t tmpfs none "$root/dev/shm"
if [ "$writable" != all ]; then mount --bind "$writable" "$root/app/var"; fi
exec chroot --userspec="$user" "$root" /usr/bin/env -i "$@"
"""


@cache
def may_chroot() -> bool:
    """Return True if a chroot in a mount namespace works here with this machine's Python."""
    if os.geteuid() or not shutil.which("unshare") or sys.base_prefix == BASE:
        return False
    tried = ["unshare", "--mount", "--propagation", "private", "mount", "-t", "tmpfs", "x", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


def kind() -> str:
    """Return the kind of isolation, for the tests' output."""
    if may_chroot():
        return "a chroot in a mount namespace of its own, with read-only mounts"
    closed = "read-only by file modes" if os.geteuid() else "writable, for modes don't stop root"
    return f"a plain folder with an empty environment, {closed}"


class Room:
    """An isolated root."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("app", "tmp", "dev", "proc", "usr/bin"):
            (root / folder).mkdir(parents=True)
        if may_chroot():
            self._furnish()
        make_base(self.path(BASE))

    def path(self, inside: str) -> Path:
        """Return the path outside the room of a path inside."""
        return self.root / inside.lstrip("/")

    def clean_environment(self) -> dict[str, str]:
        """Return the variables that a base image sets."""
        return {"PATH": f"{BASE}/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108

    def start(
        self,
        command: list[str],
        environment: dict[str, str],
        *,
        user: str = "0:0",
        writable: Path | None = None,
    ) -> "subprocess.Popen[str]":
        """Start a command in /app; with `writable`, only /tmp and that folder are writable."""
        if may_chroot():
            argv, env = self._entering(command, environment, user, writable)
        else:
            argv, env = self._beside(command, environment)
            self._close(writable)
        return subprocess.Popen(
            argv, env=env, cwd=self.path("app"), text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, command: list[str], environment: dict[str, str], **how: Any) -> tuple[int, str]:
        """Run a command and return its exit code and its output."""
        with self.start(command, environment, **how) as process:
            said, _ = process.communicate(timeout=300)
        return process.returncode, said

    def _furnish(self) -> None:
        for name in ("lib", "lib64", "bin"):
            if Path("/", name).is_symlink():
                self.path(name).symlink_to(Path("/", name).readlink())
        for tool in TOOLS:
            shutil.copy(str(shutil.which(tool)), self.path(f"usr/bin/{tool}"))
        python = Path(sys.base_prefix)
        if python == Path("/usr"):
            executable = Path(sys.executable).resolve()
            shutil.copy(executable, self.path(f"usr/bin/{executable.name}"))
        for folder in shared():
            self.path(folder).mkdir(parents=True, exist_ok=True)

    def _entering(
        self, command: list[str], environment: dict[str, str], user: str, writable: Path | None
    ) -> tuple[list[str], dict[str, str]]:
        variables = [f"{name}={value}" for name, value in environment.items()]
        enter = ["unshare", "--mount", "--propagation", "private", "sh", "-c", ENTER, "enter"]
        room = [str(self.root), str(writable or "all"), user]
        outside = {"PATH": os.environ["PATH"], "SHARED": " ".join(shared())}
        return [*enter, *room, "-C", "/app", *variables, *command], outside

    def _beside(
        self, command: list[str], environment: dict[str, str]
    ) -> tuple[list[str], dict[str, str]]:
        return [self._moved(word) for word in command], {
            name: self._moved(value) for name, value in environment.items()
        }

    def _moved(self, text: str) -> str:
        for folder in ("/app", BASE):
            text = text.replace(folder, str(self.path(folder)))
        return text.replace("-o 10001 -g 10001", "")

    def _close(self, writable: Path | None) -> None:
        app, var = self.path("app"), self.path("app/var")
        for path in (app, *app.rglob("*")) if writable else ():
            if var not in (path, *path.parents) and not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o222)


@cache
def shared() -> tuple[str, ...]:
    """Return the folders of this machine that stand in for those of the base image."""
    folders = ["/usr/lib", "/usr/lib64", "/etc", *(["/lib"] if not _merged() else [])]
    if sys.base_prefix != "/usr":
        folders.append(sys.base_prefix)
    return tuple(folder for folder in folders if Path(folder).is_dir())


def _merged() -> bool:
    return Path("/lib").is_symlink()


def make_base(folder: Path) -> None:
    """Create the stand-in for the base image's Python: with pip, installed and bundled, only."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site.parent / "ensurepip/_bundled").mkdir(parents=True)
    (site.parent / "ensurepip/_bundled/pip-24.2-py3-none-any.whl").touch()
    ours = Path(sys.prefix) / site.relative_to(folder)
    for part in ours.glob("pip*"):
        if part.name == "pip" or part.name.startswith("pip-"):
            shutil.copytree(part, site / part.name)


def pip_settings() -> dict[str, str]:
    """Return this machine's pip settings, as an image build would set them."""
    return {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PIP_", "SSL_")) or name.lower().endswith("_proxy")
    }


def files_below(folder: Path) -> Iterator[Path]:
    """Yield each file and folder below, relative to it."""
    return (path.relative_to(folder) for path in folder.rglob("*"))
