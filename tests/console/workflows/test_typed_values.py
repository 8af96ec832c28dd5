"""The type of a key is checked however a new value is saved (docs/adr/0063)."""

import uuid
from collections.abc import Callable

from django.test import Client

from console.catalog import key_types
from console.environment.importing import Change
from console.environment.sources import source_of
from console.lib.documents import parse
from console.models import AuditEvent
from console.workflows import change_sets, copying, importing, matrix
from console.workflows.copying import Target
from console.workflows.importing import Choice
from console.workflows.undoing import undo
from envvars_app.secrets_bridge import move_to_secrets
from tests.factories import (
    access_of,
    changed_variable,
    delete_secret,
    remove_variable,
    save_variables,
    set_secret,
    set_variable,
    stored_values,
    variable_values,
)
from tests.fixtures.commands import CommandResult
from tests.fixtures.people import World

Manage = Callable[..., CommandResult]

MESSAGE = "This key takes a URL, such as https://example.org/path."
WRONG = "example.org-canary"


def set_types(world: World, *keys: str) -> None:
    for key in keys:
        key_types.set_type(
            actor=world.actor("alice"), app_id="d1shop", key=key, kind="url", rule="", base=0
        )


def last_set() -> uuid.UUID:
    found = AuditEvent.objects.exclude(change_set=None).latest("pk").change_set
    assert found is not None
    return found


def test_it_works(world: World) -> None:
    """An import's preview says what its save would refuse."""
    set_types(world, "API_KEY", "API_URL")
    access, text = access_of(world, "alice"), f"API_KEY={WRONG}\nAPI_URL={WRONG}\nOTHER={WRONG}"
    choice = Choice([world.dev], {"API_KEY": "secret", "API_URL": "variable", "OTHER": "secret"})
    lines = importing.preview(access, parse(text), choice)
    assert [(it.noun, it.planned.refusal, it.is_ready) for it in lines] == [
        ("secret", MESSAGE, False),
        ("variable", MESSAGE, False),
        ("secret", "", True),
    ]


def test_the_same_value_is_no_new_one(world: World) -> None:
    set_secret(world, "API_KEY", WRONG, world.dev)
    set_variable(world, "API_URL", WRONG, world.dev)
    set_types(world, "API_KEY", "API_URL")
    access, choice = access_of(world, "alice"), Choice([world.dev])
    entries = parse(f"API_KEY={WRONG}\nAPI_URL={WRONG}")
    lines = importing.preview_compared(access, entries, choice)
    assert [(it.planned.change, it.planned.refusal) for it in lines] == [(Change.SAME, "")] * 2


def test_copies(world: World) -> None:
    """The plan of a copy reads no secret, so only the copy can refuse it."""
    set_secret(world, "API_KEY", WRONG, world.dev)
    set_secret(world, "GOOD", "https://example.org", world.dev)
    set_variable(world, "API_URL", WRONG, world.dev)
    set_types(world, "API_KEY", "API_URL", "GOOD")
    access = access_of(world, "alice")
    found = matrix.of_app(access)
    cells = {(row.source.noun, cell.pk) for row in found.rows for cell in row.cells if cell.pk}
    values = copying.values_of(found, cells)
    copies = copying.plan(access, values, [world.main])
    assert {it.value.key: it.refusal for it in copies} == {
        "API_KEY": "",
        "GOOD": "",
        "API_URL": MESSAGE,
    }
    targets = [Target(it.key, it, world.main.pk, 0, None) for it in values]
    outcomes = copying.copy(access, targets, uuid.uuid4(), may_go_on=lambda: True)
    assert {it.token: (it.outcome, it.message) for it in outcomes} == {
        "API_KEY": ("refused", MESSAGE),
        "GOOD": ("saved", ""),
        "API_URL": ("refused", MESSAGE),
    }
    assert stored_values(world, "API_KEY", world.main) == (None, None)


def test_undo_and_the_recycle_bin_bring_everything_back(world: World) -> None:
    variable = set_variable(world, "API_URL", WRONG, world.dev)
    save_variables(world, changed_variable(variable, "https://example.org"))
    changed = last_set()
    set_secret(world, "API_KEY", WRONG, world.dev)
    delete_secret(world, "API_KEY", world.dev)
    removed = last_set()
    removed_variable = set_variable(world, "GONE", WRONG, world.dev)
    remove_variable(world, removed_variable)
    set_types(world, "API_KEY", "API_URL", "GONE")
    access = access_of(world, "alice")
    for change_set in (changed, removed):
        tokens = [row.token for _, row in change_sets.plan(access, change_set, ())]
        outcomes = undo(access, change_set, tokens, uuid.uuid4(), may_go_on=lambda: True)
        assert [it.outcome for it in outcomes] == ["saved"]
    bin_ = source_of("variable").bin
    [entry] = [it for it in bin_.removed(access) if it.key == "GONE"]
    restored = bin_.restore(access, entry.pk, uuid.uuid4(), to=world.main, base="0")
    assert restored.outcome == "saved"
    assert stored_values(world, "API_KEY", world.dev)[0] == WRONG
    assert {*variable_values(world).values()} == {WRONG}


def test_a_variable_can_always_become_a_secret(world: World) -> None:
    """Otherwise a secret would stay in plain text because its shape is wrong."""
    variable = set_variable(world, "API_KEY", WRONG, world.dev)
    set_types(world, "API_KEY")
    outcome = move_to_secrets(actor=world.actor("alice"), app_id="d1shop", pk=variable.pk, base=1)
    assert outcome.outcome == "saved"


def test_commands(world: World, manage: Manage) -> None:
    set_types(world, "API_KEY")
    email = world.person("alice").email
    options = ("--app", "d1shop", "--branch", "dev", "--as", email)
    for noun in ("secret", "variable"):
        refused = manage(noun, "set", "API_KEY", *options, stdin=WRONG)
        assert (refused.code, refused.err) == (1, f"{MESSAGE}\n")
        assert manage(noun, "set", "API_KEY", *options, stdin="https://a.example").code == 0
    left = manage("import", *options, "--yes", stdin=f"API_KEY={WRONG}")
    assert left.code == 1
    assert f"API_KEY (dev) is left out. {MESSAGE}" in left.err
    assert WRONG not in left.err


def test_bulk_edit(world: World, client_for: Callable[[str], Client]) -> None:
    set_types(world, "API_URL")
    page = "/apps/d1shop/hosting/environment-variables/bulk/"
    data = {"text": f"API_URL={WRONG}", "format": "env", "scope": str(world.dev.pk)}
    response = client_for("bob").post(page, {**data, "action": "preview"})
    assert MESSAGE in response.text
    assert variable_values(world) == {}
