"""Processes of `manage.py` that start in a tenth of the time: python -m tests.console.cli.forking.

A process that has loaded the libraries, and nothing of ours and no settings, forks for each
command; what is forked loads `manage.py` as a new interpreter would. A line on standard input says
what to run, a line on standard output how it ended. It ends when its standard input does.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

from console.lib.paths import BASE_DIR

MANAGE = str(BASE_DIR / "manage.py")
LIBRARIES = (
    *("boto3.session", "botocore.signers", "botocore.regions", "cryptography.fernet"),
    *("django.contrib.admin.utils", "django.core.management", "django.db.backends.sqlite3.base"),
    *("django.db.backends.utils", "django.contrib.humanize.templatetags.humanize"),
    *("django.db.migrations.executor", "django.forms.models", "django.template.loader_tags"),
    *("django.test.signals", "django.views.debug", "environ", "jinja2", "requests", "structlog"),
)
LONGEST = 300  # seconds a command takes: far more than it does
STREAMS = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))


def serve() -> None:
    """Run what each line asks for, one after the other."""
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()  # else each child's collector walks, and so copies, all that was loaded here
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _run(**json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _run(words: list[str], folder: str, streams: str, environment: dict[str, str]) -> None:
    """Be `manage.py` in a folder, with standard streams that are files."""
    signal.alarm(LONGEST)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    for number, (name, flags) in enumerate(STREAMS):
        os.dup2(os.open(f"{streams}/{name}", flags), number)
        mode = "r" if number == 0 else "w"
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    sys.argv = [MANAGE, *words]
    sys.path[0] = str(Path(MANAGE).parent)
    sys.exit(_ended())


def _ended() -> Any:
    """Return the code that `manage.py` ends with."""
    try:
        runpy.run_path(MANAGE, run_name="__main__")
    except SystemExit as end:
        return end.code


if __name__ == "__main__":
    serve()
