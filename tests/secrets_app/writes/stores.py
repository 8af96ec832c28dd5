"""Parameter stores that do what a real one may do at the wrong moment."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import TypeVar

import pytest

from secrets_app import reveal, sync
from secrets_app.store.base import Parameter, ParameterStore, Reading, SecretValue, Written
from secrets_app.store.errors import AccessDenied, OutcomeUnknown
from secrets_app.writes import mirror, save

Then = Callable[[], object]
T = TypeVar("T")


class Killed(BaseException):
    """The process ends here: nothing after the store's call is run any more."""


def lost() -> None:
    """Lose the store's answer."""
    raise OutcomeUnknown(code="ReadTimeoutError")


def killed() -> None:
    """Kill the process."""
    raise Killed


def denied() -> None:
    """Let the store refuse."""
    raise AccessDenied


def put_before(store: ParameterStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the services meet this store."""
    for module in (save, mirror, reveal, sync):
        monkeypatch.setattr(module, "parameter_store", lambda: store)


class Interrupted:
    """A ParameterStore before another: something else happens just before or after a call.

    Each interruption comes once, at the next call of its operation, and may use the store itself.
    """

    def __init__(self, store: ParameterStore) -> None:
        self._store = store
        self._planned: list[tuple[str, str, Then]] = []

    def before(self, operation: str, then: Then) -> None:
        """Let `then` happen before the next call of the operation reaches the store."""
        self._planned.append(("before", operation, then))

    def after(self, operation: str, then: Then) -> None:
        """Let `then` happen when the next call of the operation is done and not yet answered."""
        self._planned.append(("after", operation, then))

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Return an iterator over what was there when it was asked for."""
        return iter(self._call("list", lambda: [*self._store.list(prefixes)]))

    def current(self, paths: Iterable[str]) -> dict[str, Parameter]:
        """Pass it on."""
        return self._call("current", lambda: self._store.current(paths))

    def read(self, paths: Iterable[str]) -> dict[str, Reading]:
        """Pass it on."""
        return self._call("read", lambda: self._store.read(paths))

    def put(self, path: str, value: SecretValue, *, overwrite: bool) -> Written:
        """Pass it on."""
        return self._call("put", lambda: self._store.put(path, value, overwrite=overwrite))

    def remove(self, paths: Iterable[str]) -> set[str]:
        """Pass it on."""
        return self._call("remove", lambda: self._store.remove(paths))

    def shared_transaction(self) -> AbstractContextManager[None]:
        """Return a block that does nothing, as AWS's: each call stands alone."""
        return nullcontext()

    def ping(self) -> None:
        """Pass it on."""
        self._call("ping", self._store.ping)

    def _call(self, operation: str, call: Callable[[], T]) -> T:
        self._happens("before", operation)
        answer = call()
        self._happens("after", operation)
        return answer

    def _happens(self, when: str, operation: str) -> None:
        for planned in [*self._planned]:
            if planned[:2] == (when, operation):
                self._planned.remove(planned)
                planned[2]()
                return


class Lagging(Interrupted):
    """A ParameterStore whose listing shows how things stood when `freeze` was called."""

    _frozen: tuple[Parameter, ...] | None = None

    def freeze(self) -> None:
        """Let the listing lag behind from here on."""
        self._frozen = tuple(self._store.list(["/amplify"]))

    def age_listing(self, by: timedelta, version: int | None = None) -> None:
        """Let it be of parameters that were written earlier, and of another version."""
        self._frozen = tuple(
            Parameter(it.path, version or it.version, it.modified - by) for it in self._frozen or ()
        )

    def thaw(self) -> None:
        """Let it catch up."""
        self._frozen = None

    def list(self, prefixes: Iterable[str]) -> Iterator[Parameter]:
        """Return an iterator over what was there when the time stood still."""
        if self._frozen is None:
            return super().list(prefixes)
        folders = tuple(f"{prefix}/" for prefix in prefixes)
        return (found for found in self._frozen if found.path.startswith(folders))
