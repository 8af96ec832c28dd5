"""`manage.py secret`: an app's secrets, one at a time."""

import uuid
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandError

from console.access.actors import OUTSIDE
from console.cli.base import CommandScope, find_scope, require_done
from console.cli.scoped import ScopedCommand, unpaged_query
from console.cli.terminal import Exit, confirm, read_value
from console.lib.results import RowOutcome
from console.models import scope_name
from secrets_app.locations import locate_secret
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath, check_key
from secrets_app.queries import SecretRow, list_secrets, listed_branches
from secrets_app.reveal import effective_secrets, reveal
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.sync import reconcile
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.save import save
from secrets_app.writes.snapshots import Snapshot, WriteTarget, take_snapshots

OLD = "Can't reach the parameter store, so this list may be out of date. {}"


class Command(ScopedCommand):
    """Set, get, list and remove secrets."""

    help = "Set, get, list or remove the secrets of an app."
    noun = "secret"

    def set(self, options: dict[str, Any]) -> None:
        """Write a value, based on the current version or the one in `--if-version`."""
        where, key = find_scope(options), options["key"]
        target = _target(where, key)
        value = SecretValue(read_value(f"Value of {key}: "))
        outcome = _set(where, target, value, options["if_version"])
        self._end(options, where, outcome, "created")

    def get(self, options: dict[str, Any]) -> None:
        """Print the branch's effective value."""
        where, key = find_scope(options), _key(options)
        secret = self._find(where, key)
        value = reveal(actor=where.access.actor, app_id=where.app_id, pk=secret.pk)
        if options["format"] == "json":
            found = CommandScope(where.access, secret.branch).to_dict()
            self.print_result(options, "", {"key": key, **found, "value": value.reveal()})
        else:
            self.print_value(value.reveal())

    def list(self, options: dict[str, Any]) -> None:
        """Reconcile, then print the secrets."""
        where = find_scope(options)
        fresh = reconcile(actor=where.access.actor, app_id=where.app_id)
        if fresh.problem:
            self.note(OLD.format(fresh.problem))
        query, branches = unpaged_query(where, listed_branches(where.access))
        found = list_secrets(where.access, query, branches).rows
        self.show(options, where, [_with_writer(row) for row in found])

    def more(self, row: SecretRow) -> dict[str, Any]:
        """Return the columns that only secrets have."""
        return {"state": row.state}

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own secret."""
        where, key = find_scope(options), options["key"]
        target = _target(where, key)
        known = where.access.app.secrets.filter(branch=where.branch, key=key).first()
        if not known and not _snapshot(where, target).version:
            raise self.missing(where, key)
        confirm(f"Remove {key} of {scope_name(where.branch)}?", yes=options["yes"])
        outcome = _delete(where, target, known, options["if_version"])
        self._end(options, where, outcome, "removed")

    def _end(
        self, options: dict[str, Any], where: CommandScope, outcome: RowOutcome, verb: str
    ) -> None:
        require_done(outcome)
        if outcome.message:
            self.note(outcome.message)
        self.report(options, where, outcome, verb)

    def _find(self, where: CommandScope, key: str) -> Secret:
        """Return the branch's effective secret. Reconciles if the projection has none."""
        found = effective_secrets(where.access, where.branch).get(key)
        if found is None:
            reconcile(actor=where.access.actor, app_id=where.app_id)
            found = effective_secrets(where.access, where.branch).get(key)
        if found is None:
            raise self.missing(where, key)
        return found


def _key(options: dict[str, Any]) -> str:
    try:
        check_key(options["key"])
    except InvalidPath as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _target(where: CommandScope, key: str) -> WriteTarget:
    """Return the write target, or raise CommandError, before asking for a value."""
    try:
        paths = locate_secret(where.access.app, where.branch, key)
    except InvalidPath as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return WriteTarget(where.branch, key, paths.primary)


def _snapshot(where: CommandScope, target: WriteTarget) -> Snapshot:
    [snapshot] = take_snapshots(parameter_store(), where.access.app, [target])
    return snapshot


def _set(
    where: CommandScope, target: WriteTarget, value: SecretValue, if_version: int | None
) -> RowOutcome:
    snapshot = _snapshot(where, target)
    command = SetSecret(
        "command",
        key=target.key,
        branch_id=where.branch_id,
        expected_version=snapshot.version if if_version is None else if_version,
        revision=snapshot.revision,
        value=value,
    )
    return _save(where, command)


def _delete(
    where: CommandScope, target: WriteTarget, known: Secret | None, if_version: int | None
) -> RowOutcome:
    snapshot = _snapshot(where, target)
    command = DeleteSecret(
        "command",
        known.pk if known else None,  # one of a deleted branch can be named only by its id
        key=target.key,
        branch_id=where.branch_id,
        expected_version=snapshot.version if if_version is None else if_version,
        revision=snapshot.revision,
    )
    return _save(where, command)


def _save(where: CommandScope, command: SecretCommand) -> RowOutcome:
    [outcome] = save(
        actor=where.access.actor,
        app_id=where.app_id,
        commands=[command],
        change_set=uuid.uuid4(),
    )
    return outcome


def _with_writer(row: SecretRow) -> SecretRow:
    """Name the writer of a change made outside Branchkeep."""
    is_unnamed = row.changed and not row.changed_by
    return replace(row, changed_by=OUTSIDE.label) if is_unnamed else row
