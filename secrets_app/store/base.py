"""The ParameterStore protocol and its types."""

import hmac
from collections.abc import Iterable, Iterator, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn, Protocol, SupportsIndex

# A parameter's path, version and modification time as the database's text, with spaces between
Stamp = str


class SecretValue:
    """Carries a secret's value through the code. Printing, formatting and pickling reveal nothing.

    Only `reveal()` returns the value, so its callers are the places to review for leaks.
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
        # Constant time. surrogatepass, because validation may not have rejected the text yet.
        return hmac.compare_digest(
            self._text.encode(errors="surrogatepass"), other._text.encode(errors="surrogatepass")
        )

    __hash__ = None  # type: ignore[assignment]  # keeps values out of sets and dict keys

    def __repr__(self) -> str:
        return "<SecretValue: hidden>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("A secret value can't be pickled or copied.")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's metadata. `modified` is the store's own time, in UTC.

    `encrypted` is False for a String, which somebody wrote to the place of a secret. Only a listing
    or a history says more: `modified_by` is AWS's ARN of who wrote this version, `key_id` the KMS
    key that encrypts it, "" for the default one, and `advanced` is True in SSM's Advanced tier. All
    are None where the store was asked by name, and in the embedded store.
    """

    path: str
    version: int
    modified: datetime
    encrypted: bool = True
    modified_by: str | None = field(default=None, compare=False)
    key_id: str | None = field(default=None, compare=False)
    advanced: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Reading:
    """A parameter with its decrypted value."""

    parameter: Parameter
    value: SecretValue


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """One of the versions of a parameter that the store keeps, and its labels."""

    parameter: Parameter
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The response to a write. `attempts` counts requests, including the client's own retries.

    `at` is the store's time of the response, or None if it is unknown. `may_repeat` is True if the
    response of an earlier attempt was lost, so that its request may still arrive.
    """

    version: int
    attempts: int = 1
    at: datetime | None = field(default=None, compare=False)
    may_repeat: bool = field(default=False, compare=False)


class ParameterStore(Protocol):
    """AWS SSM Parameter Store, or a store that behaves like it.

    The methods raise errors of `store.errors` only. They enforce SSM's limits themselves: they
    split batches into calls of ten, and raise Rejected for invalid names and values before a call.
    """

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Yield the parameters under any of the path prefixes, page by page. Decrypts nothing.

        Rejected is raised by the call itself, not by the first step of the iterator.
        """

    def pages(self, prefixes: Iterable[str]) -> Iterator[Sequence[Parameter]]:
        """Yield the same as `list`, one page after the other. Each page is a call."""

    def stamps(self, prefixes: Iterable[str]) -> Set[Stamp] | None:
        """Return the stamps of the parameters under any of the path prefixes, in one query.

        None if the store is not in the database: then only `pages` can tell.
        """

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Return those of `paths` that exist, by path. Decrypts nothing."""

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Return those of `paths` that exist, decrypted, by path."""

    def versions(self, path: str) -> Sequence[KeptVersion]:
        """Return the versions that are kept, newest first. Decrypts nothing.

        Empty if there is no parameter.
        """

    def read_version(self, path: str, version: int) -> Reading | None:
        """Return one version, decrypted, or None if it isn't kept."""

    def put(
        self,
        path: str,
        value: SecretValue,
        *,
        overwrite: bool,
        key_id: str = "",
        advanced: bool = False,
        encrypted: bool = True,
    ) -> Written:
        """Write a value and return its version. `key_id` names a KMS key, "" the default one.

        `advanced` asks for SSM's Advanced tier. Without it, the store decides. Unless `encrypted`,
        SSM gets a String. Raises AlreadyExists without `overwrite`, and OutcomeUnknown if the
        response was lost.
        """

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Remove parameters. Return the paths that existed.

        Raises OutcomeUnknown if a response was lost, even if a retry was answered: the first
        request may still arrive, and then removes what was created since.
        """

    def shared_transaction(self) -> AbstractContextManager[bool]:
        """Return a context manager that joins writes to the store with writes to the database.

        It is a transaction if the store is in that database, and gives True. Otherwise it does
        nothing and gives False.
        """

    def ping(self) -> None:
        """Raise unless the store answers and permits listing."""
