"""Compare importing 500 keys, and undoing that, with plain Django: wall clock.

Plain Django only inserts the rows, without a store, permissions, versions or an audit log.
"""

import time
import uuid
from functools import partial
from itertools import count

from console.access.actors import from_command_line
from console.access.policy import find_app
from console.environment.importing import ImportRow
from console.lib.documents import parse
from console.lib.results import DONE
from console.lib.row_forms import known_base
from console.models import App, Branch, User
from console.workflows import change_sets, importing
from console.workflows.importing import Choice
from console.workflows.undoing import undo
from tests.soak.bench.measure import Subject, table
from tests.soak.bench.sample_apps import create_app
from tests.soak.bench.variables import plain

KEYS = 500
_numbers = count()


def compare(user: User) -> None:
    """Print the table."""
    app = create_app(user, "dimports", 0)
    branch = app.branches.get(name="dev")
    subjects = [
        Subject(f"{KEYS} rows in one insert, plain Django", partial(plain, app, KEYS)),
        Subject("our preview", partial(preview, user, app, branch)),
        Subject("our import", partial(run, user, app, branch)),
        Subject("our import, and its undo", partial(run_and_undo, user, app, branch)),
    ]
    table(f"Import of {KEYS} keys, half secrets", subjects, time.perf_counter, rounds=3, block=1)


def preview(user: User, app: App, branch: Branch) -> None:
    """Preview new keys."""
    _rows(user, app, branch)


def _rows(user: User, app: App, branch: Branch) -> list[tuple[str, ImportRow]]:
    """Preview new keys, and return the rows to save."""
    number = next(_numbers)
    names = ((f"API_KEY_{number}_{it}", f"NAME_{number}_{it}") for it in range(KEYS // 2))
    entries = parse("".join(f"{secret}=x\n{variable}=x\n" for secret, variable in names))
    access = find_app(from_command_line(user), app.app_id)
    lines = importing.preview(access, entries, Choice([branch]))
    return [
        (
            line.noun,
            ImportRow(line.planned.key, line.planned.key, branch.pk, "x", *known_base("0")),
        )
        for line in lines
    ]


def run(user: User, app: App, branch: Branch) -> None:
    """Import new keys."""
    _import(user, app, branch)


def _import(user: User, app: App, branch: Branch) -> uuid.UUID:
    """Import new keys, and return the change set."""
    rows, change_set = _rows(user, app, branch), uuid.uuid4()
    access = find_app(from_command_line(user), app.app_id)
    outcomes = importing.save(access, rows, change_set, may_go_on=lambda: True)
    assert {it.outcome for it in outcomes} <= DONE
    return change_set


def run_and_undo(user: User, app: App, branch: Branch) -> None:
    """Import new keys, and undo that."""
    change_set = _import(user, app, branch)
    access = find_app(from_command_line(user), app.app_id)
    tokens = {row.token for _, row in change_sets.plan(access, change_set, [])}
    outcomes = undo(access, change_set, tokens, uuid.uuid4(), may_go_on=lambda: True)
    assert len(outcomes) == KEYS
    assert {it.outcome for it in outcomes} <= DONE
