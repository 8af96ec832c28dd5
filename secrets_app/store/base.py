"""What every parameter store does: the Protocol, and the types that go in and out."""

import hmac
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Protocol, SupportsIndex


class SecretValue:
    """A secret's value on its way through the code: nothing prints, pickles or formats it.

    Only `reveal()` gives it out; whoever calls that is where a leak would start.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the value itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SecretValue):
            return NotImplemented
        return hmac.compare_digest(
            self._text.encode(errors="surrogatepass"), other._text.encode(errors="surrogatepass")
        )

    __hash__ = None  # type: ignore[assignment]  # a value is no key

    def __repr__(self) -> str:
        return "<SecretValue: hidden>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A secret value can't be pickled or copied.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """What the store holds under a path, without its value. `modified` is aware, in UTC."""

    path: str
    version: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """A parameter with its decrypted value."""

    parameter: Parameter
    value: SecretValue


@dataclass(frozen=True, slots=True)
class Written:
    """What a write answered. `attempts` over 1 means that the client sent it again by itself.

    `at` is when the store answered, by its own clock; None where it did not say.
    """

    version: int
    attempts: int = 1
    at: datetime | None = field(default=None, compare=False)


class ParameterStore(Protocol):
    """AWS SSM Parameter Store, or what stands in for it.

    Every method raises errors of `store.errors` and no others. Each sees to the store's limits
    itself: batches are cut into calls of ten, and names and values that break a rule are
    Rejected before anything is sent.
    """

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield what stands under any of the path prefixes, by metadata alone, page by page."""

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return the parameters that exist among `paths`; asks for no decryption."""

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return the decrypted parameters that exist among `paths`."""

    def put(self, path: str, value: SecretValue, *, overwrite: bool) -> Written:
        """Write a value and return its version.

        Without `overwrite` an existing parameter raises AlreadyExists. Raises OutcomeUnknown
        where the answer was lost.
        """

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters and return the paths that were there. Raises OutcomeUnknown."""

    def shared_transaction(self) -> AbstractContextManager[None]:
        """Return a block whose writes, and what the database is told of them, stand or fall as one
        where the store is in that database. Elsewhere each call stands alone.
        """

    def ping(self) -> None:
        """Return if the store answers and lets the console list; raise otherwise."""
