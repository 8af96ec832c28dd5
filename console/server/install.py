"""Install the packages of a lock file into the running Python's environment, and show the progress.

`make` runs this in a new virtual environment, so it imports only the standard library.
"""

import re
import subprocess
import sys
from collections import deque
from pathlib import Path

PIP = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-color")
OPTIONS = ("--require-hashes", "--progress-bar=off")
# What pip prints for each package: it is fetched, is there already, or is for another system
PACKAGE = re.compile(r"(?:Collecting|Requirement already satisfied:|Ignoring) ([\w.-]+)")
FAILED = """\
The packages were not installed. If the network works, some of them may not be available for Python
{}.{} yet. Delete .venv and choose another Python, from 3.11 to 3.14: make PYTHON=python3.14 run"""


def main(lock: str) -> None:
    """Install the lock file's packages, or exit with what pip reported and what to do."""
    total = len(re.findall(r"^\w[\w.-]*==", Path(lock).read_text(), re.MULTILINE))
    print(f"Installing {total} packages …", flush=True)
    last: deque[str] = deque(maxlen=20)
    names: set[str] = set()
    with subprocess.Popen(  # noqa: S603 - only the Makefile calls it
        [*PIP, *OPTIONS, "-r", lock], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            last.append(line)
            if found := PACKAGE.match(line):
                names.add(found[1].lower())
                show(f"{len(names)} of {total} downloaded")
            elif line.startswith("Installing"):
                show(f"{total} of {total} downloaded, unpacking them")
    if pip.returncode:
        sys.exit("\n" + "".join(last) + FAILED.format(*sys.version_info))
    show("Done.\n")


def show(progress: str) -> None:
    """Replace the line that shows the progress, if a person is watching."""
    if sys.stdout.isatty():
        print(f"\r\033[K{progress}", end="", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
