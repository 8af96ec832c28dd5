"""Translation of Secrets Manager's error codes into our errors, and their sentences."""

from collections.abc import Set

from console.aws import error_codes as common
from secrets_app.store.errors import (
    AccessDenied,
    AlreadyExists,
    KeyUnavailable,
    LimitReached,
    Misconfigured,
    NotFound,
    OutcomeUnknown,
    Rejected,
    StoreError,
    StoreFailed,
    Throttled,
    Unreachable,
)

LABEL = "AWS Secrets Manager"
_CODES: dict[type[StoreError], Set[str]] = {
    AccessDenied: common.ACCESS_DENIED,
    AlreadyExists: {"ResourceExistsException"},
    KeyUnavailable: {"DecryptionFailure", "EncryptionFailure"},
    LimitReached: {"LimitExceededException", "ServiceQuotaExceededException"},
    Misconfigured: common.MISCONFIGURED,
    NotFound: {"ResourceNotFoundException"},
    Rejected: common.REJECTED
    | {"InvalidParameterException", "InvalidRequestException", "PreconditionNotMetException"},
    Throttled: common.THROTTLED,
}
_ERROR_TYPES = {code: error_type for error_type, codes in _CODES.items() for code in codes}

MESSAGES: dict[type[StoreError], str] = {
    AccessDenied: (
        "AWS Secrets Manager denied access to Branchkeep. Ask an operator to grant the "
        "permissions that the page “Self-managed hosting” of the documentation lists."
    ),
    LimitReached: (
        "AWS Secrets Manager has reached one of its limits. Remove secrets that you no longer "
        "need, or ask an operator to raise the limit."
    ),
    Misconfigured: (
        "Branchkeep can't sign in to AWS Secrets Manager. Ask an operator to check its "
        "credentials, region and endpoint."
    ),
    NotFound: "There is no secret with this name in AWS Secrets Manager.",
    OutcomeUnknown: (
        "The response of AWS Secrets Manager was lost, so the outcome of this change is unknown. "
        "Reload the page in a minute to see what is stored."
    ),
    Rejected: (
        "AWS Secrets Manager doesn't allow this now. The secret may be scheduled for deletion or "
        "managed by another service. Reload to see its state."
    ),
    StoreFailed: "AWS Secrets Manager failed. Nothing was changed. Try again in a minute.",
    Throttled: "AWS Secrets Manager is receiving too many requests. Try again in a minute.",
    Unreachable: (
        "AWS Secrets Manager can't be reached. Nothing was changed. Try again in a minute."
    ),
}


def error_for(code: str, status: int) -> StoreError:
    """Return our error for an error code and HTTP status. An unknown code is StoreFailed."""
    error_type = _ERROR_TYPES.get(code, StoreFailed)
    return error_type(code=common.loggable(code, status))
