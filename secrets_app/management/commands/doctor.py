"""`manage.py doctor`: check the deployment."""

from dataclasses import asdict
from textwrap import indent
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, machine_actor
from console.cli.terminal import Exit
from console.lib.health import CheckResult
from secrets_app.ops import call_stats
from secrets_app.ops.doctor import examine, has_errors

FAILED = "Some checks failed. Each error above says what to do."


class Command(ConsoleCommand):
    """Run all checks and print the results. Exits with 1 if one of them is an error."""

    refuses_newer_database = False  # reports it
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
        """Run the checks."""
        writer = machine_actor() if options["write"] else None
        results = examine(ask_store=True, writer=writer)
        call_stats.flush()
        plain = "\n".join(map(_line, results))
        self.print_result(options, plain, [asdict(result) for result in results])
        if has_errors(results):
            raise CommandError(FAILED, returncode=Exit.REFUSED)


def _line(result: CheckResult) -> str:
    hint = f"\n{indent(result.hint, '    ')}" if result.hint else ""
    return f"{result.name}: {result.state}. {result.message}{hint}"
