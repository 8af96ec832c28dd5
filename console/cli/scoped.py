"""The command line of what has a key in a scope: secrets and variables have the same verbs."""

from argparse import ArgumentParser
from collections.abc import Iterable, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import ConsoleCommand, Where, add_scope, verbs
from console.cli.terminal import Exit, table
from console.lib.results import RowOutcome
from console.models import Branch, scope_name
from console.web.listing import Query, Row

VERBS = {
    "set": "create or change one; its value is typed when asked, or read from standard input",
    "get": "print a value; with --branch, the one that branch gets",
    "list": "list all in the app; with --branch, those that branch gets",
    "remove": "remove one",
}
HEAD = ("KEY", "BRANCH", "VERSION", "CHANGED", "BY")
EVERY = 1_000_000  # rows of a list that has no pages


class ScopedCommand(ConsoleCommand):
    """A command whose subclasses have a function for each verb, and say what they are about."""

    thing: str

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a verb and its arguments."""
        added = verbs(parser)
        for name, about in VERBS.items():
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
            self.add_to(name, verb)
            add_scope(verb)

    def add_to(self, name: str, verb: ArgumentParser) -> None:
        """Add what only this command's verb takes."""

    def report(self, options: dict[str, Any], where: Where, outcome: RowOutcome, verb: str) -> None:
        """Print how a verb that is done ended."""
        version, key = outcome.version or None, options["key"]
        of = f"version {version} of " if options["verb"] == "set" else ""
        done = {"key": key, **where.described(), "outcome": outcome.outcome, "version": version}
        self.say(options, f"Successfully {verb} {of}{self.thing} {key}", done)

    def more(self, row: Any) -> dict[str, Any]:
        """Return what only this command's rows have, by column."""
        raise NotImplementedError

    def show(self, options: dict[str, Any], where: Where, rows: Sequence[Row]) -> None:
        """Print a list."""
        if rows or options["format"] == "json":
            described = [_described(row) | self.more(row) for row in rows]
            self.say(options, self._plain(where, rows), described)
        else:
            self.stdout.write(
                f"There are no {self.thing}s here yet. "
                f"Add one: {self.thing} set KEY --app {where.app_id}"
            )

    def _plain(self, where: Where, rows: Sequence[Row]) -> str:
        if not rows:
            return ""
        origin = ("ORIGIN",) if where.branch else ()
        more = tuple(name.upper() for name in self.more(rows[0]))
        cells = [
            (row.key, row.branch, row.version, row.changed, row.changed_by)
            + ((row.origin,) if origin else ())
            + tuple(self.more(row).values())
            for row in rows
        ]
        return table((*HEAD, *origin, *more), cells)

    def missing(self, where: Where, key: str) -> CommandError:
        """Return what to raise where nothing has the key."""
        scope = scope_name(where.branch)
        return CommandError(f"There is no {self.thing} {key} for {scope}.", returncode=Exit.DENIED)


def every_row(where: Where, branches: Iterable[Branch]) -> tuple[Query, list[Branch]]:
    """Return what to ask a list for, to have all of the scope; `branches` are those it knows."""
    known = [*branches]
    if where.branch and where.branch not in known:
        known.append(where.branch)  # a deleted one that left nothing
    return Query(branch=str(where.branch_id or ""), per_page=EVERY), known


def _described(row: Row) -> dict[str, Any]:
    """Return a row for JSON; it has an origin only in a list of one branch."""
    return {
        "key": row.key,
        "branch": row.branch if row.branch_id else None,
        "version": row.version,
        "changed_at": row.changed.replace(" ", "T") or None,
        "changed_by": row.changed_by or None,
        **({"origin": row.origin} if row.origin else {}),
    }
