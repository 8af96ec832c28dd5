"""`manage.py restore`: restore a backup into an empty database."""

import os
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO, cast

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from console.backup.dump import summary
from console.backup.restore import check, restore
from console.cli.base import ConsoleCommand, machine_actor
from console.cli.terminal import Exit

NO_FILE = "Can't read the backup ({})."
WHOLE = "The backup is complete: {}, as of {}, from {}."
RESTORED = "Restored {}, as of {}, from {}. All users must sign in again."
DOUBTFUL = "The backup was restored, but check the following:\n{}"


class Command(ConsoleCommand):
    """Restore a backup, or check that it can be restored."""

    refuses_newer_database = False  # looks at the database itself
    help = "Restore a backup into an empty database, using the backup's BACKUP_KEY."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file", metavar="FILE", help="a file that `backup` wrote, or - for standard input"
        )
        parser.add_argument(
            "--check",
            action="store_true",
            help="read the whole backup and describe it, without restoring anything",
        )

    def run_from_argv(self, argv: list[str]) -> None:
        """Run as a process of its own. The umask keeps a new database file private."""
        os.umask(0o077)
        super().run_from_argv(argv)

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore the backup, then verify its audit trail."""
        with _open(options["file"]) as file:
            if options["check"]:
                contents, words = check(file), WHOLE
            else:
                actor, name = machine_actor(), Path(options["file"]).name
                contents, words = restore(actor=actor, file=file, name=name), RESTORED
        self.stdout.write(words.format(summary(contents), contents.made_at, contents.database))
        if not options["check"]:
            self._verify()

    def _verify(self) -> None:
        try:
            call_command("verify_audit", stdout=self.stdout)
        except CommandError as error:
            raise CommandError(DOUBTFUL.format(error), returncode=Exit.REFUSED) from None


def _open(name: str) -> BinaryIO:
    """Open the backup, which is read twice. A pipe is first copied to a file, still encrypted."""
    try:
        source = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - the caller's
        return cast(BinaryIO, source) if source.seekable() else _kept(cast(BinaryIO, source))
    except OSError as error:
        raise CommandError(NO_FILE.format(error.strerror), returncode=Exit.REFUSED) from None


def _kept(pipe: BinaryIO) -> BinaryIO:
    copy = TemporaryFile()  # noqa: SIM115 - the caller's
    shutil.copyfileobj(pipe, copy)
    copy.seek(0)
    return cast(BinaryIO, copy)
