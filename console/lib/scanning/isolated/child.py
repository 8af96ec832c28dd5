"""The process that reads an uploaded project, from standard input to standard output.

It limits itself before it looks at the zip, since setting limits between fork and exec is not safe
in a process with threads.
"""

import os
import resource
import sys
from contextlib import suppress
from importlib import import_module
from typing import IO

from console.lib.scanning.isolated import answers
from console.lib.scanning.isolated.archive import NO_CODE, Archive, Refused
from console.lib.scanning.project import BUILD_FILE, ReadBuild, scan

MEMORY = 200_000_000  # bytes: twice what ten files of 490,000 bytes take
SECONDS = 10  # of processor time
ANSWER = 4_000_000  # bytes
TOO_LONG = "The code uses more keys than can be shown. Name the folder of one app."


def main() -> None:
    """Read the zip and write the answer. Arguments: what reads build files, and the folder."""
    reader, folder = sys.argv[-2:]
    read_build = import_module(reader).uses_in_build
    _limit()
    sys.stdout.buffer.write(_answer(sys.stdin.buffer, folder, read_build))


def _limit() -> None:
    """Limit this process: memory, time and files, with a lower priority than the console."""
    limits = {
        resource.RLIMIT_CPU: SECONDS,
        resource.RLIMIT_FSIZE: ANSWER,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NPROC: 0,
        resource.RLIMIT_AS: MEMORY,
    }
    for limit, most in limits.items():
        with suppress(ValueError, OSError):  # macOS can't limit the address space
            resource.setrlimit(limit, (most, most))
    os.nice(10)
    # If memory is short, the kernel ends this process before the console's
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def _answer(file: IO[bytes], folder: str, read_build: ReadBuild) -> bytes:
    try:
        archive = Archive(file, folder)
        project = scan(archive, read_build)
        if not (project.files or project.manifest or archive.holds(BUILD_FILE)):
            raise Refused(NO_CODE)
        answer = answers.result(project)
    except Refused as refusal:
        return answers.refusal(str(refusal))
    except MemoryError:
        return answers.refusal(answers.TOO_MUCH)
    return answer if len(answer) <= ANSWER else answers.refusal(TOO_LONG)
