"""Find people who left and know values that can be written again, from the audit trail.

Pages name these people before a write, since the secret no longer counts as rotated afterwards.
"""

from collections.abc import Collection, Mapping, Sequence

from console.access.policy import Access
from console.environment.undo import UndoState
from console.members import known_values
from console.models import Branch, scope_name
from secrets_app.history.undo_plan import Step
from secrets_app.models import BinEntry, Secret
from secrets_app.writes.snapshots import audit_target

People = Sequence[str]  # by email


def of_secrets(access: Access, secrets: Collection[Secret]) -> Mapping[int, People]:
    """Return, by id of the secret, the people who left and know its current value."""
    known = known_values.of_former_members(access, {it.key for it in secrets})
    return {
        it.pk: known[it.key].people_who_know(names_of(access, it.branch), it.version)
        for it in secrets
    }


def of_versions(access: Access, secret: Secret, versions: Collection[int]) -> Mapping[int, People]:
    """Return, by version, the people who left and know that version of the secret."""
    known = known_values.of_former_members(access, {secret.key})[secret.key]
    names = names_of(access, secret.branch)
    return {version: known.people_who_know(names, version) for version in versions}


def of_entries(access: Access, entries: Collection[BinEntry]) -> Mapping[int, People]:
    """Return, by id of the entry in the recycle bin, the people who left and know its value."""
    known = known_values.of_former_members(access, {it.key for it in entries})
    return {it.pk: known[it.key].people_who_know_removed(it.removal_id) for it in entries}


def of_steps(access: Access, steps: Sequence[Step]) -> list[People]:
    """Return, for each step of an undo, the people who left and know the value it brings back."""
    restoring = [step for step in steps if step.version and step.row.state is UndoState.READY]
    found = known_values.of_former_members(access, {step.row.key for step in restoring})
    known = {
        step.row.token: found[step.row.key].people_who_know(
            {scope_name(step.branch), step.row.scope}, step.version, step.since
        )
        for step in restoring
    }
    return [known.get(step.row.token, ()) for step in steps]


def names_of(access: Access, branch: Branch | None) -> set[str]:
    """Return what the audit trail calls the scope."""
    return {scope_name(branch), audit_target(access, branch, "").branch}
