"""A row that can't be saved is refused before the store is called."""

import uuid

import pytest

from secrets_app.store.base import SecretValue
from secrets_app.writes import save as saving
from secrets_app.writes.commands import DeleteSecret, SetSecret
from tests.factories import create_command, save_secrets, secret_versions
from tests.fixtures.people import World
from tests.fixtures.stores import StoreCalls

pytestmark = pytest.mark.sqlite

X = SecretValue("x")
COMMANDS = {
    "huge id": SetSecret("1", 999_999_999_999_999, value=X, expected_version=1),
    "huge id to remove": DeleteSecret("1", 999_999_999_999_999),
    "id zero": DeleteSecret("1", 0, expected_version=1),
    "huge branch": SetSecret("1", key="A", branch_id=999_999_999, value=X),
    "negative branch": SetSecret("1", key="A", branch_id=-1, value=X),
    "huge version": SetSecret("1", key="A", value=X, expected_version=999_999_999),
    "negative version": SetSecret("1", key="A", value=X, expected_version=-1),
    "no name": SetSecret("1", key="", value=X),
    "NUL in the name": SetSecret("1", key="A\0", value=X),
    "huge name": SetSecret("1", key="A" * 100_000, value=X),
    "no value": SetSecret("1", key="A", value=SecretValue("")),
    "4,097 bytes": SetSecret("1", key="A", value=SecretValue("x" * 4097)),
    "4,098 bytes of three each": SetSecret("1", key="A", value=SecretValue("€" * 1366)),
    "a reference": SetSecret("1", key="A", value=SecretValue("{{ssm:x}}")),
    "lone surrogate": SetSecret("1", key="A", value=SecretValue("\ud800")),
}


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("person", ["alice", "vera"])
def test_it_works(world: World, store_calls: StoreCalls, person: str, name: str) -> None:
    [outcome] = save_secrets(world, COMMANDS[name], by=person)
    assert outcome.outcome in {"refused", "conflict", "denied"}
    assert len(outcome.message) > 10
    assert secret_versions(world) == {}
    assert store_calls("put") == 0


def test_ids_of_another_app(world: World) -> None:
    other = world.other_branch
    saved = saving.save(
        actor=world.actor("oscar"),
        app_id="d2other",
        commands=[create_command("THEIRS", branch=other)],
        change_set=uuid.uuid4(),
    )
    [theirs, new] = save_secrets(
        world,
        SetSecret("1", saved[0].pk, value=SecretValue("x"), expected_version=1),
        create_command("NEW", branch=other),
    )
    assert (theirs.outcome, new.outcome) == ("conflict", "refused")
