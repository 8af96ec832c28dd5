"""`manage.py secret`: an app's secrets, one at a time."""

import uuid
from dataclasses import replace
from typing import Any

from django.core.management.base import CommandError

from console.access.actors import OUTSIDE
from console.cli.base import CommandScope, find_scope
from console.cli.errors import require_done
from console.cli.scoped import VERBS, ScopedCommand, unpaged_query
from console.cli.terminal import Exit, confirm, read_value, table
from console.lib.results import RowOutcome
from console.lib.stopping import finishing_current_step
from console.models import scope_name
from secrets_app.history.versions import Version, list_versions
from secrets_app.locations import locate_secret
from secrets_app.models import Secret
from secrets_app.paths import InvalidPath, check_key
from secrets_app.queries import SecretRow, list_secrets, listed_branches
from secrets_app.reveal import effective_secrets, reveal
from secrets_app.store import parameter_store
from secrets_app.store.base import SecretValue
from secrets_app.store.errors import NotFound
from secrets_app.store.limits import REMARKS
from secrets_app.sync.reconciling import reconcile, refresh
from secrets_app.writes.commands import DeleteSecret, SecretCommand, SetSecret
from secrets_app.writes.save import save
from secrets_app.writes.snapshots import Snapshot, WriteTarget, take_snapshots

NO_VERSION = "The parameter store has no version of this secret."
OUTDATED = "Can't reach the parameter store, so this list may be out of date. {}"


class Command(ScopedCommand):
    """Set, get, list and remove secrets."""

    help = "Set, get, list or remove the secrets of an app, or list the versions of one."
    noun = "secret"
    about = VERBS | {"versions": "list the versions that the store keeps of one, without values"}

    def set(self, options: dict[str, Any]) -> None:
        """Write a value, based on the current version or the one in `--if-version`."""
        scope, key = find_scope(options), options["key"]
        target = _target(scope, key)
        value = SecretValue(read_value(f"Value of {key}: "))
        outcome = _set(scope, target, value, options["if_version"])
        self._finish(options, scope, outcome, "created")

    def get(self, options: dict[str, Any]) -> None:
        """Print the branch's effective value."""
        scope, key = find_scope(options), _key(options)
        secret, value = self._reveal(scope, key)
        if options["format"] == "json":
            found = CommandScope(scope.access, secret.branch).to_dict()
            self.print_result(options, "", {"key": key, **found, "value": value.reveal()})
        else:
            self.note_remark(REMARKS.describe(value.reveal()))
            self.print_value(value.reveal())

    def list(self, options: dict[str, Any]) -> None:
        """Reconcile, then print the secrets."""
        scope = find_scope(options)
        fresh = reconcile(actor=scope.access.actor, app_id=scope.app_id)
        if fresh.problem:
            self.note(OUTDATED.format(fresh.problem))
        query, branches = unpaged_query(scope, listed_branches(scope.access))
        found = list_secrets(scope.access, query, branches).rows
        self.print_rows(options, scope, [_with_writer(row) for row in found])

    def versions(self, options: dict[str, Any]) -> None:
        """Print the versions of the branch's effective secret."""
        scope = find_scope(options)
        secret = self._find(scope, _key(options))
        found = list_versions(actor=scope.access.actor, app_id=scope.app_id, pk=secret.pk)
        described = [_described(row) for row in found.rows]
        cells = [
            (row.number, it["written_at"], it["by"], row.verb, ", ".join(row.labels))
            for row, it in zip(found.rows, described, strict=True)
        ]
        plain = table(("VERSION", "WRITTEN", "BY", "HOW", "LABELS"), cells)
        self.print_result(options, plain if cells else NO_VERSION, described)

    def extra_columns(self, row: SecretRow) -> dict[str, Any]:
        """Return the columns that only secrets have."""
        return {"state": row.state or ("mirror only" if row.mirror == "alone" else "")}

    def remove(self, options: dict[str, Any]) -> None:
        """Remove a scope's own secret."""
        scope, key = find_scope(options), options["key"]
        target = _target(scope, key)
        known = scope.access.app.secrets.filter(branch=scope.branch, key=key).first()
        if not known and not _snapshot(scope, target).version:
            raise self.missing(scope, key)
        confirm(f"Remove {key} of {scope_name(scope.branch)}?", yes=options["yes"])
        outcome = _delete(scope, target, known, options)
        self.require_copy(outcome)
        self._finish(options, scope, outcome, "removed")

    def _finish(
        self, options: dict[str, Any], scope: CommandScope, outcome: RowOutcome, verb: str
    ) -> None:
        require_done(outcome)
        self.print_outcome(options, scope, outcome, verb)

    def _reveal(self, scope: CommandScope, key: str) -> tuple[Secret, SecretValue]:
        """Reveal the effective secret. If it was removed outside, the branch may inherit one."""
        who: Any = {"actor": scope.access.actor, "app_id": scope.app_id}
        secret = self._find(scope, key)
        try:
            return secret, reveal(**who, pk=secret.pk)
        except NotFound:
            refresh(scope.access.app, [secret])
            inherited = effective_secrets(scope.access, scope.branch).get(key)
            if inherited is None or inherited.pk == secret.pk:
                raise
            return inherited, reveal(**who, pk=inherited.pk)

    def _find(self, scope: CommandScope, key: str) -> Secret:
        """Return the branch's effective secret. Reconciles if the projection has none."""
        found = effective_secrets(scope.access, scope.branch).get(key)
        if found is None:
            reconcile(actor=scope.access.actor, app_id=scope.app_id)
            found = effective_secrets(scope.access, scope.branch).get(key)
        if found is None:
            raise self.missing(scope, key)
        return found


