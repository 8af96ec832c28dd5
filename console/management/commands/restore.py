"""`manage.py restore`: an empty database becomes what a backup holds."""

import os
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandError, CommandParser

from console.command_line import ConsoleCommand, someone_at_the_machine
from console.recovery.backup import said
from console.recovery.restore import check, restore
from console.terminal import Exit

NO_FILE = "There is no backup to read here ({})."
WHOLE = "It is whole: {}, as they were at {}, from {}."
RESTORED = "Restored: {}, as they were at {}, from {}. Everybody signs in anew."
DOUBTFUL = "The backup is restored, but look at this:\n{}"


class Command(ConsoleCommand):
    """Restore a backup, or only look whether that is possible."""

    help = "Fill an empty database from a backup, with the BACKUP_KEY of the backup."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file."""
        parser.add_argument("file", metavar="FILE", help="what `backup` wrote")
        parser.add_argument(
            "--check", action="store_true", help="only read it all and say what is in it"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore, and check the audit trail that came."""
        os.umask(0o077)  # a database file that is made here is nobody else's
        path = Path(options["file"])
        try:
            file = path.open("rb")
        except OSError as error:
            why = NO_FILE.format(error.strerror)
            raise CommandError(why, returncode=Exit.REFUSED) from None
        with file:
            if options["check"]:
                contents, words = check(file), WHOLE
            else:
                actor = someone_at_the_machine()
                contents, words = restore(actor=actor, file=file, name=path.name), RESTORED
        self.stdout.write(words.format(said(contents), contents.made_at, contents.database))
        if not options["check"]:
            self._verify()

    def _verify(self) -> None:
        try:
            call_command("verify_audit", stdout=self.stdout)
        except CommandError as error:
            raise CommandError(DOUBTFUL.format(error), returncode=Exit.REFUSED) from None
