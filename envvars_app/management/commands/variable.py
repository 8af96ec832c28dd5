"""`manage.py variable`: an app's environment variables, one at a time."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.command_line import (
    ConsoleCommand,
    Where,
    add_if_version,
    add_scope,
    add_yes,
    require_done,
    verbs,
    where_of,
)
from console.listing import Query
from console.models import scope_name
from console.outcomes import RowOutcome
from console.terminal import Exit, confirm, read_value, table
from envvars_app import limits
from envvars_app.changes import Change, Overrides
from envvars_app.hints import looks_secret
from envvars_app.listing import branches_of, list_variables, own
from envvars_app.models import Variable
from envvars_app.saving import save

EVERY = 1_000_000  # rows of a list that has no pages
EMPTY = "There is no value. For an empty one on purpose, say --empty."
SECRETIVE = "{} Variables end as plain text in builds: keep a secret with `secret set`."
SAY_WHICH = " Add --overrides keep or --overrides remove."
NONE_YET = "There are no variables here yet. Add one: variable set KEY --app {}"
HEAD = ("KEY", "BRANCH", "VERSION", "CHANGED", "BY")


class Command(ConsoleCommand):
    """Set, get, list and remove environment variables."""

    help = "Set, get, list or remove the environment variables of an app."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a verb and its arguments."""
        added = verbs(parser)
        for name, do, about in (
            ("set", self.set, "create or change one; its value is asked for, or read from stdin"),
            ("get", self.get, "print a value. With --branch, what that branch gets"),
            ("list", self.list, "all of the app; with --branch, what that branch gets"),
            ("remove", self.remove, "remove one"),
        ):
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=do)
            _add_to(verb, name)
            add_scope(verb)

    def set(self, options: dict[str, Any]) -> None:
        """Write a value over the version that is there, or that `--if-version` names."""
        where, key = where_of(options), _key(options)
        value = _value(key, empty=options["empty"])
        outcome = _save(where, key, value, options["if_version"])
        require_done(outcome)
        if why := looks_secret(key, value):
            self.note(SECRETIVE.format(why))
        plain = f"Successfully saved version {outcome.version} of variable {key}"
        self.say(options, plain, _done(where, key, outcome))

    def get(self, options: dict[str, Any]) -> None:
        """Print the value that the branch gets."""
        where, key = where_of(options), _key(options)
        base = own(where.access, None).get(key)
        variable = own(where.access, where.branch).get(key, base)
        if variable is None:
            raise _missing(where, key)
        if options["format"] == "json":
            found = Where(where.access, variable.branch).described()
            version = {"version": variable.version, "value": variable.value}
            self.say(options, "", {"key": key, **found, **version})
        else:
            self.give(variable.value)

    def list(self, options: dict[str, Any]) -> None:
        """Print what there is."""
        where = where_of(options)
        query = Query(branch=str(where.branch_id or ""), per_page=EVERY)
        branches = branches_of(where.access.app)
        if where.branch and where.branch not in branches:
            branches.append(where.branch)  # a deleted one that left nothing
        found = list_variables(where.access, query, branches).rows
        self.say(options, _plain(where, found), [_described(row) for row in found])

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own variable."""
        where, key = where_of(options), _key(options)
        if key not in own(where.access, where.branch):
            raise _missing(where, key)
        confirm(f"Remove {key} of {scope_name(where.branch)}?", yes=options["yes"])
        overrides = Overrides(options["overrides"] or "")
        outcome = _save(where, key, None, options["if_version"], overrides)
        if outcome.field == "overrides":
            raise CommandError(outcome.message + SAY_WHICH, returncode=Exit.REFUSED)
        require_done(outcome)
        self.say(options, f"Successfully removed variable {key}", _done(where, key, outcome))


def _add_to(verb: ArgumentParser, name: str) -> None:
    if name != "list":
        verb.add_argument("key", metavar="KEY")
    if name in {"set", "remove"}:
        add_if_version(verb)
    if name == "set":
        verb.add_argument("--empty", action="store_true", help="make it empty; asks for no value")
    if name == "remove":
        add_yes(verb)
        verb.add_argument(
            "--overrides", choices=("keep", "remove"), help="what becomes of a base's overrides"
        )


def _key(options: dict[str, Any]) -> str:
    try:
        limits.check_key(options["key"])
    except limits.Refused as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _value(key: str, *, empty: bool) -> str:
    """Return the value; an empty one that nobody asked for may be a failed command in a pipe."""
    value = "" if empty else read_value(f"Value of {key}: ")
    if not value and not empty:
        raise CommandError(EMPTY, returncode=Exit.REFUSED)
    return value


def _save(
    where: Where,
    key: str,
    value: str | None,
    base: int | None,
    overrides: Overrides = Overrides.ASK,
) -> RowOutcome:
    """Save one row; one that is there may be removed from a deleted branch too."""
    there = own(where.access, where.branch).get(key)
    change = Change(
        "command",
        there.pk if there and value is None else None,
        key=key,
        branch_id=where.branch_id,
        value=value,
        base=_version(there) if base is None else base,
        overrides=overrides,
    )
    [outcome] = save(
        actor=where.access.actor,
        app_id=where.app_id,
        changes=[change],
        change_set=uuid.uuid4(),
    )
    return outcome


def _version(there: Variable | None) -> int:
    return there.version if there else 0


def _missing(where: Where, key: str) -> CommandError:
    scope = scope_name(where.branch)
    return CommandError(f"There is no variable {key} for {scope}.", returncode=Exit.DENIED)


def _done(where: Where, key: str, outcome: RowOutcome) -> dict[str, Any]:
    return {
        "key": key,
        **where.described(),
        "outcome": outcome.outcome,
        "version": outcome.version or None,
    }


def _plain(where: Where, found: list[dict[str, Any]]) -> str:
    if not found:
        return NONE_YET.format(where.app_id)
    origin = ("ORIGIN",) if where.branch else ()
    cells = [
        [
            *(row[name] for name in ("key", "branch", "version", "changed", "changed_by")),
            *([row["origin"]] if origin else []),
            row["value"],
        ]
        for row in found
    ]
    return table((*HEAD, *origin, "VALUE"), cells)


def _described(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON; no origin where nobody asked for one branch."""
    branch = row["branch"] if row["branch_id"] else None
    described = {"key": row["key"], "branch": branch, "value": row["value"]}
    described |= {"version": row["version"], "changed_at": row["changed"].replace(" ", "T")}
    described |= {"changed_by": row["changed_by"]}
    return described | ({"origin": row["origin"]} if row["origin"] else {})
