"""What people are told of a variable that was not simply saved."""

from collections.abc import Sequence

from django.contrib.humanize.templatetags.humanize import naturaltime

from console.lib.results import Result, RowOutcome
from console.models import scope_name
from envvars_app.models import Variable
from envvars_app.variables.commands import Change

SHOWN = 200  # characters of somebody else's value
GONE = "This variable was removed meanwhile. Add it anew if you still need it."
MOVED = "This variable or its overrides changed at this very moment. Look again, then save."
NO_BRANCH = "This app has no such branch any more. Choose another."
DATABASE_BUSY = "The console's database did not answer. Nothing was written. Save again."
DATABASE_UNKNOWN = (
    "The console's database did not answer, so it can't tell whether this is saved. "
    "Reload the page to see."
)


def conflict(change: Change, there: Variable) -> RowOutcome:
    """Say who changed the variable meanwhile, when, and to what."""
    when = naturaltime(there.changed_at)
    if there.removed_at is not None:
        message = f"{there.changed_by} removed this variable {when}. Add it anew if you need it."
        return RowOutcome(change.token, Result.CONFLICT, message)
    verb = "changed" if there.version > 1 else "added"
    message = f"{there.changed_by} {verb} this variable {when}. It is {_shown(there.value)} now."
    return RowOutcome(
        change.token,
        Result.CONFLICT,
        message,
        version=there.version,
        life=there.pk,
        pk=there.pk,
        theirs=there.value,
    )


def override_moved(change: Change, base: Variable, override: Variable) -> RowOutcome:
    """Say who changed an override that was to go with its base."""
    when = naturaltime(override.changed_at)
    verb = "changed" if override.version > 1 else "added"
    message = (
        f"{override.changed_by} {verb} the override on {scope_name(override.branch)} {when}. "
        f"It is {_shown(override.value)} now. Look again, then remove."
    )
    return RowOutcome(change.token, Result.CONFLICT, message, version=base.version, pk=base.pk)


def _shown(value: str) -> str:
    if not value:
        return "empty"
    return f"“{value}”" if len(value) <= SHOWN else f"“{value[:SHOWN]}…”"


def overrides_remain(branches: Sequence[str]) -> str:
    """Ask what becomes of the overrides of a base that goes."""
    names = ", ".join(branches)
    return (
        f"It has overrides on: {names}. Say whether they stay, as variables of these branches "
        "alone, or go too."
    )
