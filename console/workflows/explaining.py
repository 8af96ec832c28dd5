"""Why a branch gets its value of a key, and which of its deployments have it. Without values.

From the database alone: every member may see what is explained, so nothing is recorded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from console.access.policy import Access, find_branch
from console.environment.explaining import Explanation, Holds, Place
from console.environment.sources import EnvironmentSource, secrets_first
from console.models import Branch, Deployment, scope_name
from console.workflows.deployments.effects import BranchState, Effects
from console.workflows.deployments.effects import of_app as effects_of
from console.workflows.previews.copies import MarkedCopy, copies_of
from console.workflows.previews.offers import ONE, offered_by


@dataclass(frozen=True)
class Timing:
    """How the last deployment of a branch compares with the last change of a key.

    `deployment` is the last one that succeeded or is running, None if there is none. `changed_at`
    is a change that it doesn't have, None if it has the newest one.
    """

    branch: Branch
    deployment: Deployment | None
    changed_at: datetime | None
    is_running: bool


@dataclass(frozen=True)
class Why:
    """Why a scope gets its value of a key. `branch` None is one without a value of its own.

    `timings` are of the branches that get it, if the app is connected. `set_on` are the scopes that
    have a value of their own, All branches first. `offered_by` is the branch that this one is a
    preview of, if it would take a value from there, which nothing reads before it is copied.
    `copy_of` is set if the branch's own value is a copy from there.
    """

    source: EnvironmentSource
    key: str
    branch: Branch | None
    explanation: Explanation
    timings: Sequence[Timing]
    set_on: Sequence[Branch | None]
    offered_by: Branch | None = None
    copy_of: MarkedCopy | None = None

    @property
    def offer(self) -> str:
        """Return what a preview would take, and what to do, or ""."""
        if self.offered_by is None:
            return ""
        return ONE.format(branch=self.scope, source=self.offered_by.name)

    @property
    def scope(self) -> str:
        """Return the scope's name."""
        return scope_name(self.branch)

    @property
    def used(self) -> Place | None:
        """Return the place whose value is used, None if there is none or that is uncertain."""
        return self.explanation.readers[0].used

    @property
    def cause(self) -> Place | None:
        """Return the place whose last change led to this, which may be a removal."""
        return self.explanation.readers[0].cause

    @property
    def cause_in_words(self) -> str:
        """Return who did what that led to this, "" if there was nothing."""
        cause = self.cause
        if cause is None:
            return ""
        verb = "removed" if cause.holds is Holds.NOTHING else "saved"
        what = "it" if cause == self.used else f"the value of {cause.scope}"
        where = " outside Branchkeep" if cause.is_outside else ""
        return f"{cause.by or 'somebody'} {verb} {what}{where}"

    @property
    def verdict(self) -> str:
        """Return what the scope gets, in one sentence."""
        if self.explanation.readers[0].is_uncertain:
            return f"It isn't certain which value {self.scope} gets."
        if self.used is None:
            return f"{self.scope} has no value."
        version = f", version {self.used.version}" if self.used.version else ""
        if self.branch is None:
            return f"{self.scope} has a value{version}."
        if self.used.scope == self.scope:
            return f"{self.scope} has its own value{version}."
        return f"{self.scope} inherits the value for {self.used.scope}{version}."


def explain(
    access: Access, source: EnvironmentSource, key: str, branch_id: int | None
) -> Why | None:
    """Return why a branch gets its value of a key. None if the app has nothing of this key.

    `branch_id` None is All branches. Raises Http404.
    """
    branch = None if branch_id is None else find_branch(access, branch_id)
    explanation = source.explain(access, key, branch)
    if explanation is None:
        return None
    return _why(access, source, key, branch, explanation, effects_of(access))


def explain_all(access: Access, key: str, branch_id: int | None) -> Sequence[Why]:
    """Do the same for each source that has the key, secrets first."""
    branch = None if branch_id is None else find_branch(access, branch_id)
    found = [(source, source.explain(access, key, branch)) for source in secrets_first()]
    effects = effects_of(access)
    return [
        _why(access, source, key, branch, explanation, effects)
        for source, explanation in found
        if explanation is not None
    ]


def _why(
    access: Access,
    source: EnvironmentSource,
    key: str,
    branch: Branch | None,
    explanation: Explanation,
    effects: Effects,
) -> Why:
    scopes: list[Branch | None] = [None, *access.branches]
    own = explanation.scopes
    return Why(
        source=source,
        key=key,
        branch=branch,
        explanation=explanation,
        timings=[
            _timing(state, source.noun, key)
            for pk, state in effects.branches.items()
            if (pk == branch.pk if branch else pk not in own)
        ],
        set_on=[it for it in scopes if (it.pk if it else None) in own],
        offered_by=offered_by(access, source, key, branch, own) if branch else None,
        copy_of=_copy_of(access, source, branch, own) if branch else None,
    )


def _copy_of(
    access: Access, source: EnvironmentSource, branch: Branch, own: Mapping[int | None, int]
) -> MarkedCopy | None:
    """Return the copy that the branch's own value is. Takes a query if it has a value."""
    if branch.pk not in own:
        return None
    return copies_of(access, branch=branch).get((source.noun, own[branch.pk]))


def _timing(state: BranchState, noun: str, key: str) -> Timing:
    newer = (it.at for it in state.changes if (it.noun, it.key) == (noun, key))
    is_running = state.basis is not None and state.basis == state.running
    return Timing(state.branch, state.basis, next(newer, None), is_running)
