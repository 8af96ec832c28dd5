"""A decision of access.py in words: by which rule, and what stood in the way."""

from console.access.policy import Decision, Grant, Obstacle, Permission, named
from console.models import scope_name

ACTS = {
    Permission.VIEW: "view keys, variables and activity",
    Permission.WRITE: "add, change and remove secrets and variables",
    Permission.REVEAL: "reveal secrets",
    Permission.MANAGE: "change the app's settings, branches and members",
}
_SCOPED = {Permission.WRITE, Permission.REVEAL}


def question(decision: Decision) -> str:
    """Return what was asked: "reveal secrets on main"."""
    act = ACTS[decision.permission]
    return f"{act} on {scope_name(decision.branch)}" if decision.permission in _SCOPED else act


def rules(decision: Decision) -> list[str]:
    """Return the rules that made the decision, a sentence each, in the order of their weight."""
    said = [_protection(decision)] if decision.permission in _SCOPED else []
    if decision.by:
        return [f"The role {named(decision.by)} allows this.", *said]
    return [*(_obstacle(decision, *each) for each in decision.obstacles), *said]


def _obstacle(decision: Decision, grant: Grant, obstacle: Obstacle) -> str:
    role = f"The role {named(grant)}"
    if obstacle is Obstacle.ROLE:
        return f"{role} does not allow this on any branch."
    if obstacle is Obstacle.PROTECTED:
        return f"{role} does not allow this on protected branches."
    if decision.branch is None:
        return (
            f"{role} is limited to certain branches. Values for All branches affect every branch, "
            "so they need a role without this limit."
        )
    return f"{role} is limited to certain branches, and {decision.branch.name} is not one of them."


def _protection(decision: Decision) -> str:
    if decision.branch is None:
        return (
            "All branches is protected because a branch of this app is."
            if decision.guarded
            else "All branches is not protected because no branch of this app is."
        )
    if decision.guarded:
        return (
            f"{decision.branch.name} is protected: only maintainers and owners can edit or reveal "
            "values."
        )
    return f"{decision.branch.name} is not protected."
