"""The errors of Amplify.

AmplifyError
├── Rejected            input that breaks our rules (nothing was sent) or Amplify's  422
├── NotFound            the app, branch or job doesn't exist, or no longer           404
├── LimitReached        one job is running already, or the account is full           422
├── Unavailable         Amplify didn't do it, and nothing changed                    503
│   ├── AccessDenied    Branchkeep's identity lacks a permission
│   ├── Throttled       too many calls, even after retries
│   ├── Misconfigured   missing or wrong credentials, region or endpoint
│   ├── Unreachable     no connection, or a read without a response
│   └── AmplifyFailed   a failure of Amplify (5xx), or an unknown response
└── OutcomeUnknown      the response to a write was lost, so it may have happened    502

`message` is for users: what happened and what to do. It never holds a value, an ARN or an account.
`code` is for operators and logs: Amplify's own error code.
"""

from console.lib.service_calls import ServiceError


class AmplifyError(ServiceError):
    """Base class."""

    service = "Amplify"
    message = "Amplify gave an unexpected response. Try again in a minute."


class Rejected(AmplifyError):
    """Amplify, or our own check, rejects the input."""

    status = 422
    exit_code = 1
    message = "Amplify rejected this."


class NotFound(AmplifyError):
    """The app, branch or job doesn't exist."""

    status = 404
    exit_code = 4
    message = "Amplify no longer has this. It was deleted outside Branchkeep."


class LimitReached(AmplifyError):
    """A job is running already, or the account has reached a limit."""

    status = 422
    exit_code = 3
    message = "Amplify has reached a limit. If a deployment is running, wait until it has ended."


class Unavailable(AmplifyError):
    """Amplify didn't do it, and nothing changed."""


class AccessDenied(Unavailable):
    """Branchkeep's identity lacks a permission."""

    message = (
        "Amplify denied access to Branchkeep. Ask an operator to grant the missing Amplify "
        "permission."
    )


class Throttled(Unavailable):
    """Too many calls."""

    message = "Amplify is receiving too many requests. Try again in a minute."


class Misconfigured(Unavailable):
    """Credentials, region or endpoint are missing or wrong."""

    message = (
        "Branchkeep can't sign in to Amplify. Ask an operator to check its credentials, region "
        "and endpoint."
    )


class Unreachable(Unavailable):
    """There is no connection, or a read got no response."""

    message = "Amplify can't be reached. Nothing was changed there. Try again in a minute."


class AmplifyFailed(Unavailable):
    """Amplify failed, or gave an unknown response."""

    message = "Amplify failed. Nothing was changed there. Try again in a minute."


class OutcomeUnknown(AmplifyError):
    """The response to a write was lost, so it may have happened."""

    status = 502
    message = (
        "Amplify's response was lost, so the outcome of this change is unknown. Branchkeep reads "
        "what Amplify holds before it tries again."
    )
