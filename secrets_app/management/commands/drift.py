"""`manage.py drift`: what changed outside Branchkeep, and deciding about it."""

import uuid
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import CommandScope, ConsoleCommand, add_scope, find_scope, verbs
from console.cli.errors import require_done
from console.cli.terminal import Exit, table
from console.lib.stopping import finishing_current_step
from console.models import scope_name
from secrets_app.drift import decisions
from secrets_app.drift.changes import (
    Drift,
    changed_outside,
    describe,
    with_former_members,
)
from secrets_app.drift.decisions import Decide
from secrets_app.projection import kept_by_writes
from secrets_app.store.errors import Conflict
from secrets_app.sync.reconciling import reconcile

HEAD = ("KEY", "BRANCH", "CHANGE", "BEFORE", "NOW", "CHANGED", "BY", "PUT BACK")
NONE = "Nothing to decide."
OTHER_VERSION = "Version {} is current, so nothing was decided. Review it, then decide."
OUTDATED = "Can't reach the parameter store, so newer changes may be missing. {}"


class Command(ConsoleCommand):
    """List what changed outside Branchkeep, and decide about it."""

    help = "List what changed outside Branchkeep, and put it back, take it, or ignore it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the verbs and their arguments."""
        added = verbs(parser)
        for name, do, about in (
            ("list", self.list, "list what to decide; with --branch, only of that branch"),
            ("put-back", self.put_back, "put a secret back as Branchkeep knew it"),
            ("take", self.take, "make what is there now the known state"),
            ("ignore", self.ignore, "hide the change until the secret changes again"),
        ):
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=do)
            if name == "list":
                verb.add_argument("--ignored", action="store_true", help="list what is ignored")
            else:
                verb.add_argument("key", metavar="KEY")
                verb.add_argument(
                    "--if-version",
                    type=int,
                    metavar="N",
                    help="only if the current version is N (0: only if there is none)",
                )
            add_scope(verb)

    def list(self, options: dict[str, Any]) -> None:
        """Reconcile, then print what changed."""
        scope = find_scope(options)
        self._reconcile(scope)
        rows = [
            it
            for it in changed_outside(scope.access)
            if it.is_ignored is options["ignored"]
            and (options["branch"] is None or it.secret.branch_id == scope.branch_id)
        ]
        found = with_former_members(scope.access, rows)
        plain = table(HEAD, [_cells(it) for it in found]) if found else NONE
        self.print_result(options, plain, [_as_json(scope, it) for it in found])

    def put_back(self, options: dict[str, Any]) -> None:
        """Put a secret back as Branchkeep knew it."""
        self._decide(options, decisions.put_back, decisions.PUT_BACK)

    def take(self, options: dict[str, Any]) -> None:
        """Make what is there now the known state."""
        self._decide(options, decisions.take, decisions.TAKEN)

    def ignore(self, options: dict[str, Any]) -> None:
        """Dismiss a change until there is another one."""
        self._decide(options, decisions.ignore, decisions.IGNORED)

    def _decide(self, options: dict[str, Any], decide: Decide, words: str) -> None:
        scope, key, if_version = find_scope(options), options["key"], options["if_version"]
        self._reconcile(scope)
        known = scope.access.app.secrets.filter(branch=scope.branch, key=key)
        found = describe(scope.access, [*known.select_related("branch")])
        if not found:
            message = f"Nothing to decide about {key} of {scope_name(scope.branch)}."
            raise CommandError(message, returncode=Exit.DENIED)
        [drift] = found
        if if_version not in {None, drift.secret.version}:
            raise Conflict(OTHER_VERSION.format(drift.secret.version))
        with finishing_current_step():
            outcome = decide(scope.access, drift.secret.pk, drift.state, uuid.uuid4())
        require_done(outcome)
        if outcome.message:
            self.note(outcome.message)
        result = {"key": key, **scope.to_dict(), "outcome": outcome.outcome}
        self.print_result(options, words.format(key), result)

    def _reconcile(self, scope: CommandScope) -> None:
        fresh = reconcile(actor=scope.access.actor, app_id=scope.app_id)
        if fresh.problem:
            self.note(OUTDATED.format(fresh.problem))


def _cells(drift: Drift) -> tuple[object, ...]:
    before, now = drift.before or "", drift.secret.version or ""
    put_back = drift.put_back or f"no: {drift.reason}"
    return (
        *(drift.secret.key, drift.scope, drift.change, before, now),
        *(f"{drift.at:%Y-%m-%d %H:%M:%S}Z", drift.by, put_back),
    )


def _as_json(scope: CommandScope, drift: Drift) -> dict[str, Any]:
    secret = drift.secret
    return {
        "key": secret.key,
        "branch": secret.branch.name if secret.branch else None,
        "change": drift.change,
        "changes": drift.times,
        "version_before": drift.before or None,
        "version": secret.version or None,
        "changed_at": f"{drift.at:%Y-%m-%dT%H:%M:%SZ}",
        "changed_by": drift.by or None,
        "kept": dict(kept_by_writes(secret, is_operator=scope.access.actor.is_operator)),
        "put_back": drift.put_back,
        "reason": drift.reason or None,
        "known_to": [*drift.known_to],
        "may_decide": drift.may_write,
    }
