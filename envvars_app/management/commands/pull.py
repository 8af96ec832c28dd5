"""`manage.py pull`: write a branch's effective variables to a file for local development."""

import os
import stat
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, add_scope, find_scope
from console.cli.terminal import Exit
from envvars_app.formats import FORMATS
from envvars_app.variables.queries import effective_values

EXISTS = "This file already exists. Nothing was written. Add --force to overwrite it."
A_LINK = (
    "This path is a symbolic link, or leads through one that another account made. Name the file "
    "itself."
)
NO_FILE = "Can't write to this file. Choose another."
INCOMPLETE = "Nothing was written because the format can't hold every variable."


class Command(ConsoleCommand):
    """Print variables or write them to a file, without secrets."""

    help = (
        "Print a branch's effective variables, or write them to a file. Secrets are not included."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the scope, the format and the file."""
        add_scope(parser, formats=tuple(FORMATS))
        parser.add_argument(
            "--output", metavar="FILE", help="write to this file, readable only by you (0600)"
        )
        parser.add_argument("--force", action="store_true", help="overwrite an existing file")
        parser.add_argument(
            "--strict", action="store_true", help="fail if the format can't hold every variable"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Render, report what is left out, and write."""
        where = find_scope(options)
        rendered = FORMATS[options["format"]].render(effective_values(where.access, where.branch))
        self.note_offers(where, "variable")
        for key, why in rendered.left_out.items():
            self.note(f"{key} is not included. {why}")
        if rendered.left_out and options["strict"]:
            raise CommandError(INCOMPLETE, returncode=Exit.REFUSED)
        if options["output"] is None:
            self.print_value(rendered.text)
        else:
            write(Path(options["output"]), rendered.text.encode(), force=options["force"])


def write(path: Path, data: bytes, *, force: bool) -> None:
    """Write a file with mode 0600, atomically. Raises CommandError.

    Refuses symbolic links: another account could use one to redirect the write.
    """
    try:
        _check_links(path)
        with NamedTemporaryFile(dir=path.parent, prefix=".pull-", delete=False) as draft:
            try:  # NamedTemporaryFile creates it with mode 0600
                draft.write(data)
                draft.flush()
                os.fsync(draft.fileno())
                # Both are atomic. link, unlike replace, fails if the file exists.
                (os.replace if force else os.link)(draft.name, path)
            finally:
                Path(draft.name).unlink(missing_ok=True)
    except FileExistsError:
        raise CommandError(EXISTS, returncode=Exit.REFUSED) from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "its name"
        raise CommandError(f"{NO_FILE} ({why})", returncode=Exit.REFUSED) from None


def _check_links(path: Path) -> None:
    """Raise CommandError if the path is a link, or leads through a link of another account."""
    if path.is_symlink():
        raise CommandError(A_LINK, returncode=Exit.REFUSED)
    for folder in path.absolute().parents:
        trusted = {os.geteuid(), 0}  # root's links belong to the system, such as /tmp on macOS
        status = folder.lstat()
        if stat.S_ISLNK(status.st_mode) and status.st_uid not in trusted:
            raise CommandError(A_LINK, returncode=Exit.REFUSED)
