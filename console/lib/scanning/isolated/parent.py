"""Start the process that reads an uploaded project, and take its answer.

The process gets the zip as an open file without a name, so that nothing is left of it, even if
this process is killed. It gets no environment variable, no other open file, and no argument that
reveals anything about this deployment.
"""

import subprocess
import sys
from collections.abc import Iterable
from tempfile import TemporaryFile
from threading import Lock

from console.lib.paths import BASE_DIR
from console.lib.scanning.isolated import answers
from console.lib.scanning.results import Project

SECONDS = 20  # in all: with its low priority, the process may wait for the processor
START = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from console.lib.scanning.isolated.child import main; main()"
)
_running = Lock()  # one at a time in this process

BUSY = "Another zip is being read right now. Upload yours again in a moment."
FAILED = "Something in this zip can't be read, so it was not checked. Leave out generated files."


class Refused(Exception):
    """Raised for an upload that was not read. Its text says what to do."""


def scan_upload(upload: Iterable[bytes], folder: str, reader: str) -> Project:
    """Return what the project in a zip uses. `reader` names the module that reads build files.

    `folder` is a folder in it, "" for all. Raises Refused.
    """
    if not _running.acquire(blocking=False):
        raise Refused(BUSY)
    try:
        found = _read(upload, folder, reader)
    finally:
        _running.release()
    if isinstance(found, str):
        raise Refused(found)
    return found


def _read(upload: Iterable[bytes], folder: str, reader: str) -> Project | str:
    command = [sys.executable, "-I", "-B", "-X", "utf8", "-c", START, str(BASE_DIR), reader, folder]
    with TemporaryFile() as archive, TemporaryFile() as answer:
        archive.writelines(upload)
        archive.seek(0)
        try:
            done = subprocess.run(  # noqa: S603 - the folder is data for our own code
                command,
                stdin=archive,
                stdout=answer,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={},
                start_new_session=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return answers.TOO_MUCH
        if done.returncode < 0:  # a signal: a limit is reached, or the parser has no memory left
            return answers.TOO_MUCH
        answer.seek(0)
        try:
            return answers.read(answer.read())
        except answers.NotAnAnswer:
            return FAILED
