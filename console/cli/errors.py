"""How a command reports an error: a sentence that repeats nothing typed, and an exit code."""

from collections.abc import Collection

from django.core.exceptions import ImproperlyConfigured, PermissionDenied, ValidationError
from django.core.management.base import CommandError
from django.db import DatabaseError
from django.http import Http404

from console.backup.errors import BackupError
from console.cli.terminal import Exit
from console.lib.results import DONE, Result, RowOutcome
from console.lib.service_calls import ServiceError

EXITS = {
    Result.CONFLICT: Exit.CONFLICT,
    Result.REFUSED: Exit.REFUSED,
    Result.DENIED: Exit.DENIED,
    Result.UNKNOWN: Exit.STORE,
    Result.FAILED: Exit.STORE,
    Result.HELD: Exit.CONFLICT,
    Result.NOT_TRIED: Exit.STORE,
}
NO_APP = "This app does not exist, or you are not a member of it."
DATABASE = (
    "Branchkeep's database did not answer, or its tables have not been created. Check "
    "DATABASE_URL and start Branchkeep once."
)
UNEXPECTED = (
    "Unexpected error ({}). The app's activity shows what was done. Run again with --traceback "
    "for details."
)


def to_command_error(error: Exception) -> CommandError | None:
    """Return what to report for an error, or None if it is unexpected."""
    match error:
        case CommandError():
            return error
        case Http404():
            return CommandError(NO_APP, returncode=Exit.DENIED)
        case PermissionDenied():
            return CommandError(str(error), returncode=Exit.DENIED)
        case ValidationError():
            return CommandError(" ".join(error.messages), returncode=Exit.REFUSED)
        case ImproperlyConfigured():
            return CommandError(str(error), returncode=Exit.STORE)
        case BackupError():
            return CommandError(error.message, returncode=Exit.REFUSED)
        case DatabaseError():
            return CommandError(DATABASE, returncode=Exit.STORE)
        case ServiceError():
            return CommandError(error.message, returncode=error.exit_code)
    return None


def require_all_done(outcomes: Collection[RowOutcome], done: str) -> None:
    """Raise CommandError unless all rows were saved. `done` says what was done, in the past."""
    failed = [it for it in outcomes if it.outcome not in DONE]
    if failed:
        raise CommandError(
            f"{done} {len(outcomes) - len(failed)} of {len(outcomes)} values.",
            returncode=EXITS[failed[0].outcome],
        )


def require_done(outcome: RowOutcome) -> None:
    """Raise CommandError unless the row was saved."""
    if outcome.outcome not in DONE:
        raise CommandError(outcome.message, returncode=EXITS[outcome.outcome])
