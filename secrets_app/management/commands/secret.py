"""`manage.py secret`: an app's secrets, one at a time."""

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
from secrets_app import rows
from secrets_app.changes import Change
from secrets_app.listing import branches_of, list_secrets
from secrets_app.models import Secret
from secrets_app.paths import PathRefused, check_key
from secrets_app.places import place_of
from secrets_app.revalidation import revalidate
from secrets_app.saving import save
from secrets_app.services import effective, reveal
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue

EVERY = 1_000_000  # rows of a list that has no pages
OLD = "The parameter store could not be asked, so this may be old. {}"
NONE_YET = "There are no secrets here yet. Add one: secret set KEY --app {}"
HEAD = ("KEY", "BRANCH", "VERSION", "CHANGED", "BY")


class Command(ConsoleCommand):
    """Set, get, list and remove secrets."""

    help = "Set, get, list or remove the secrets of an app."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a verb and its arguments."""
        added = verbs(parser)
        for name, do, about in (
            ("set", self.set, "create or change one; its value is asked for, or read from stdin"),
            ("get", self.get, "print a value; audited. With --branch, what that branch gets"),
            ("list", self.list, "all of the app; with --branch, what that branch gets"),
            ("remove", self.remove, "remove one"),
        ):
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=do)
            _add_to(verb, name)
            add_scope(verb)

    def set(self, options: dict[str, Any]) -> None:
        """Write a value over the version that is there, or that `--if-version` names."""
        where, key = where_of(options), options["key"]
        spot = _spot(where, key)
        value = SecretValue(read_value(f"Value of {key}: "))
        outcome = _save(where, spot, value, options["if_version"])
        plain = f"Successfully created version {outcome.version} of secret {key}"
        self._report(options, where, key, outcome, plain)

    def get(self, options: dict[str, Any]) -> None:
        """Print the value that the branch gets."""
        where, key = where_of(options), _key(options)
        secret = _find(where, key)
        value = reveal(actor=where.access.actor, app_id=where.app_id, pk=secret.pk)
        if options["format"] == "json":
            found = Where(where.access, secret.branch).described()
            self.say(options, "", {"key": key, **found, "value": value.reveal()})
        else:
            self.give(value.reveal())

    def list(self, options: dict[str, Any]) -> None:
        """Print what there is, held against the store just before."""
        where = where_of(options)
        fresh = revalidate(actor=where.access.actor, app_id=where.app_id)
        if fresh.problem:
            self.note(OLD.format(fresh.problem))
        query = Query(branch=str(where.branch_id or ""), per_page=EVERY)
        branches = branches_of(where.access.app)
        if where.branch and where.branch not in branches:
            branches.append(where.branch)  # a deleted one that left nothing
        found = list_secrets(where.access, query, branches).rows
        self.say(options, _plain(where, found), [_described(row) for row in found])

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own secret."""
        where, key = where_of(options), options["key"]
        spot = _spot(where, key)
        known = where.access.app.secrets.filter(branch=where.branch, key=key).first()
        if not known and not _version(where, spot):
            raise _missing(where, key)
        confirm(f"Remove {key} of {scope_name(where.branch)}?", yes=options["yes"])
        outcome = _save(where, spot, None, options["if_version"], known)
        self._report(options, where, key, outcome, f"Successfully removed secret {key}")

    def _report(
        self, options: dict[str, Any], where: Where, key: str, outcome: RowOutcome, plain: str
    ) -> None:
        require_done(outcome)
        if outcome.message:
            self.note(outcome.message)
        version = outcome.version or None
        done = {"key": key, **where.described(), "outcome": outcome.outcome, "version": version}
        self.say(options, plain, done)


def _add_to(verb: ArgumentParser, name: str) -> None:
    if name != "list":
        verb.add_argument("key", metavar="KEY")
    if name in {"set", "remove"}:
        add_if_version(verb)
    if name == "remove":
        add_yes(verb)


def _key(options: dict[str, Any]) -> str:
    try:
        check_key(options["key"])
    except PathRefused as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _spot(where: Where, key: str) -> rows.Spot:
    """Return where the secret stands. What can't be is refused before a value is asked for."""
    try:
        place = place_of(where.access.app, where.branch, key)
    except PathRefused as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return rows.Spot(where.branch, key, place.primary)


def _save(
    where: Where,
    spot: rows.Spot,
    value: SecretValue | None,
    base: int | None,
    known: Secret | None = None,
) -> RowOutcome:
    """Save one row; a `known` one may be removed from a deleted branch too."""
    change = Change(
        "command",
        known.pk if known else None,
        key=spot.key,
        branch_id=where.branch_id,
        value=value,
        base=_version(where, spot) if base is None else base,
    )
    [outcome] = save(
        actor=where.access.actor,
        app_id=where.app_id,
        changes=[change],
        change_set=uuid.uuid4(),
    )
    return outcome


def _version(where: Where, spot: rows.Spot) -> int:
    """Return the version that the store holds; 0 is none."""
    [look] = rows.look(parameter_store(), where.access.app, [spot])
    return look.version


def _find(where: Where, key: str) -> Secret:
    """Return the secret that the branch gets; one that was added outside is found by a check."""
    found = effective(where.access, where.branch).get(key)
    if found is None:
        revalidate(actor=where.access.actor, app_id=where.app_id)
        found = effective(where.access, where.branch).get(key)
    if found is None:
        raise _missing(where, key)
    return found


def _missing(where: Where, key: str) -> CommandError:
    scope = scope_name(where.branch)
    return CommandError(f"There is no secret {key} for {scope}.", returncode=Exit.DENIED)


def _plain(where: Where, found: list[dict[str, Any]]) -> str:
    if not found:
        return NONE_YET.format(where.app_id)
    of_a_branch = where.branch is not None
    head = (*HEAD, "ORIGIN") if of_a_branch else HEAD
    return table(head, [_columns(row, of_a_branch) for row in found])


def _columns(row: dict[str, Any], of_a_branch: bool) -> list[object]:
    by = row["changed_by"] or ("outside the console" if row["changed"] else "")
    state = f" ({row['state']})" if row["state"] else ""
    columns = [row["key"], row["branch"], f"{row['version']}{state}", row["changed"], by]
    return [*columns, row["origin"]] if of_a_branch else columns


def _described(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row for JSON; no origin where nobody asked for one branch."""
    branch = row["branch"] if row["branch_id"] else None
    described = {"key": row["key"], "branch": branch, "version": row["version"]}
    described |= {"changed_at": row["changed"].replace(" ", "T") or None}
    described |= {"changed_by": row["changed_by"] or None, "state": row["state"] or None}
    return described | ({"origin": row["origin"]} if row["origin"] else {})
