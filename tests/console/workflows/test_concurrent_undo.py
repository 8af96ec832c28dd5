"""Undo, restoring, deleting and saving at the very same time lose no value (guarantees 12, 51)."""

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier
from typing import Any

import pytest
from django.db import connections
from django.utils import timezone

from console.lib.results import RowOutcome
from console.lib.service_calls import ServiceError
from console.models import AuditEvent
from console.workflows import branch_removal, change_sets
from console.workflows.undoing import undo
from secrets_app.history import bin_actions
from secrets_app.models import BinEntry, BinState, Secret
from secrets_app.recycle_bin import path_of
from secrets_app.store import parameter_store
from secrets_app.sync import bin_upkeep
from tests.factories import (
    access_of,
    delete_command,
    delete_secret,
    save_secrets,
    secret_row,
    set_command,
    set_secret,
    stored_values,
)
from tests.fixtures.people import World

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("interrupted"),  # a store outside of the database's transactions
]
KEY, ROUNDS = "API_KEY", 3
Task = Callable[[World], Callable[[], Any]]


def undoing(by: str) -> Task:
    """Return a task that undoes the newest change set."""

    def prepare(world: World) -> Callable[[], list[RowOutcome]]:
        newest = AuditEvent.objects.exclude(change_set=None).latest("pk").change_set
        assert newest is not None
        return partial(undo_all, world, newest, by)

    return prepare


def undo_all(world: World, pk: uuid.UUID, by: str) -> list[RowOutcome]:
    access = access_of(world, by)
    tokens = [it.undo.token for it in change_sets.find(access, pk).changes if it.undo]
    return undo(access, pk, tokens, uuid.uuid4(), may_go_on=lambda: True)


def saving(world: World) -> Callable[[], Any]:
    command = set_command(secret_row(world, KEY, world.dev), "three")
    return partial(save_secrets, world, command, by="mia")


def removing(world: World) -> Callable[[], Any]:
    command = delete_command(secret_row(world, KEY, world.dev))
    return partial(save_secrets, world, command, by="mia")


def restoring(world: World) -> Callable[[], Any]:
    entry, access = BinEntry.objects.get(), access_of(world, "mia")
    return partial(bin_actions.restore, access, entry, uuid.uuid4(), to=world.dev)


def deleting(world: World) -> Callable[[], Any]:
    return partial(bin_actions.delete, access_of(world, "alice"), BinEntry.objects.get())


def purging(world: World) -> Callable[[], Any]:
    BinEntry.objects.update(expires_at=timezone.now())
    return bin_upkeep.finish_due


def deleting_branch(world: World) -> Callable[[], Any]:
    access = access_of(world, "alice")
    values = [it for group in branch_removal.own_values(access, world.dev) for it in group.values]
    tokens = [value.token for value in values]
    how: dict[str, Any] = {"without_copy": False, "may_go_on": lambda: True}
    return partial(branch_removal.remove, access, world.dev, tokens, uuid.uuid4(), **how)


def create(world: World) -> None:
    set_secret(world, KEY, "one", world.dev)


def change(world: World) -> None:
    create(world)
    set_secret(world, KEY, "two", world.dev)


def remove(world: World) -> None:
    create(world)
    delete_secret(world, KEY, world.dev)


# What happened before, two tasks, and the possible values: in use, and in the recycle bin
PAIRS: dict[str, tuple[Callable[[World], None], Task, Task, set[tuple[str, ...]]]] = {
    "undo, save": (change, undoing("alice"), saving, {("one",), ("three",)}),
    "undo, undo": (change, undoing("alice"), undoing("mia"), {("one",)}),
    "undo, remove": (change, undoing("alice"), removing, {("one",), ("-", "two")}),
    "undo, delete branch": (change, undoing("alice"), deleting_branch, {("one",), ("-", "two")}),
    "undo of a creation, remove": (create, undoing("alice"), removing, {("-", "one")}),
    "undo of a removal, undo": (remove, undoing("alice"), undoing("mia"), {("one",)}),
    "undo of a removal, restore": (remove, undoing("alice"), restoring, {("one",)}),
    "restore, delete": (remove, restoring, deleting, {("one",), ("-",)}),
    "restore, purge": (remove, restoring, purging, {("one",), ("-",)}),
}


# Pairs of which PostgreSQL could decide each differently; the others wait in the same places
BOTH = ("undo, save", "undo, delete branch", "undo of a removal, restore")


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param(
            pair,
            marks=pytest.mark.both_databases
            if pair in BOTH
            else pytest.mark.exhaustive_on_postgres,
        )
        for pair in PAIRS
    ],
)
def test_it_works(world: World, pair: str) -> None:
    for person in ("alice", "mia"):
        world.actor(person)
    before, one, other, possible = PAIRS[pair]
    for _ in range(ROUNDS):
        before(world)
        together(one(world), other(world))
        assert not Secret.objects.exclude(claim=None).exists()
        assert (stored_values(world, KEY, world.dev)[0] or "-", *binned_values()) in possible
        assert not AuditEvent.objects.filter(outcomes=None).exists()
        BinEntry.objects.all().delete()
        if Secret.objects.exists():
            delete_secret(world, KEY, world.dev)
            BinEntry.objects.all().delete()
        parameter_store().remove(it.path for it in parameter_store().list(["/amplify"]))


def binned_values() -> list[str]:
    """Return the values in the recycle bin. Each copy has an entry, and the other way round."""
    entries = [*BinEntry.objects.filter(state=BinState.KEPT).select_related("app")]
    found = parameter_store().list(["/amplify/branchkeep-bin"])
    paths = {path_of(entry, entry.app) for entry in entries}
    assert {it.path for it in found} == paths
    return [it.value.reveal() for it in parameter_store().read(paths).values()]


def together(*tasks: Callable[[], Any]) -> None:
    """Run the tasks at once. They may be refused by the service."""
    start = Barrier(len(tasks))

    def run(task: Callable[[], Any]) -> None:
        try:
            start.wait()
            task()
        except ServiceError:
            return
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(tasks)) as threads:
        assert [*threads.map(run, tasks)]
