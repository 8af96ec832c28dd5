"""`manage.py import_gen1`: import the values of an Amplify Gen 1 environment as secrets."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.cli.base import CommandScope, ConsoleCommand, add_scope, find_scope
from console.cli.errors import require_all_done
from console.cli.terminal import Exit, confirm, table
from console.environment.importing import Change
from console.lib.results import DONE, RowOutcome
from console.lib.row_forms import known_base
from console.lib.stopping import finishing_current_step, is_stopping
from console.lib.text.dotenv import Refused
from console.models import scope_name
from secrets_app.gen1 import importing
from secrets_app.gen1.finding import Source, find
from secrets_app.gen1.importing import Plan, Wanted
from secrets_app.gen1.names import CREDENTIALS, is_credentials, proposed_keys
from secrets_app.sync.reconciling import reconcile

OUTDATED = "Can't reach the parameter store, so this may be out of date. {}"
NONE = "The parameter store has no environment of Amplify Gen 1 for this app."
WHICH = "Choose an environment with --environment: {}."
NO_NAME = "The environment has no parameter with this name."
NOT_A_KEY = "Write --key as NAME=KEY: the parameter's name, and the secret's key."
LEFT_OUT = "Values left out: {}."
EXISTS = "A secret with this key exists. Add --overwrite to replace its value."
ALSO = "A {} with this key exists. Choose the parameter with --only to import it anyway."
CHOOSE = "{} Choose the parameter with --only to import it anyway."
HEAD = ("PARAMETER", "KEY", "BRANCH", "CHANGE", "OUTCOME")


class Command(ConsoleCommand):
    """Import an environment's parameters: all new ones, or those chosen."""

    help = "Import the values of an environment of Amplify Gen 1 as secrets. They stay there, too."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the environment, the scope and what to choose."""
        parser.add_argument("--environment", metavar="NAME", help="of Amplify Gen 1, such as dev")
        parser.add_argument(
            "--only", action="append", metavar="NAME", help="only this parameter; may be repeated"
        )
        parser.add_argument(
            "--key",
            action="append",
            metavar="NAME=KEY",
            default=[],
            help="import a parameter under this key; may be repeated",
        )
        parser.add_argument(
            "--overwrite", action="store_true", help="replace the values of secrets that exist"
        )
        parser.add_argument("--dry-run", action="store_true", help="only say what would change")
        parser.add_argument("--yes", action="store_true", help="don't ask for confirmation")
        add_scope(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        """Plan the import, ask for confirmation, and import."""
        scope = find_scope(options)
        importing.require_for_post(scope.access)
        fresh = reconcile(actor=scope.access.actor, app_id=scope.app_id)
        if fresh.problem:
            self.note(OUTDATED.format(fresh.problem))
        environment, sources = _environment(find(scope.access), options["environment"])
        sources, keys = _chosen(sources, options)
        chosen = [(source, keys[source.name]) for source in sources]
        try:
            plans = importing.plan(scope.access, chosen, scope.branch)
        except Refused as refusal:
            raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
        problems = {it.source.name: _problem(it, options) for it in plans}
        for name, problem in problems.items():
            if problem:
                self.note(f"{name} is left out. {problem}")
        wanted = [_wanted(it) for it in plans if not problems[it.source.name]]
        outcomes: Sequence[RowOutcome] = ()
        if wanted and not options["dry_run"]:
            confirm(f"Import {len(wanted)} of {len(plans)} values?", yes=options["yes"])
            with finishing_current_step():
                outcomes = importing.save(
                    scope.access,
                    environment,
                    scope.branch,
                    wanted,
                    uuid.uuid4(),
                    may_go_on=lambda: not is_stopping(),
                )
        self._print(options, scope, plans, {it.token: it for it in outcomes})
        if left := sum(map(bool, problems.values())):
            raise CommandError(LEFT_OUT.format(left), returncode=Exit.REFUSED)

    def _print(
        self,
        options: dict[str, Any],
        scope: CommandScope,
        plans: Sequence[Plan],
        outcomes: Mapping[str, RowOutcome],
    ) -> None:
        """Print the outcomes. Exits with the code of the first parameter that wasn't imported."""
        cells, described = [], []
        for plan in plans:
            outcome = outcomes.get(plan.source.name)
            ended = str(outcome.outcome) if outcome else ""
            change = str(plan.line.planned.change)
            name, key = plan.source.name, plan.key
            cells.append((name, key, scope_name(scope.branch), change, ended or "-"))
            described.append(
                {
                    "parameter": name,
                    "key": key,
                    **scope.to_dict(),
                    "change": change,
                    "outcome": ended or None,
                }
            )
            if outcome and outcome.outcome not in DONE and outcome.message:
                self.note(f"{name}: {outcome.message}")
        self.print_result(options, table(HEAD, cells), described)
        require_all_done(outcomes.values(), "Imported")


def _environment(
    found: Mapping[str, Sequence[Source]], wanted: str | None
) -> tuple[str, Sequence[Source]]:
    """Return the chosen environment, or the only one, with its parameters."""
    if not found:
        raise CommandError(NONE, returncode=Exit.REFUSED)
    if wanted is None and len(found) == 1:
        wanted = next(iter(found))
    if wanted not in found:
        raise CommandError(WHICH.format(", ".join(found)), returncode=Exit.REFUSED)
    return str(wanted), found[str(wanted)]


def _chosen(
    sources: Sequence[Source], options: dict[str, Any]
) -> tuple[list[Source], dict[str, str]]:
    """Return the chosen parameters, and the key of each by name."""
    keys = proposed_keys(source.name for source in sources)
    for pair in options["key"]:
        name, equals, key = pair.partition("=")
        if not equals:
            raise CommandError(NOT_A_KEY, returncode=Exit.USAGE)
        _check(name, keys)
        keys[name] = key
    only = options["only"] or [*keys]
    for name in only:
        _check(name, keys)
    return [source for source in sources if source.name in only], keys


def _check(name: str, known: Mapping[str, str]) -> None:
    if name not in known:
        raise CommandError(NO_NAME, returncode=Exit.REFUSED)


def _problem(plan: Plan, options: dict[str, Any]) -> str:
    """Return why a parameter is left out, or ""."""
    if plan.problem:
        return plan.problem
    if plan.line.planned.change is not Change.NEW and not options["overwrite"]:
        return EXISTS
    if plan.source.name in (options["only"] or ()):
        return ""
    if is_credentials(plan.source.name):
        return CHOOSE.format(CREDENTIALS)
    return ALSO.format(plan.line.also) if plan.line.also else ""


def _wanted(plan: Plan) -> Wanted:
    base = known_base(plan.line.planned.base)
    return Wanted(plan.source.name, plan.source.base, plan.key, *base)
