"""Preview and apply a set of values through the services."""

import uuid
from typing import Any

import pytest
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.access.policy import find_app
from console.lib.text.dotenv import Refused
from console.lib.text.invisible import preview_value
from console.models import Branch
from envvars_app.models import Variable
from envvars_app.variables.bulk import BulkEdit, Kind, Mode, apply, preview
from tests.factories import set_variable
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db


def kinds(world: World, edit: BulkEdit, by: str = "alice") -> dict[tuple[str, str], Kind]:
    """Return the kind of each change, by scope and key."""
    found = preview(find_app(world.actor(by), "d1shop"), edit)
    return {(line.branch.name if line.branch else "", line.key): line.kind for line in found.lines}


def test_it_works(world: World) -> None:
    main, dev = world.main, world.dev
    set_variable(world, "A", "1")
    set_variable(world, "A", "2", dev)
    set_variable(world, "B", "1", dev)
    edit = BulkEdit({"A": "1", "C": "1"}, [None, main, dev])
    assert kinds(world, edit) == {
        ("", "A"): Kind.SAME,
        ("", "C"): Kind.NEW,
        ("main", "A"): Kind.NEW,
        ("main", "C"): Kind.NEW,
        ("dev", "A"): Kind.CHANGED,
        ("dev", "C"): Kind.NEW,
    }
    whole = kinds(world, BulkEdit({"A": "2"}, [dev], Mode.REPLACE))
    assert whole == {("dev", "A"): Kind.SAME, ("dev", "B"): Kind.REMOVED}


def test_an_apply_is_one_change_set(world: World) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    edit = BulkEdit({"A": "1", "B": "2"}, [None, world.dev])
    change_set = uuid.uuid4()
    outcomes = apply(
        actor=access.actor,
        app_id="d1shop",
        edit=edit,
        baseline=preview(access, edit).baseline,
        change_set=change_set,
    )
    assert [outcome.outcome for outcome in outcomes] == ["saved"] * 4
    versions = [row.versions.get() for row in Variable.objects.all()]
    assert {version.change_set for version in versions} == {change_set}


def test_outsiders(world: World) -> None:
    with pytest.raises(Http404):
        apply(
            actor=world.actor("charlie"),
            app_id="d1shop",
            edit=BulkEdit({"A": "1"}, [None]),
            baseline={},
            change_set=uuid.uuid4(),
        )


def test_too_many_lines(world: World) -> None:
    access = find_app(world.actor("alice"), "d1shop")
    edit = BulkEdit({f"K{n}": "1" for n in range(1001)}, [None, world.dev])
    with pytest.raises(Refused, match="the limit is 2,000"):
        preview(access, edit)
    with pytest.raises(Refused, match="Choose fewer branches"):
        apply(actor=access.actor, app_id="d1shop", edit=edit, baseline={}, change_set=uuid.uuid4())


def test_variables_of_another_app_are_ignored(world: World) -> None:
    Variable.objects.create(app=world.other_app, key="A", value="theirs", changed_at=timezone.now())
    assert kinds(world, BulkEdit({}, [None], Mode.REPLACE)) == {}


def test_queries_do_not_grow(world: World, client_for: Any) -> None:
    branches = [Branch(app=world.app, name=f"b{n:02}") for n in range(20)]
    Branch.objects.bulk_create(branches)
    counts = []
    for keys, scopes in ((3, branches[:1]), (100, branches)):
        values = {f"KEY_{n:03}": "new" for n in range(keys)}
        Variable.objects.all().delete()
        Variable.objects.bulk_create(
            Variable(app=world.app, branch=branch, key=key, value="v", changed_at=timezone.now())
            for branch in scopes
            for key in values
        )
        access = find_app(world.actor("alice"), "d1shop")
        with CaptureQueriesContext(connection) as queries:
            found = preview(access, BulkEdit(values, scopes, Mode.REPLACE))
        assert {line.kind for line in found.lines} == {Kind.CHANGED}
        assert all(line.refusal is None for line in found.lines)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 5


def test_long_values_are_cut_around_the_difference() -> None:
    old, new = "x" * 3000 + "old" + "y" * 2000, "x" * 3000 + "new" + "y" * 2000
    one, other = preview_value(old, new), preview_value(new, old)
    assert ("old" in one.text, "new" in other.text) == (True, True)
    assert (one.text[0], one.text[-1]) == ("…", "…")
    assert one.remark == "400 of 5,003 characters"
    assert preview_value("short", "other").text == "short"
    grown = preview_value("x" * 1200, "x" * 1100)
    assert grown.text == "…" + "x" * 160
