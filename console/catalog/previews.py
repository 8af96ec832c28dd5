"""Preview rules: branches that match a pattern take from another branch what they don't have.

Amplify knows no such inheritance: a branch gets its own values, then those for All branches. So a
rule only says what a preview would take. It is effective once it was copied (docs/adr/0065).
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from django.core.exceptions import ValidationError
from django.http import Http404

from console.access import acts
from console.access.actors import Actor
from console.access.amplify_apps import find_amplify_app
from console.access.policy import Access, find_app, find_branch
from console.audit.events import Action, Target, audited_transaction
from console.lib.naming.branch_patterns import matches, problem
from console.models import App, Branch, PreviewRule

MAX_RULES = 20
TOO_MANY = f"An app can have at most {MAX_RULES} preview rules. Remove one first."
EXISTS = "There is a rule for this pattern already. Remove it first."
DELETED = "This branch was deleted. Choose another one."
ITSELF = "A branch can't take values from itself. Enter a pattern such as pr-*."


@dataclass(frozen=True)
class Previews:
    """The preview rules of an app, in order, and its branches."""

    rules: Sequence[PreviewRule]
    branches: Iterable[Branch]

    def rule_of(self, branch: Branch) -> PreviewRule | None:
        """Return the rule that applies to a branch, even a deleted one, None if it's no preview.

        The production branch and sources of rules are no previews.
        """
        if branch.production or branch.pk in self._named:
            return None
        return next((it for it in self.rules if matches([it.pattern], branch.name)), None)

    @cached_property
    def _named(self) -> Collection[int]:
        return {rule.source_id for rule in self.rules}

    @cached_property
    def decided(self) -> Mapping[int, PreviewRule]:
        """Return the rule that applies to each preview, by the branch's id."""
        live = (branch for branch in self.branches if branch.deleted_at is None)
        found = ((branch.pk, self.rule_of(branch)) for branch in live)
        return {pk: rule for pk, rule in found if rule is not None}

    @cached_property
    def sources(self) -> Mapping[int, Branch]:
        """Return the branch that each preview takes from, by the preview's id.

        A rule whose source was deleted gives nothing, and no later rule replaces it.
        """
        live = {branch.pk: branch for branch in self.branches if branch.deleted_at is None}
        return {
            pk: live[rule.source_id] for pk, rule in self.decided.items() if rule.source_id in live
        }


def previews_of(access: Access) -> Previews:
    """Return the app's preview rules. Takes one query."""
    return Previews([*PreviewRule.objects.filter(app=access.app)], access.branches)


def add_rule(*, actor: Actor, app_id: str, pattern: str, source_id: int) -> PreviewRule:
    """Add a rule after the others. Raises Http404, PermissionDenied or ValidationError."""
    access = find_amplify_app(actor, app_id)
    source = find_branch(access, source_id)
    with audited_transaction(
        actor, Action.PREVIEWS_CHANGED, _target(app_id, "added", pattern, source)
    ):
        acts.require(access, Action.PREVIEWS_CHANGED)
        if wrong := problem([pattern]):
            raise ValidationError({"pattern": wrong})
        if pattern == source.name:
            raise ValidationError({"pattern": ITSELF})
        if source.deleted_at is not None:
            raise ValidationError({"source": DELETED})
        rules = _locked_rules(access.app)
        if any(rule.pattern == pattern for rule in rules):
            raise ValidationError({"pattern": EXISTS})
        if len(rules) >= MAX_RULES:
            raise ValidationError(TOO_MANY)
        position = rules[-1].position + 1 if rules else 1
        return PreviewRule.objects.create(
            app=access.app, position=position, pattern=pattern, source=source
        )


def remove_rule(*, actor: Actor, app_id: str, pk: int) -> PreviewRule:
    """Remove a rule. Copies that it led to stay, as the branches' own values.

    Raises Http404 or PermissionDenied.
    """
    access = find_app(actor, app_id)
    rule = _find_rule(access, pk)
    target = _target(app_id, "removed", rule.pattern, rule.source)
    with audited_transaction(actor, Action.PREVIEWS_CHANGED, target):
        acts.require(access, Action.PREVIEWS_CHANGED)
        PreviewRule.objects.filter(pk=pk).delete()
        return rule


def move_rule_up(*, actor: Actor, app_id: str, pk: int) -> PreviewRule:
    """Move a rule before the one above it. Raises Http404 or PermissionDenied."""
    access = find_app(actor, app_id)
    rule = _find_rule(access, pk)
    target = _target(app_id, "moved up", rule.pattern, rule.source)
    with audited_transaction(actor, Action.PREVIEWS_CHANGED, target):
        acts.require(access, Action.PREVIEWS_CHANGED)
        order = [it.pk for it in _locked_rules(access.app)]
        number = order.index(pk) if pk in order else 0
        if number:
            order[number - 1 : number + 1] = [pk, order[number - 1]]
        for position, it in enumerate(order, 1):
            PreviewRule.objects.filter(pk=it).update(position=position)
        return rule


def _find_rule(access: Access, pk: int) -> PreviewRule:
    found = PreviewRule.objects.filter(app=access.app, pk=pk).select_related("source").first()
    if found is None:
        raise Http404("Preview rule not found.")
    return found


def _locked_rules(app: App) -> list[PreviewRule]:
    """Return the rules, which nobody else changes until this transaction ends."""
    App.objects.select_for_update().get(pk=app.pk)
    return [*PreviewRule.objects.filter(app=app)]


def _target(app_id: str, what: str, pattern: str, source: Branch) -> Target:
    return Target(app_id, subject=f"{what} {pattern}, which takes from {source.name}")
