"""Translation of Amplify's error codes into our errors."""

from collections.abc import Set

from console.amplify.errors import (
    AccessDenied,
    AmplifyError,
    AmplifyFailed,
    LimitReached,
    Misconfigured,
    NotFound,
    Rejected,
    Throttled,
)
from console.aws import error_codes as common

_CODES: dict[type[AmplifyError], Set[str]] = {
    # Amplify's own word for a missing permission. Wrong credentials have common codes.
    AccessDenied: common.ACCESS_DENIED | {"UnauthorizedException"},
    LimitReached: frozenset({"LimitExceededException", "ServiceQuotaExceededException"}),
    Misconfigured: common.MISCONFIGURED,
    NotFound: frozenset({"NotFoundException", "ResourceNotFoundException"}),
    Rejected: common.REJECTED | {"BadRequestException"},
    Throttled: common.THROTTLED,
}
_ERROR_TYPES = {code: error_type for error_type, codes in _CODES.items() for code in codes}


def error_for(code: str, status: int) -> AmplifyError:
    """Return our error for an error code and HTTP status. An unknown code is AmplifyFailed."""
    error_type = _ERROR_TYPES.get(code, AmplifyFailed)
    return error_type(code=common.loggable(code, status))


def is_throttle(code: str, status: int) -> bool:
    """Return True if Amplify throttled a request, so that it was not carried out."""
    return isinstance(error_for(code, status), Throttled)
