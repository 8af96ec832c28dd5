"""Messages: what the page shows for a row that was not simply saved."""

from collections.abc import Sequence

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.lib.results import Result, RowOutcome
from console.models import scope_name
from envvars_app.models import Variable
from envvars_app.variables.commands import VariableCommand

MAX_SHOWN = 200  # characters of the other person's value
GONE = "This variable has been removed. Add it again if you still need it."
NOT_RESTORABLE = "Its value was deleted for good a moment ago, so it can't be restored."
MOVED = "This variable or its overrides just changed. Review it, then save again."
NO_BIN = (
    "Nothing is removed yet. The recycle bin is turned off, so you can't restore this variable "
    "afterward. Remove it for good?"
)
NO_BRANCH = "This branch no longer exists. Choose another one."
CHOOSE_BRANCH = "Choose a branch for this override."
DATABASE_BUSY = "The database did not answer. Nothing was saved. Save again."
DATABASE_UNKNOWN = (
    "The database did not answer, so it is unknown whether this was saved. Reload the page to see."
)


def conflict(command: VariableCommand, current: Variable) -> RowOutcome:
    """Return a conflict that names who changed the variable, when, and its value now."""
    when = naturaltime(current.changed_at)
    if current.removed_at is not None:
        message = f"{current.changed_by} removed this variable {when}. Add it again if you need it."
        return RowOutcome(command.token, Result.CONFLICT, message)
    verb = "changed" if current.version > 1 else "added"
    value = _quoted(current.value)
    message = f"{current.changed_by} {verb} this variable {when}. It is now {value}."
    return RowOutcome(
        command.token,
        Result.CONFLICT,
        message,
        version=current.version,
        revision=current.pk,
        pk=current.pk,
        theirs=current.value,
    )


def override_conflict(command: VariableCommand, base: Variable, override: Variable) -> RowOutcome:
    """Return a conflict about an override that was to be removed with its base."""
    when = naturaltime(override.changed_at)
    verb = "changed" if override.version > 1 else "added"
    message = (
        f"{override.changed_by} {verb} the override on {scope_name(override.branch)} {when}. It "
        f"is now {_quoted(override.value)}. Review it, then remove it again."
    )
    return RowOutcome(command.token, Result.CONFLICT, message, version=base.version, pk=base.pk)


def _quoted(value: str) -> str:
    if not value:
        return "empty"
    return f"“{value}”" if len(value) <= MAX_SHOWN else f"“{value[:MAX_SHOWN]}…”"


def ask_about_overrides(branches: Sequence[str]) -> str:
    """Return a question about what to do with the overrides of a removed base."""
    names = ", ".join(branches)
    return (
        f"This variable has overrides on: {names}. Choose whether to keep them, for these "
        "branches only, or remove them too."
    )