def _described(row: Version) -> dict[str, Any]:
    return {
        "version": row.number,
        "written_at": f"{row.at:%Y-%m-%dT%H:%M:%SZ}",
        "by": row.who or "someone",
        "how": row.verb,
        "labels": [*row.labels],
        "known_to": [*row.known_to],
    }


def _key(options: dict[str, Any]) -> str:
    try:
        check_key(options["key"])
    except InvalidPath as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return str(options["key"])


def _target(scope: CommandScope, key: str) -> WriteTarget:
    """Return the write target, or raise CommandError, before asking for a value."""
    try:
        paths = locate_secret(scope.access.app, scope.branch, key)
    except InvalidPath as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    return WriteTarget(scope.branch, key, paths.primary)


def _snapshot(scope: CommandScope, target: WriteTarget) -> Snapshot:
    [snapshot] = take_snapshots(parameter_store(), scope.access.app, [target])
    return snapshot


def _set(
    scope: CommandScope, target: WriteTarget, value: SecretValue, if_version: int | None
) -> RowOutcome:
    snapshot = _snapshot(scope, target)
    command = SetSecret(
        "command",
        key=target.key,
        branch_id=scope.branch_id,
        expected_version=snapshot.version if if_version is None else if_version,
        revision=snapshot.revision,
        value=value,
    )
    return _save(scope, command)


def _delete(
    scope: CommandScope, target: WriteTarget, known: Secret | None, options: dict[str, Any]
) -> RowOutcome:
    snapshot, if_version = _snapshot(scope, target), options["if_version"]
    command = DeleteSecret(
        "command",
        known.pk if known else None,  # secrets of deleted branches can only be named by id
        key=target.key,
        branch_id=scope.branch_id,
        expected_version=snapshot.version if if_version is None else if_version,
        revision=snapshot.revision,
        without_copy=options["without_copy"],
    )
    return _save(scope, command)


def _save(scope: CommandScope, command: SecretCommand) -> RowOutcome:
    with finishing_current_step():
        [outcome] = save(
            actor=scope.access.actor,
            app_id=scope.app_id,
            commands=[command],
            change_set=uuid.uuid4(),
        )
    return outcome


def _with_writer(row: SecretRow) -> SecretRow:
    """Name the writer of a change made outside Branchkeep."""
    is_unnamed = row.changed and not row.changed_by
    return replace(row, changed_by=OUTSIDE.label) if is_unnamed else row
