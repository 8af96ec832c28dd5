"""`manage.py verify_audit`: check that the audit trail is as it was written."""

from itertools import islice
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection

from console.audit import chain, triggers
from console.cli.base import ConsoleCommand

SHOWN = 20  # problems at most
BROKEN = "The audit trail is damaged. First affected row:"
INTACT = "The rows are unchanged, but:"
UNGUARDED = "trigger {}: Missing, disabled or changed. Run `migrate` to create it again."
CUT_OFF = (
    "link {}: Not in the audit trail. The end of the trail was cut off, or this is another "
    "database."
)


class Command(ConsoleCommand):
    """Append missing links, then check every row, its signature and the chain."""

    help = "Verify the audit trail, and name the first row that was changed, deleted or forged."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--head", action="store_true", help="print only the newest link, to keep it elsewhere"
        )
        parser.add_argument(
            "--kept",
            action="append",
            default=[],
            metavar="HEAD",
            help="a link printed earlier by --head; verify that it is still in the audit trail",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result. Exits with 1 if there is a problem."""
        fresh, problems = _append_links()
        head = chain.head()
        if options["head"] and not problems:
            self.stdout.write(str(head or ""))
            return
        number = head.id if head else 0
        found = [f"{it.where}: {it.reason}" for it in islice(chain.find_problems(number), SHOWN)]
        problems += [UNGUARDED.format(name) for name in triggers.missing(connection)]
        found += [
            CUT_OFF.format(kept[:100]) for kept in options["kept"] if not chain.contains_link(kept)
        ]
        if found or problems:
            raise CommandError("\n".join([BROKEN if found else INTACT, *found, *problems]))
        self.stdout.write(f"{number:,} rows verified, {fresh:,} newly linked.")
        self.stdout.write(f"Head: {head}" if head else "The audit trail is empty.")


def _append_links() -> tuple[int, list[str]]:
    """Append missing links; return their number, and what prevented it."""
    try:
        return chain.append_links(all_rows=True), []
    except chain.APPEND_ERRORS as error:
        return 0, [f"Can't link the newest rows ({type(error).__name__})."]
