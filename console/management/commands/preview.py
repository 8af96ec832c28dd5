"""`manage.py preview`: preview rules, and what a preview branch would take."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError, CommandParser

from console.access.policy import Access, find_app
from console.catalog.previews import add_rule, previews_of, remove_rule
from console.cli.base import ConsoleCommand, actor_of, add_common, add_scope, find_scope, verbs
from console.cli.terminal import Exit, table
from console.models import Branch, PreviewRule
from console.workflows.previews.offers import offers_of, summary

VERBS = {
    "rules": "list the rules: which branches take from which",
    "add": "add a rule after the others",
    "remove": "remove a rule",
    "list": "list what a preview branch would take from its source",
}
NO_RULE = "This app has no preview rule for this pattern."
NO_BRANCH = "This app has no branch with this name."
NO_PREVIEW = "This branch is not a preview: no rule decides about it, or its source was deleted."


class Command(ConsoleCommand):
    """A function for each verb. No verb reads a value."""

    help = "Manage preview rules, and list what a preview branch would take from its source."

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
        """Print the rules with the branches that each decides about."""
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
        """Print what a preview would take."""
        scope = find_scope(options)
        source, offers = offers_of(scope.access, scope.branch)
        if scope.branch is None or source is None:
            raise CommandError(NO_PREVIEW, returncode=Exit.REFUSED)
        described = [
            {"key": it.value.key, "kind": it.noun, "state": "to copy", "source": source.name}
            for it in offers
        ]
        rows = [tuple(it.values()) for it in described]
        self.print_result(
            options, table(("KEY", "KIND", "STATE", "FROM"), rows) if rows else "", described
        )
        self.note(summary(scope.branch, source, len(offers)))

    def _print_rule(self, options: dict[str, Any], done: str, rule: PreviewRule) -> None:
        data = {"pattern": rule.pattern, "outcome": done.lower()}
        self.print_result(options, f"{done} the rule for {rule.pattern}", data)


def _add_scope(verb: ArgumentParser, name: str) -> None:
    if name == "list":
        add_scope(verb)
    else:
        verb.add_argument("--app", required=True, metavar="APP_ID", help="the Amplify app ID")
        add_common(verb)


def _access(options: dict[str, Any]) -> Access:
    return find_app(actor_of(options), options["app"])


def _find_branch(access: Access, name: str) -> Branch:
    found = next((it for it in access.branches if it.name == name), None)
    if found is None:
        raise CommandError(NO_BRANCH, returncode=Exit.DENIED)
    return found
