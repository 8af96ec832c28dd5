"""`manage.py check_values`: check stored values against the types of their keys."""

from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.policy import Access, find_app
from console.cli.base import CommandScope, ConsoleCommand, actor_of, add_common, find_scope
from console.cli.terminal import Exit, table
from console.lib.text.unprintable import escape_unprintable
from console.models import Branch, scope_name
from console.workflows.value_types.checking import Checked, check_types

HEAD = ("KEY", "KIND", "BRANCH", "EXPECTED")
NONE = "There is no value whose key has a type."
ALL_FIT = "Every value fits the type of its key. Values checked: {}."
WRONG = "Values that don't fit the type of their key: {} of {}."


class Command(ConsoleCommand):
    """Print the keys whose values don't fit, and fail if there are any. Prints no value."""

    help = "Check stored secrets and variables against the types of their keys. Prints no value."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the app, the scopes and the keys."""
        parser.add_argument("key", nargs="*", metavar="KEY", help="a key (default: all)")
        parser.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        parser.add_argument(
            "--branch",
            action="append",
            metavar="NAME",
            help="a branch, and again for another (default: All branches and every branch)",
        )
        add_common(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Check, and say what doesn't fit."""
        access, scopes = _scopes(options)
        checked = [*check_types(access, scopes, options["key"])]
        wrong = [it for it in checked if not it.is_allowed]
        described = {
            "app": access.app.app_id,
            "checked": len(checked),
            "wrong": [
                {
                    "key": it.key,
                    "kind": it.noun,
                    **CommandScope(access, it.branch).to_dict(),
                    "type": it.type.kind,
                    "expected": it.type.expected,
                }
                for it in wrong
            ],
        }
        text = table(HEAD, [_row(it) for it in wrong])
        if not wrong:
            text = ALL_FIT.format(len(checked)) if checked else NONE
        self.print_result(options, text, described)
        if wrong:
            raise CommandError(WRONG.format(len(wrong), len(checked)), returncode=Exit.REFUSED)


def _scopes(options: dict[str, Any]) -> tuple[Access, Sequence[Branch | None]]:
    """Return the scopes to check: those that are named, or all that the app has."""
    if options["branch"]:
        found = [find_scope({**options, "branch": it}) for it in dict.fromkeys(options["branch"])]
        return found[0].access, [scope.branch for scope in found]
    access = find_app(actor_of(options), options["app"])
    return access, [None, *access.branches]


def _row(checked: Checked) -> tuple[str, ...]:
    expected = escape_unprintable(checked.type.expected, keep="")
    return checked.key, checked.noun, scope_name(checked.branch), expected
