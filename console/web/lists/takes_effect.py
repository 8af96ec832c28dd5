"""What pages of secrets and variables say about when a change takes effect, for connected apps."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from console.access.policy import Access, Permission
from console.models import Branch, scope_name
from console.web.lists.filters import Waiting
from console.web.lists.listing import Row
from console.workflows.deployments.effects import BranchState, Effects, of_app

SENTENCES = {
    "secret": "Functions use it within a minute, everything else after the next deployment.",
    "variable": "It takes effect at the next deployment.",
}


@dataclass(frozen=True)
class Effect:
    """When a value takes effect: on which branches at the next deployment, and which have it.

    `offer` is the branch to redeploy, if the actor may.
    """

    sentence: str
    waiting: Sequence[str]
    deployed: Sequence[str]
    offer: BranchState | None


def mark_rows(waiting: Waiting, noun: str, rows: Iterable[Row]) -> None:
    """Mark the rows of a list that take effect at a next deployment."""
    for row in rows if waiting else ():
        row.next_deployment = (noun, row.branch, row.key) in waiting


def effect_of(access: Access, noun: str, branch: Branch | None, key: str) -> Effect | None:
    """Return when a value takes effect. None unless a branch that gets it was ever deployed."""
    scope = scope_name(branch)
    waiting: list[BranchState] = []
    deployed: list[BranchState] = []
    for state in of_app(access).branches.values():
        if state.basis is None or branch not in {None, state.branch}:
            continue
        changed = any((it.noun, it.scope, it.key) == (noun, scope, key) for it in state.changes)
        (waiting if changed else deployed).append(state)
    if not waiting and not deployed:
        return None
    return Effect(SENTENCES[noun], _names(waiting), _names(deployed), _offered(access, waiting))


def _names(states: Iterable[BranchState]) -> list[str]:
    return [state.branch.name for state in states]


@dataclass(frozen=True)
class Offer:
    """What to say and to offer after a save. `state` None leads to the page of deployments."""

    sentence: str
    state: BranchState | None


def offer_after(access: Access, noun: str, change_set: UUID) -> Offer | None:
    """Return what a save needs to take effect, None if there is nothing to deploy."""
    affected = _affected(of_app(access), noun, change_set)
    return Offer(SENTENCES[noun], _offered(access, affected)) if affected else None


def _affected(effects: Effects, noun: str, change_set: UUID) -> list[BranchState]:
    return [
        state
        for state in effects.branches.values()
        if any((it.noun, it.change_set) == (noun, change_set) for it in state.changes)
    ]


def _offered(access: Access, states: Sequence[BranchState]) -> BranchState | None:
    """Return the one branch to redeploy: the only one, otherwise the production branch."""
    candidates = [it for it in states if len(states) == 1 or it.branch.production]
    for state in candidates:
        if not state.running and access.may_on(Permission.WRITE, state.branch):
            return state
    return None
