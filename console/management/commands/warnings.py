"""`manage.py warnings`: what may cause trouble in an app's variables and names of branches."""

from typing import Any

from django.core.management.base import CommandParser

from console.access.policy import find_app
from console.cli.base import ConsoleCommand, actor_of, add_common
from console.environment.warnings import AppWarning
from console.lib.text.unprintable import escape_unprintable
from console.models import DismissedWarning
from console.workflows.warnings.finding import of_app

NONE = "There are no warnings."


class Command(ConsoleCommand):
    """Print the warnings of an app. No value is read from a store."""

    help = "print what may cause trouble in an app's variables and names of branches"

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app."""
        parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        parser.add_argument("--all", action="store_true", help="print dismissed warnings, too")
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each warning. Warnings are guesses, so they are no failure."""
        access = find_app(actor_of(options), options["app"])
        found = [
            (warning, one.dismissed)
            for one in of_app(access)
            for warning in one.warnings
            if options["all"] or not one.dismissed
        ]
        lines = [_line(warning, dismissed) for warning, dismissed in found]
        described = [_described(warning, dismissed) for warning, dismissed in found]
        self.print_result(options, "\n".join(lines) or NONE, described)


def _line(warning: AppWarning, dismissed: DismissedWarning | None) -> str:
    where = f" ({warning.scope})" if warning.scope else ""
    end = f" Dismissed by {dismissed.dismissed_by}." if dismissed else ""
    line = f"{warning.noun} {warning.key}{where}: {warning.kind.label}. {warning.text}{end}"
    return str(escape_unprintable(line, keep=""))


def _described(warning: AppWarning, dismissed: DismissedWarning | None) -> dict[str, Any]:
    name = warning.scope or warning.key
    return {
        "kind": warning.noun,
        "key": warning.key,
        "branch": None if warning.branch_id is None else name,
        "warning": str(warning.kind),
        "message": warning.text,
        "dismissed_by": dismissed and dismissed.dismissed_by,
    }
