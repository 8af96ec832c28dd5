"""Explain an access decision in words: the rule that applied, or what prevented it."""

from console.access.policy import Access, Decision, Grant, Obstacle, Permission, describe_grant
from console.models import Branch, scope_name

ACTS = {
    Permission.VIEW: "view keys, variables and activity",
    Permission.WRITE: "add, change and remove secrets and variables",
    Permission.REVEAL: "reveal secrets",
    Permission.MANAGE: "change the app's settings, branches and members",
}
_SCOPED = {Permission.WRITE, Permission.REVEAL}


def question(decision: Decision) -> str:
    """Return the act that was decided on, for example "reveal secrets on main"."""
    act = ACTS[decision.permission]
    return f"{act} on {scope_name(decision.branch)}" if decision.permission in _SCOPED else act


def rules(decision: Decision) -> list[str]:
    """Return the rules behind the decision, one sentence each, the most important first."""
    protection = [_explain_protection(decision)] if decision.permission in _SCOPED else []
    if decision.branch and decision.shared_with:
        protection.append(
            f"{decision.branch.name} and {decision.shared_with.name} share their parameters, so "
            "the stricter rules apply to both."
        )
    if decision.granted_by:
        return [f"The role {describe_grant(decision.granted_by)} allows this.", *protection]
    return [*(_explain_obstacle(decision, *each) for each in decision.obstacles), *protection]


def why_locked(access: Access, branch: Branch | None) -> str:
    """Return why a scope's values can't be changed or revealed, and whom to ask; "" if they can.

    `branch` None is All branches.
    """
    decision = access.decide(Permission.WRITE, branch)
    if decision.allowed:
        return ""
    obstacles = {obstacle for _, obstacle in decision.obstacles}
    name = scope_name(decision.shared_with or branch)
    if Obstacle.PROTECTED in obstacles:
        reason = f"{name} is protected"
    elif Obstacle.BRANCHES in obstacles:
        reason = f"Your role does not cover {name}"
    else:
        reason = "Your role is read-only"
    if decision.shared_with:
        reason += ", and this branch shares its parameters"
    return f"{reason}. Ask {_whom_to_ask(access)}."


def _whom_to_ask(access: Access) -> str:
    """Return the app's owners, who can give a role or do it themselves, in words."""
    if len(access.owners) in {1, 2}:
        return " or ".join(access.owners)
    return "an owner of the app"


def _explain_obstacle(decision: Decision, grant: Grant, obstacle: Obstacle) -> str:
    role = f"The role {describe_grant(grant)}"
    if obstacle is Obstacle.ROLE:
        return f"{role} does not allow this on any branch."
    if obstacle is Obstacle.PROTECTED:
        return f"{role} does not allow this on protected branches."
    if decision.branch is None:
        return (
            f"{role} is limited to certain branches. Values for All branches affect every branch, "
            "so they need a role without this limit."
        )
    branch = decision.shared_with or decision.branch
    return f"{role} is limited to certain branches, and {branch.name} is not one of them."


def _explain_protection(decision: Decision) -> str:
    if decision.branch is None:
        return (
            "All branches is protected because a branch of this app is."
            if decision.is_protected
            else "All branches is not protected because no branch of this app is."
        )
    branch = decision.shared_with or decision.branch
    if decision.is_protected:
        return f"{branch.name} is protected: only maintainers and owners can edit or reveal values."
    return f"{branch.name} is not protected."
