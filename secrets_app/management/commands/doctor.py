"""`manage.py doctor`: check everything that Branchkeep needs."""

from dataclasses import asdict
from textwrap import indent
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, someone_at_the_machine
from console.cli.terminal import Exit
from console.lib.health import Finding
from secrets_app.ops import call_stats
from secrets_app.ops.doctor import examine, is_well

BROKEN = "Some checks failed. Each error above says what to do."


class Command(ConsoleCommand):
    """Print the finding of every check. Exits with 1 if one is an error."""

    help = "Check the database, keys, parameter store, clock, hosts, files and backups."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add --write and --format."""
        parser.add_argument(
            "--write",
            action="store_true",
            help="also write, read and remove a probe parameter (audited)",
        )
        parser.add_argument("--format", choices=("plain", "json"), default="plain")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the checks and print the findings."""
        writer = someone_at_the_machine() if options["write"] else None
        findings = examine(ask_store=True, writer=writer)
        call_stats.flush()
        plain = "\n".join(map(_line, findings))
        self.say(options, plain, [asdict(finding) for finding in findings])
        if not is_well(findings):
            raise CommandError(BROKEN, returncode=Exit.REFUSED)


def _line(finding: Finding) -> str:
    todo = f"\n{indent(finding.todo, '    ')}" if finding.todo else ""
    return f"{finding.name}: {finding.state}. {finding.seen}{todo}"
