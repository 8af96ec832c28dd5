"""`manage.py preview`: preview rules, what a preview branch would take, and its copies."""

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.core.management.base import CommandError, CommandParser

from console.access.policy import Access, find_app
from console.catalog.previews import add_rule, previews_of, remove_rule
from console.cli.base import (
    CommandScope,
    ConsoleCommand,
    actor_of,
    add_common,
    add_scope,
    find_scope,
    verbs,
)
from console.cli.errors import EXITS
from console.cli.terminal import Exit, table
from console.lib.results import Result
from console.lib.text.dotenv import Refused
from console.models import Branch, PreviewRule
from console.workflows.previews.offers import summary
from console.workflows.previews.writing import PreviewLine, lines_of, unfinished, write

VERBS = {
    "rules": "list the rules: which branches take from which",
    "add": "add a rule after the others",
    "remove": "remove a rule",
    "list": "list what a preview branch would take from its source, and its copies",
    "copy": "copy what a preview branch would take, and refresh copies that are out of date",
}
NO_RULE = "This app has no preview rule for this pattern."
NO_BRANCH = "This app has no branch with this name."
NO_PREVIEW = "This branch is not a preview: no rule matches it, or its source was deleted."
NO_NAME = "No branch given. Add --branch NAME."
NOTHING = "There is nothing to copy."
NOT_TRIED = "Not tried, because the store did not answer."
NOT_COPIED = "{} of {} values were not copied."


class Command(ConsoleCommand):
    """A function for each verb. Only `copy` reads values, and no verb prints one."""

    help = "Manage preview rules, and copy to a preview branch what it would take."

    def add_arguments(self, parser: CommandParser) -> None:
        added = verbs(parser)
        for name, about in VERBS.items():
            verb = added.add_parser(name, help=about, description=about, allow_abbrev=False)
            verb.set_defaults(do=getattr(self, name))
            if name in {"add", "remove"}:
                verb.add_argument("pattern", metavar="PATTERN", help="such as 'pr-*'")
            if name == "add":
                verb.add_argument("--from", required=True, metavar="NAME", dest="source")
            _add_scope(verb, name)

    def rules(self, options: dict[str, Any]) -> None:
        """Print each rule with the branches that it applies to."""
        access = _access(options)
        found = previews_of(access)
        by_id = {branch.pk: branch for branch in access.branches}
        described = [
            {
                "pattern": rule.pattern,
                "source": by_id[rule.source_id].label,
                "branches": [by_id[pk].name for pk, it in found.decided.items() if it == rule],
            }
            for rule in found.rules
            if rule.source_id in by_id
        ]
        rows = [(it["pattern"], it["source"], ", ".join(it["branches"])) for it in described]
        head = ("PATTERN", "TAKES FROM", "BRANCHES")
        plain = table(head, rows) if rows else "This app has no preview rules."
        self.print_result(options, plain, described)

    def add(self, options: dict[str, Any]) -> None:
        """Add a rule."""
        access = _access(options)
        source = _find_branch(access, options["source"])
        rule = add_rule(
            actor=access.actor,
            app_id=access.app.app_id,
            pattern=options["pattern"],
            source_id=source.pk,
        )
        self._print_rule(options, "Added", rule)

    def remove(self, options: dict[str, Any]) -> None:
        """Remove the rule of a pattern."""
        access = _access(options)
        rules = previews_of(access).rules
        rule = next((it for it in rules if it.pattern == options["pattern"]), None)
        if rule is None:
            raise CommandError(NO_RULE, returncode=Exit.DENIED)
        remove_rule(actor=access.actor, app_id=access.app.app_id, pk=rule.pk)
        self._print_rule(options, "Removed", rule)

    def list(self, options: dict[str, Any]) -> None:
        """Print what a preview would take, and which of its values are copies."""
        branch, source, lines = _lines(find_scope(options))
        described = [
            {"key": it.key, "kind": it.noun, "state": _state(it), "source": source.name}
            for it in lines
        ]
        rows = [(it.key, it.noun, it.state) for it in lines]
        plain = table(("KEY", "KIND", "STATE"), rows) if rows else NOTHING
        self.print_result(options, plain, described)
        if number := sum(it.marked is None for it in lines):
            self.note(summary(branch, source, number))

    def copy(self, options: dict[str, Any]) -> None:
        """Copy, print how each copy ended, and fail as the first one that was not made."""
        scope = find_scope(options)
        *_, lines = _lines(scope)
        outcomes = write(scope.access, lines, uuid4(), may_go_on=lambda: True)
        by_token = {it.token: it for it in lines}
        described = [
            {
                "key": by_token[it.token].key,
                "kind": by_token[it.token].noun,
                "outcome": str(it.outcome),
                "message": it.message or None,
            }
            for it in outcomes
        ]
        rows = [(it["key"], it["kind"], it["outcome"]) for it in described]
        plain = table(("KEY", "KIND", "OUTCOME"), rows) if rows else NOTHING
        self.print_result(options, plain, described)
        for outcome in unfinished(outcomes):
            self.note(f"{by_token[outcome.token].key}: {outcome.message or NOT_TRIED}")
        if failed := unfinished(outcomes):
            worst = next((it for it in failed if it.outcome is not Result.NOT_TRIED), failed[0])
            message = NOT_COPIED.format(len(failed), len(outcomes))
            raise CommandError(message, returncode=EXITS[worst.outcome])

    def _print_rule(self, options: dict[str, Any], done: str, rule: PreviewRule) -> None:
        data = {"pattern": rule.pattern, "outcome": done.lower()}
        self.print_result(options, f"{done} the rule for {rule.pattern}", data)


def _state(line: PreviewLine) -> str:
    if line.marked is None:
        return "not copied"
    return "out of date" if line.marked.is_outdated else "copy"


def _lines(scope: CommandScope) -> tuple[Branch, Branch, Sequence[PreviewLine]]:
    """Return a preview, its source, and what there is to copy. Raises CommandError."""
    if scope.branch is None:
        raise CommandError(NO_NAME, returncode=Exit.USAGE)
    try:
        source, lines = lines_of(scope.access, scope.branch)
    except Refused as refusal:
        raise CommandError(str(refusal), returncode=Exit.REFUSED) from None
    if source is None:
        raise CommandError(NO_PREVIEW, returncode=Exit.REFUSED)
    return scope.branch, source, lines


def _add_scope(verb: ArgumentParser, name: str) -> None:
    if name in {"list", "copy"}:
        add_scope(verb)
    else:
        verb.add_argument("--app", required=True, metavar="APP_ID", help="app ID or identifier")
        add_common(verb)


def _access(options: dict[str, Any]) -> Access:
    return find_app(actor_of(options), options["app"])


def _find_branch(access: Access, name: str) -> Branch:
    found = next((it for it in access.branches if it.name == name), None)
    if found is None:
        raise CommandError(NO_BRANCH, returncode=Exit.DENIED)
    return found
