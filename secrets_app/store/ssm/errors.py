"""Translation of SSM's error codes into our errors."""

from collections.abc import Set

from console.aws import error_codes as common
from secrets_app.store.errors import (
    AccessDenied,
    AlreadyExists,
    KeyUnavailable,
    LimitReached,
    Misconfigured,
    NotFound,
    Rejected,
    StoreError,
    StoreFailed,
    Throttled,
)

_CODES: dict[type[StoreError], Set[str]] = {
    AccessDenied: common.ACCESS_DENIED,
    AlreadyExists: {"ParameterAlreadyExists"},
    KeyUnavailable: {
        "DisabledException",
        "IncorrectKeyException",
        "InvalidCiphertextException",
        "InvalidKeyId",
        "InvalidKeyUsageException",
        "KeyUnavailableException",
    },
    LimitReached: {
        "LimitExceededException",
        "ParameterLimitExceeded",
        "ParameterMaxVersionLimitExceeded",
        "PoliciesLimitExceededException",
        "ServiceQuotaExceededException",
    },
    Misconfigured: common.MISCONFIGURED,
    NotFound: {"ParameterNotFound", "ParameterVersionNotFound"},
    Rejected: common.REJECTED
    | {
        "HierarchyLevelLimitExceededException",
        "HierarchyTypeMismatchException",
        "IncompatiblePolicyException",
        "InvalidAllowedPatternException",
        "InvalidPolicyAttributeException",
        "InvalidPolicyTypeException",
        "ParameterPatternMismatchException",
        "UnsupportedParameterType",
    },
    Throttled: common.THROTTLED | {"TooManyUpdates"},
}
_ERROR_TYPES = {code: error_type for error_type, codes in _CODES.items() for code in codes}

_OTHER_TYPE = (
    "This path holds a parameter of another type, created outside Branchkeep, and Parameter "
    "Store can't change a type. Remove it, then create the secret."
)
_MESSAGES = {
    "HierarchyLevelLimitExceededException": (
        "Parameter paths can have at most 15 levels. Use a shorter name."
    ),
    "HierarchyTypeMismatchException": _OTHER_TYPE,
    "UnsupportedParameterType": _OTHER_TYPE,
    "ParameterPatternMismatchException": (
        "The value doesn't match this parameter's allowed pattern, which was set outside "
        "Branchkeep. Enter a matching value, or ask an operator to remove the pattern."
    ),
    "ParameterMaxVersionLimitExceeded": (
        "This parameter has 100 versions and Parameter Store can't delete the oldest one because "
        "it has a label. Ask an operator to move the label."
    ),
    "ValidationException": "The parameter store rejected this name or value. Change it.",
}


def error_for(code: str, status: int) -> StoreError:
    """Return our error for SSM's error code and HTTP status. An unknown code is StoreFailed."""
    error_type = _ERROR_TYPES.get(code) or _kms_error(code) or StoreFailed
    return error_type(_MESSAGES.get(code, ""), code=common.loggable(code, status))


def _kms_error(code: str) -> type[StoreError] | None:
    # SSM passes on errors of KMS, such as KMSAccessDeniedException and KMS.DisabledException.
    if not code.startswith("KMS"):
        return None
    if "Throttl" in code:
        return Throttled
    return StoreFailed if "Internal" in code else KeyUnavailable
