"""What a parameter store can answer besides what it was asked for.

StoreError
├── Rejected            it breaks a rule, ours (nothing was sent) or SSM's       422
├── Conflict
│   └── AlreadyExists   a creation met a parameter that is there                 422
├── NotFound            the parameter isn't there (any more)                     404
├── Unavailable         the store was asked and did not do it; nothing changed   503
│   ├── AccessDenied    the console's own identity lacks a right
│   ├── KeyUnavailable  the encryption key is disabled, missing or forbidden
│   ├── LimitReached    parameters, versions or size: the store is full
│   ├── Throttled       too many calls, also after the retries
│   ├── Misconfigured   no or bad credentials, region or endpoint
│   ├── Unreachable     no connection, or a read without an answer
│   └── StoreFailed     the store's own fault (a 5xx), or an answer we don't know
├── Unreadable          what is stored doesn't decrypt: a wrong key, or tampering 502
└── OutcomeUnknown      a write whose answer was lost: it may have happened      502

`sentence` is for people: what happened and what to do, and never a value, an ARN or an account.
`code` is for operators and logs: the store's own error code.
"""

from typing import ClassVar


class StoreError(Exception):
    """Base of all; `status` is the HTTP status of a page that ends with it."""

    status: ClassVar[int] = 503
    exit_code: ClassVar[int] = 5  # of a command that ends with it; docs/commands.md has all
    message: str = "The parameter store gave an unexpected response. Try again in a minute."

    def __init__(self, message: str = "", *, code: str = "") -> None:
        self.message = message or type(self).message
        self.code = code or type(self).__name__
        super().__init__(self.message)


class Rejected(StoreError):
    """Input that the store does not take."""

    status = 422
    exit_code = 1
    message = "The parameter store rejected this."


class Conflict(StoreError):
    """The stored parameter is not the one that was expected."""

    status = 422
    exit_code = 3
    message = "This secret has changed."


class AlreadyExists(Conflict):
    """A creation met a parameter that is there."""

    message = "A secret with this name already exists. Reload to see it."


class NotFound(StoreError):
    """The parameter isn't there."""

    status = 404
    exit_code = 4
    message = "This secret is no longer in the parameter store. It was removed outside Branchkeep."


class Unavailable(StoreError):
    """The store was asked and did not do it."""


class AccessDenied(Unavailable):
    """The console's own identity lacks a right."""

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
    """The store is full."""

    message = (
        "The parameter store has reached one of its limits. Remove secrets that you no longer "
        "need, or ask an operator to raise the limit."
    )


class Throttled(Unavailable):
    """Too many calls."""

    message = "The parameter store is receiving too many requests. Try again in a minute."


class Misconfigured(Unavailable):
    """No or bad credentials, region or endpoint."""

    message = (
        "Branchkeep can't sign in to the parameter store. Ask an operator to check its "
        "credentials, region and endpoint."
    )


class Unreachable(Unavailable):
    """No connection, or a read without an answer."""

    message = "The parameter store can't be reached. Nothing was changed. Try again in a minute."


class StoreFailed(Unavailable):
    """The store's own fault."""

    message = "The parameter store failed. Nothing was changed. Try again in a minute."


class Unreadable(StoreError):
    """What is stored doesn't decrypt."""

    status = 502
    message = (
        "This secret can't be decrypted: its key is missing, or the stored value was altered. "
        "Ask an operator to check ENCRYPTION_KEYS."
    )


class OutcomeUnknown(StoreError):
    """A write whose answer was lost."""

    status = 502
    message = (
        "The parameter store's response was lost, so the outcome of this change is unknown. The "
        "next check against the store settles it."
    )
