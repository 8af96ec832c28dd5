"""The verbs that secrets and variables share: set, get, list and remove."""

from argparse import ArgumentParser
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import CommandScope, ConsoleCommand, add_scope, verbs
from console.cli.terminal import Exit, table
from console.lib.results import RowOutcome
from console.models import Branch, scope_name
from console.web.lists.listing import Query, Row

VERBS = {
    "set": "create or change one; prompts for the value, or reads it from standard input",
    "get": "print a value; with --branch, the one that branch gets",
    "list": "list all in the app; with --branch, those that branch gets",
    "remove": "remove one",
}
HEAD = ("KEY", "BRANCH", "VERSION", "CHANGED", "BY")
ALL_ROWS = 1_000_000  # a page size beyond any list


class ScopedCommand(ConsoleCommand):
    """A command with a function for each verb of `about`. `noun` names what it manages."""

    noun: str
    about: Mapping[str, str] = VERBS

    def add_arguments(self, parser: CommandParser) -> None:
        added = verbs(parser)
        for name, about in self.about.items():
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=getattr(self, name))
            if name != "list":
                verb.add_argument("key", metavar="KEY")
            if name in {"set", "remove"}:
                verb.add_argument(
                    "--if-version",
                    type=int,
                    metavar="N",
                    help="only if the current version is N (0: only if there is none)",
                )
            if name == "remove":
                verb.add_argument("--yes", action="store_true", help="don't ask for confirmation")
                verb.add_argument(
                    "--without-copy",
                    action="store_true",
                    help="remove it even if no copy can be kept in the recycle bin",
                )
            self.add_arguments_to(name, verb)
            add_scope(verb)

    def add_arguments_to(self, name: str, verb: ArgumentParser) -> None:
        """Add the arguments of a verb that not every command has."""

    def require_copy(self, outcome: RowOutcome) -> None:
        """Raise CommandError if a removal asks what to do, because no copy can be kept."""
        if outcome.field == "copy":
            message = f"{outcome.message} If so, add --without-copy."
            raise CommandError(message, returncode=Exit.REFUSED)

    def print_outcome(
        self, options: dict[str, Any], scope: CommandScope, outcome: RowOutcome, verb: str
    ) -> None:
        """Print the result of a verb, and on standard error what to know about it."""
        if outcome.message:
            self.note(outcome.message)
        version, key = outcome.version or None, options["key"]
        of = f"version {version} of " if options["verb"] == "set" else ""
        result = {"key": key, **scope.to_dict(), "outcome": outcome.outcome, "version": version}
        self.print_result(options, f"Successfully {verb} {of}{self.noun} {key}", result)

    def extra_columns(self, row: Any) -> dict[str, Any]:
        """Return the columns that only this command's rows have."""
        raise NotImplementedError

    def print_rows(self, options: dict[str, Any], scope: CommandScope, rows: Sequence[Row]) -> None:
        """Print a list."""
        self.note_offers(scope, self.noun)
        if rows or options["format"] == "json":
            described = [_as_json(row) | self.extra_columns(row) for row in rows]
            self.print_result(options, self._as_table(scope, rows), described)
        else:
            self.stdout.write(
                f"There are no {self.noun}s here yet. "
                f"Add one: {self.noun} set KEY --app {scope.app_id}"
            )

    def _as_table(self, scope: CommandScope, rows: Sequence[Row]) -> str:
        if not rows:
            return ""
        origin = ("ORIGIN",) if scope.branch else ()
        extra = tuple(name.upper() for name in self.extra_columns(rows[0]))
        cells = [
            (row.key, _marked(row), row.version, row.changed, row.changed_by)
            + ((row.origin,) if origin else ())
            + tuple(self.extra_columns(row).values())
            for row in rows
        ]
        return table((*HEAD, *origin, *extra), cells)

    def missing(self, scope: CommandScope, key: str) -> CommandError:
        """Return the error for a key that doesn't exist."""
        name = scope_name(scope.branch)
        return CommandError(f"There is no {self.noun} {key} for {name}.", returncode=Exit.DENIED)


def unpaged_query(scope: CommandScope, branches: Iterable[Branch]) -> tuple[Query, list[Branch]]:
    """Return a query for all rows of the scope, and the branches to pass to the list."""
    known = [*branches]
    if scope.branch and scope.branch not in known:
        known.append(scope.branch)  # a deleted branch without rows is not in the list
    return Query(branch=str(scope.branch_id or ""), per_page=ALL_ROWS), known


def _marked(row: Row) -> str:
    return f"{row.branch} ({row.mark})" if row.mark else row.branch


def _as_json(row: Row) -> dict[str, Any]:
    """Return a row for JSON. Only rows of a list for one branch have an origin."""
    return {
        "key": row.key,
        "branch": row.branch if row.branch_id else None,
        "version": row.version,
        "changed_at": row.changed.replace(" ", "T") or None,
        "changed_by": row.changed_by or None,
        **({"branch_mark": row.mark} if row.mark else {}),
        **({"origin": row.origin} if row.origin else {}),
    }
