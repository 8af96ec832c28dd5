"""`manage.py variable`: an app's environment variables, one at a time."""

import uuid
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from console.cli.base import CommandScope, find_scope
from console.cli.errors import require_done
from console.cli.scoped import ScopedCommand, unpaged_query
from console.cli.terminal import Exit, confirm, read_value
from console.lib.results import RowOutcome
from console.lib.text.likely_secrets import secret_warning
from console.models import scope_name
from envvars_app.amplify_sync.waiting import push_waiting
from envvars_app.formats import validation
from envvars_app.formats.validation import REMARKS
from envvars_app.models import Variable
from envvars_app.variables.commands import DeleteVariable, Overrides, SetVariable, VariableCommand
from envvars_app.variables.queries import (
    VariableRow,
    list_variables,
    listed_branches,
    own_variables,
)
from envvars_app.variables.save import save

EMPTY = "No value was given. To save an empty one, add --empty."
PLAIN_TEXT = "{} Variables are plain text in builds. Use `secret set` for secrets."
NOT_PUSHED = "Not everything has reached Amplify. The list of variables says what is missing."
CHOOSE_OVERRIDES = " Add --overrides keep or --overrides remove."


class Command(ScopedCommand):
    """Set, get, list and remove environment variables."""

    help = "Set, get, list or remove the environment variables of an app."
    noun = "variable"

    def add_arguments_to(self, name: str, verb: ArgumentParser) -> None:
        """Add --empty and --overrides."""
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
        """Write a value, based on the current version or the one in `--if-version`."""
        scope, key = find_scope(options), _key(options)
        value = _value(key, empty=options["empty"])
        outcome = _set(scope, key, value, options["if_version"])
        require_done(outcome)
        self._push(scope)
        if why := secret_warning(key, value):
            self.note(PLAIN_TEXT.format(why))
        self.print_outcome(options, scope, outcome, "saved")

    def get(self, options: dict[str, Any]) -> None:
        """Print the branch's effective value."""
        scope, key = find_scope(options), _key(options)
        base = own_variables(scope.access, None).get(key)
        variable = own_variables(scope.access, scope.branch).get(key, base)
        if variable is None:
            raise self.missing(scope, key)
        if options["format"] == "json":
            found = CommandScope(scope.access, variable.branch).to_dict()
            version = {"version": variable.version, "value": variable.value}
            self.print_result(options, "", {"key": key, **found, **version})
        else:
            self.note_remark(REMARKS.describe(variable.value))
            self.print_value(variable.value)

    def list(self, options: dict[str, Any]) -> None:
        """Print the variables."""
        scope = find_scope(options)
        query, branches = unpaged_query(scope, listed_branches(scope.access))
        self.print_rows(options, scope, list_variables(scope.access, query, branches).rows)

    def extra_columns(self, row: VariableRow) -> dict[str, Any]:
        """Return the columns that only variables have."""
        return {"value": row.value}

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own variable."""
        scope, key = find_scope(options), _key(options)
        known = own_variables(scope.access, scope.branch).get(key)
        if known is None:
            raise self.missing(scope, key)
        confirm(f"Remove {key} of {scope_name(scope.branch)}?", yes=options["yes"])
        outcome = _delete(scope, known, options)
        if outcome.field == "overrides":
            raise CommandError(outcome.message + CHOOSE_OVERRIDES, returncode=Exit.REFUSED)
        self.require_copy(outcome)
        require_done(outcome)
        self._push(scope)
        self.print_outcome(options, scope, outcome, "removed")

    def _push(self, scope: CommandScope) -> None:
        """Push the change to Amplify, and note what stays here for now."""
        pushed = push_waiting(scope.access.app)
        if pushed and (pushed.waiting or pushed.left):
            self.note(f"{pushed.problem} {NOT_PUSHED}".strip())


def _key(options: dict[str, Any]) -> str:
    try:
        validation.check_key(options["key"])
    except validation.Invalid as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _value(key: str, *, empty: bool) -> str:
    """Return the value. Raises CommandError for an empty one without --empty.

    An empty value is probably the output of a failed command in a pipe.
    """
    value = "" if empty else read_value(f"Value of {key}: ")
    if not value and not empty:
        raise CommandError(EMPTY, returncode=Exit.REFUSED)
    return value


def _set(scope: CommandScope, key: str, value: str, if_version: int | None) -> RowOutcome:
    known = own_variables(scope.access, scope.branch).get(key)
    command = SetVariable(
        "command",
        key=key,
        branch_id=scope.branch_id,
        expected_version=_version(known) if if_version is None else if_version,
        value=value,
    )
    return _save(scope, command)


def _delete(scope: CommandScope, known: Variable, options: dict[str, Any]) -> RowOutcome:
    if_version = options["if_version"]
    command = DeleteVariable(
        "command",
        known.pk,  # variables of deleted branches can only be named by id
        expected_version=known.version if if_version is None else if_version,
        overrides=Overrides(options["overrides"] or ""),
        without_copy=options["without_copy"],
    )
    return _save(scope, command)


def _save(scope: CommandScope, command: VariableCommand) -> RowOutcome:
    [outcome] = save(
        actor=scope.access.actor,
        app_id=scope.app_id,
        commands=[command],
        change_set=uuid.uuid4(),
    )
    return outcome


def _version(variable: Variable | None) -> int:
    return variable.version if variable else 0
