"""`manage.py variable`: an app's environment variables, one at a time."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from console.cli.base import Where, require_done, where_of
from console.cli.scoped import ScopedCommand, every_row
from console.cli.terminal import Exit, confirm, read_value
from console.lib.results import RowOutcome
from console.models import scope_name
from envvars_app.formats import validation
from envvars_app.formats.hints import secret_warning
from envvars_app.models import Variable
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand
from envvars_app.variables.queries import VariableRow, branches_of, list_variables, own
from envvars_app.variables.save import save

EMPTY = "No value was given. To save an empty one, add --empty."
SECRETIVE = "{} Variables are plain text in builds. Use `secret set` for secrets."
SAY_WHICH = " Add --overrides keep or --overrides remove."


class Command(ScopedCommand):
    """Set, get, list and remove environment variables."""

    help = "Set, get, list or remove the environment variables of an app."
    thing = "variable"

    def add_to(self, name: str, verb: ArgumentParser) -> None:
        """Add how a value is empty on purpose, and what becomes of overrides."""
        if name == "set":
            verb.add_argument(
                "--empty", action="store_true", help="save an empty value, without asking for one"
            )
        if name == "remove":
            verb.add_argument(
                "--overrides",
                choices=("keep", "remove"),
                help="what to do with the variable's overrides",
            )

    def set(self, options: dict[str, Any]) -> None:
        """Write a value over the version that is there, or that `--if-version` names."""
        where, key = where_of(options), _key(options)
        value = _value(key, empty=options["empty"])
        outcome = _set(where, key, value, options["if_version"])
        require_done(outcome)
        if why := secret_warning(key, value):
            self.note(SECRETIVE.format(why))
        self.report(options, where, outcome, "saved")

    def get(self, options: dict[str, Any]) -> None:
        """Print the value that the branch gets."""
        where, key = where_of(options), _key(options)
        base = own(where.access, None).get(key)
        variable = own(where.access, where.branch).get(key, base)
        if variable is None:
            raise self.missing(where, key)
        if options["format"] == "json":
            found = Where(where.access, variable.branch).described()
            version = {"version": variable.version, "value": variable.value}
            self.say(options, "", {"key": key, **found, **version})
        else:
            self.give(variable.value)

    def list(self, options: dict[str, Any]) -> None:
        """Print what there is."""
        where = where_of(options)
        query, branches = every_row(where, branches_of(where.access))
        self.show(options, where, list_variables(where.access, query, branches).rows)

    def more(self, row: VariableRow) -> dict[str, Any]:
        """Return what only variables have, by column."""
        return {"value": row.value}

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own variable."""
        where, key = where_of(options), _key(options)
        known = own(where.access, where.branch).get(key)
        if known is None:
            raise self.missing(where, key)
        confirm(f"Remove {key} of {scope_name(where.branch)}?", yes=options["yes"])
        overrides = Overrides(options["overrides"] or "")
        outcome = _delete(where, known, options["if_version"], overrides)
        if outcome.field == "overrides":
            raise CommandError(outcome.message + SAY_WHICH, returncode=Exit.REFUSED)
        require_done(outcome)
        self.report(options, where, outcome, "removed")


def _key(options: dict[str, Any]) -> str:
    try:
        validation.check_key(options["key"])
    except validation.Invalid as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _value(key: str, *, empty: bool) -> str:
    """Return the value; an empty one that nobody asked for may be a failed command in a pipe."""
    value = "" if empty else read_value(f"Value of {key}: ")
    if not value and not empty:
        raise CommandError(EMPTY, returncode=Exit.REFUSED)
    return value


def _set(where: Where, key: str, value: str, if_version: int | None) -> RowOutcome:
    known = own(where.access, where.branch).get(key)
    command = SetVariable(
        "command",
        key=key,
        branch_id=where.branch_id,
        expected_version=_version(known) if if_version is None else if_version,
        value=value,
    )
    return _save(where, command)


def _delete(
    where: Where, known: Variable, if_version: int | None, overrides: Overrides
) -> RowOutcome:
    command = DeleteVariable(
        "command",
        known.pk,  # one of a deleted branch can be named only by its id
        expected_version=known.version if if_version is None else if_version,
        overrides=overrides,
    )
    return _save(where, command)


def _save(where: Where, command: VariableCommand) -> RowOutcome:
    [outcome] = save(
        actor=where.access.actor,
        app_id=where.app_id,
        commands=[command],
        change_set=uuid.uuid4(),
    )
    return outcome


def _version(there: Variable | None) -> int:
    return there.version if there else 0
