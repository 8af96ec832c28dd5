"""Commands on behalf of a person."""

from collections.abc import Callable

import pytest

from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World


@pytest.fixture
def manage_as(world: World, manage: Callable[..., CommandResult]) -> Callable[..., CommandResult]:
    """Return a function that runs a command as alice, or as `by` ("" leaves out --as)."""

    def manage_as(*words: str, stdin: str | bytes = b"", by: str = "alice") -> CommandResult:
        person = ("--as", world.person(by).email) if by else ()
        return manage(*words, *person, stdin=stdin)

    return manage_as
