"""The errors of parameter stores.

StoreError
├── Rejected            input that breaks our rules (nothing was sent) or SSM's  422
├── Conflict
│   └── AlreadyExists   a creation found an existing parameter                   422
├── NotFound            the parameter doesn't exist, or no longer                404
├── Unavailable         the store didn't do it, and nothing changed              503
│   ├── AccessDenied    Branchkeep's identity lacks a permission
│   ├── KeyUnavailable  the encryption key is disabled, missing or denied
│   ├── LimitReached    too many parameters or versions
│   ├── Throttled       too many calls, even after retries
│   ├── Misconfigured   missing or wrong credentials, region or endpoint
│   ├── Unreachable     no connection, or a read without a response
│   └── StoreFailed     a failure of the store (5xx), or an unknown response
├── Unreadable          the stored value doesn't decrypt: wrong key or tampering 502
└── OutcomeUnknown      the response to a write was lost, so it may have happened 502

`message` is for users: what happened and what to do. It never holds a value, an ARN or an account.
`code` is for operators and logs: the store's own error code.
"""

from console.lib.service_calls import ServiceError


class StoreError(ServiceError):
    """Base class."""

    service = "The parameter store"
    message = "The parameter store gave an unexpected response. Try again in a minute."


class Rejected(StoreError):
    """The store, or our own check, rejects the input."""

    status = 422
    exit_code = 1
    message = "The parameter store rejected this."


class Conflict(StoreError):
    """The stored parameter is not at the expected version and revision."""

    status = 422
    exit_code = 3
    message = "This secret has changed."


class AlreadyExists(Conflict):
    """A creation found an existing parameter."""

    message = "A secret with this name already exists. Reload to see it."


class NotFound(StoreError):
    """The parameter doesn't exist."""

    status = 404
    exit_code = 4
    message = "This secret is no longer in the parameter store. It was removed outside Branchkeep."


class Unavailable(StoreError):
    """The store didn't do it, and nothing changed."""


class AccessDenied(Unavailable):
    """Branchkeep's identity lacks a permission."""

    message = (
        "The parameter store denied access to Branchkeep. Ask an operator to grant the missing "
        "SSM or KMS permission."
    )


class KeyUnavailable(Unavailable):
    """The encryption key can't be used."""

    message = (
        "The key that encrypts the secrets can't be used: it is disabled, missing or access to "
        "it is denied. Ask an operator to check it in KMS."
    )


class LimitReached(Unavailable):
    """The store has too many parameters or versions."""

    message = (
        "The parameter store has reached one of its limits. Remove secrets that you no longer "
        "need, or ask an operator to raise the limit."
    )


class Throttled(Unavailable):
    """Too many calls."""

    message = "The parameter store is receiving too many requests. Try again in a minute."


class Misconfigured(Unavailable):
    """Credentials, region or endpoint are missing or wrong."""

    message = (
        "Branchkeep can't sign in to the parameter store. Ask an operator to check its "
        "credentials, region and endpoint."
    )


class Unreachable(Unavailable):
    """There is no connection, or a read got no response."""

    message = "The parameter store can't be reached. Nothing was changed. Try again in a minute."


class StoreFailed(Unavailable):
    """The store failed, or gave an unknown response."""

    message = "The parameter store failed. Nothing was changed. Try again in a minute."


class Unreadable(StoreError):
    """The stored value doesn't decrypt."""

    status = 502
    message = (
        "This secret can't be decrypted: its key is missing, or the stored value was altered. "
        "Ask an operator to check ENCRYPTION_KEYS."
    )


class OutcomeUnknown(StoreError):
    """The response to a write was lost, so it may have happened."""

    status = 502
    message = (
        "The parameter store's response was lost, so the outcome of this change is unknown. "
        "Branchkeep checks it in about a minute, when no late request can arrive anymore."
    )
