"""`manage.py backup`: write an encrypted backup to a file, a folder or standard output."""

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.utils import timezone

from console.backup.dump import back_up_to_file, back_up_to_stream, summary
from console.cli.base import ConsoleCommand, machine_actor
from console.cli.terminal import Exit

TERMINAL = "A backup can't be written to a terminal. Redirect the output, or name a file."
NAME = "console-%Y%m%dT%H%M%SZ.backup"


class Command(ConsoleCommand):
    """Back up the database while Branchkeep keeps running."""

    help = "Back up the database while Branchkeep runs, encrypted with BACKUP_KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "target",
            metavar="TARGET",
            help=(
                "a new file, a folder (the file is named after the current time), or - for "
                "standard output"
            ),
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Write the backup and print what it contains."""
        actor = machine_actor()
        if options["target"] == "-":
            if sys.stdout.isatty():
                raise CommandError(TERMINAL, returncode=Exit.USAGE)
            contents, name = back_up_to_stream(actor=actor, file=sys.stdout.buffer), "the backup"
        else:
            path = _path(options["target"])
            contents, name = back_up_to_file(actor=actor, path=path), str(path)
        self.note(f"Wrote {name}: {summary(contents)}.")


def _path(target: str) -> Path:
    path = Path(target)
    return path / timezone.now().strftime(NAME) if path.is_dir() else path
