"""A decision of access.py in words: by which rule, and what stood in the way."""

from console.access.policy import Decision, Grant, Obstacle, Permission, named
from console.models import scope_name

ACTS = {
    Permission.VIEW: "see the keys, the variables and the activity",
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
        return [f"The role {named(decision.by)} allows it.", *said]
    return [*(_obstacle(decision, *each) for each in decision.obstacles), *said]


def _obstacle(decision: Decision, grant: Grant, obstacle: Obstacle) -> str:
    role = f"The role {named(grant)}"
    if obstacle is Obstacle.ROLE:
        return f"{role} allows this nowhere."
    if obstacle is Obstacle.PROTECTED:
        return f"{role} does not allow it where protection holds."
    if decision.branch is None:
        return (
            f"{role} is narrowed to branches. What is set for All branches reaches every branch, "
            "so it takes a role that is not narrowed."
        )
    return f"{role} is narrowed, and {decision.branch.name} is not among its branches."


def _protection(decision: Decision) -> str:
    if decision.branch is None:
        return (
            "All branches counts as protected, because a branch of this app is."
            if decision.guarded
            else "No branch of this app is protected, so All branches isn't either."
        )
    if decision.guarded:
        return (
            f"{decision.branch.name} is protected: maintainers and owners alone write and reveal "
            "there."
        )
    return f"{decision.branch.name} is not protected."
