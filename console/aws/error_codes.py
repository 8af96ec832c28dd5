"""Error codes that every AWS service can return."""

import re

ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "NotAuthorized", "403"})
MISCONFIGURED = frozenset(
    {
        "401",
        "404",
        "AuthFailure",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignature",
        "InvalidSignatureException",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "OptInRequired",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "UnknownOperationException",
        "UnrecognizedClient",
        "UnrecognizedClientException",
    }
)
REJECTED = frozenset({"ValidationError", "ValidationException"})
THROTTLED = frozenset(
    {
        "429",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_PLAIN = re.compile(r"[A-Za-z0-9._-]{1,64}\Z")


def loggable(code: str, status: int) -> str:
    """Return the code for a log, or the HTTP status for a code that isn't a plain word."""
    return code if _PLAIN.match(code) else f"HTTP{status}"
