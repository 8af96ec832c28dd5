"""Act in a child process that kills itself at a step, such as a call to the store.

A step is the start or end of a call. An SQL statement is one too, unless it only reads, and except
when the store is SSM: there, statements add nothing, because a transaction that is cut short leaves
what the call before it left. So the tests meet every state that a killed process can leave behind,
and timing doesn't matter.
"""

import gc
import os
import signal
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import count
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections

from console.amplify.client import Amplify
from secrets_app.hosting import places
from secrets_app.store import parameter_store
from secrets_app.store.aws_calls import AwsCalls
from secrets_app.store.base import ParameterStore
from secrets_app.store.secrets_manager.client import SecretsManager
from tests.fixtures.moto import REGION
from tests.fixtures.stores import InterruptedStore, use_store

ReachStep = Callable[[], None]


def make_database() -> None:
    """Create a database for this process, or use the tables that `findings_of` has copied.

    It disappears with its folder or its server.
    """
    name = f"killed_{os.getpid()}"
    if connection.vendor == "sqlite":
        name = f"{os.environ['TESTS_FOLDER']}/killed.sqlite3"
    connection.settings_dict["TEST"]["NAME"] = name
    connection.creation.create_test_db(verbosity=0, keepdb=True)
    gc.collect()
    gc.freeze()  # children would touch, and so copy, every object


def survives(act: Callable[[], object], step: int) -> bool:
    """Act with the store, killed at the step; return True if the act ended before."""
    store = _spare_store()

    def act_in_steps(reach_step: ReachStep) -> None:
        class SteppingStore(InterruptedStore):
            def shared_transaction(self) -> Any:
                return store.shared_transaction()

            def _reach(self, when: str, operation: str) -> None:
                reach_step()

        on_ssm = settings.PARAMETER_STORE == "ssm"
        statements = nullcontext() if on_ssm else _stepping_statements(reach_step)
        with pytest.MonkeyPatch.context() as patch, statements:
            use_store(SteppingStore(store), patch)
            act()

    return _survives(act_in_steps, step)


@cache
def _spare_store() -> ParameterStore:
    """Return a store without an open connection, so that no child has to build its own."""
    return parameter_store.__wrapped__()


def survives_with_amplify(act: Callable[[Any], object], step: int) -> bool:
    """Act with an AmplifyService, killed at the step; return True if the act ended before."""
    service = _spare_amplify()

    def act_in_steps(reach_step: ReachStep) -> None:
        with _stepping_statements(reach_step):
            act(_SteppingService(service, reach_step))

    return _survives(act_in_steps, step)


def survives_with_aws(act: Callable[[], object], step: int) -> bool:
    """Act, killed after one of its calls to AWS; return True if it ended before."""
    stores = _spare_store(), _spare_hosting_store()

    def act_in_steps(reach_step: ReachStep) -> None:
        real = AwsCalls.send

        def send(*arguments: Any, **options: Any) -> Any:
            result = real(*arguments, **options)
            reach_step()
            return result

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(places, "parameter_store", lambda: stores[0])
            patch.setattr(places, "hosting_secret_store", lambda: stores[1])
            patch.setattr(AwsCalls, "send", send)
            act()

    return _survives(act_in_steps, step)


@cache
def _spare_hosting_store() -> SecretsManager:
    """Return a store of hosting secrets without an open connection, for the same reason."""
    return SecretsManager(REGION)


@cache
def _spare_amplify() -> Amplify:
    """Return a client without an open connection, so that no child has to build its own."""
    return Amplify(REGION)


class _SteppingService:
    """Reaches a step before and after each call to Amplify."""

    def __init__(self, service: Any, reach_step: ReachStep) -> None:
        self._service, self._reach_step = service, reach_step

    def __getattr__(self, name: str) -> Any:
        """Return the method, with a step on either side."""
        method = getattr(self._service, name)

        def call(*arguments: Any, **options: Any) -> Any:
            self._reach_step()
            result = method(*arguments, **options)
            self._reach_step()
            return result

        return call


def _stepping_statements(reach_step: ReachStep) -> AbstractContextManager[None]:
    """Reach a step after each SQL statement that can change something."""

    def run(execute: Any, sql: str, *arguments: Any) -> Any:
        result = execute(sql, *arguments)
        if not sql.startswith("SELECT"):  # killed before or after it leaves the same
            reach_step()
        return result

    return connection.execute_wrapper(run)


def _survives(act: Callable[[ReachStep], object], step: int) -> bool:
    """Act in a child that kills itself at the step; return True if it ended before."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        try:
            _act_and_die(act, step)
            os._exit(0)
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, "The act failed."
    return True


def _act_and_die(act: Callable[[ReachStep], object], step: int) -> None:
    steps = count(1)

    def reach_step() -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    act(reach_step)
