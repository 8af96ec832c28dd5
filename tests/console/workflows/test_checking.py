"""A project's code is compared with what each branch of an app holds."""

from pathlib import Path
from typing import Any

import pytest

from console.access.policy import find_app
from console.lib.scanning.files import Folder
from console.lib.scanning.project import scan
from console.lib.scanning.results import Place
from console.models import Branch
from console.workflows.checking import Report, State, check
from envvars_app.buildspec.uses import uses_in_build
from tests.console.lib.scanning.project_folder import write_files
from tests.factories import (
    audit_events,
    create_branch,
    last_event_id,
    set_secret,
    set_variable,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
QUERIES = 8
SETS = "process.env.MINE = 'x'"
NAMED = "import { secret } from '@aws-amplify/backend';\n"


def checked(world: World, folder: Path, files: dict[str, str], *branches: Branch | None) -> Report:
    """Check files against branches, main and dev unless others are given."""
    write_files(folder, files)
    access = find_app(world.actor("vera"), world.app.app_id)
    project = scan(Folder(folder), uses_in_build)
    return check(access, project, branches or (world.main, world.dev))


def states(report: Report, branch: Branch | None) -> dict[str, str]:
    """Return the state of each key on a branch."""
    return {line.key: line.state for line in report.lines if line.branch == branch}


def test_it_works(world: World, tmp_path: Path) -> None:
    for key, branch in (("OWN", world.dev), ("ALL", None), ("SPARE", None)):
        set_secret(world, key, "x", branch)
    set_variable(world, "URL", "x", world.main)
    code = NAMED + "secret('OWN');\nsecret('ALL');\nsecret('GONE');\nf(process.env.URL)"
    report = checked(world, tmp_path, {"amplify/backend.ts": code})
    assert states(report, world.dev) == {
        "GONE": State.MISSING,
        "URL": State.MISSING,
        "OWN": State.OWN,
        "ALL": State.INHERITED,
        "SPARE": State.UNUSED,
    }
    assert states(report, world.main) == {
        "GONE": State.MISSING,
        "OWN": State.MISSING,
        "URL": State.OWN,
        "ALL": State.INHERITED,
        "SPARE": State.UNUSED,
    }
    first = report.missing[0]
    assert (first.noun, first.key, first.places) == (
        "secret",
        "GONE",
        [Place("amplify/backend.ts", 4)],
    )


def test_nothing_is_revealed_or_recorded(world: World, tmp_path: Path) -> None:
    set_secret(world, "OWN", "x", world.dev)
    before = last_event_id()
    checked(world, tmp_path, {"amplify/a.ts": NAMED + "secret('OWN')"})
    assert audit_events(before) == []


def test_queries_do_not_depend_on_branches(
    world: World, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    write_files(tmp_path, {"src/a.ts": "f(process.env.A)"})
    access = find_app(world.actor("vera"), world.app.app_id)
    project = scan(Folder(tmp_path), uses_in_build)
    branches = [world.main, world.dev, *(create_branch(world, f"b{n}") for n in range(5))]
    check(access, project, branches)  # asks the store, which is not repeated within 15 seconds
    with django_assert_num_queries(QUERIES):
        check(access, project, [world.dev])
    with django_assert_num_queries(QUERIES):
        check(access, project, branches)


def test_uses_that_need_no_value(world: World, tmp_path: Path) -> None:
    code = "f(process.env.A ?? 'x', process.env.B || 'x');\nf(process.env.B)"
    report = checked(world, tmp_path, {"src/a.ts": code}, world.dev)
    assert states(report, world.dev) == {"A": State.OPTIONAL, "B": State.MISSING}
    assert report.missing[0].places == [Place("src/a.ts", 2), Place("src/a.ts", 1)]


def test_variables_that_nobody_sets(world: World, tmp_path: Path) -> None:
    code = "f(process.env.AWS_BRANCH, process.env.NODE_ENV, process.env.CI, process.env.MINE)"
    set_variable(world, "_BUILD_TIMEOUT", "30")
    report = checked(world, tmp_path, {"src/a.ts": code, "next.config.js": SETS}, world.dev)
    assert report.lines == []


def test_other_kind(world: World, tmp_path: Path) -> None:
    set_secret(world, "A", "x")
    set_variable(world, "B", "x")
    code = NAMED + "secret('B');\nf(process.env.A)"
    [secret, variable] = checked(world, tmp_path, {"amplify/a.ts": code}, world.dev).missing
    assert (secret.key, secret.hint) == (
        "B",
        "There is a variable of this name, but the code needs a secret.",
    )
    assert (variable.key, "There is a secret" in variable.hint) == ("A", True)


def test_manifest(world: World, tmp_path: Path) -> None:
    text = """
[secrets.A]
required = ["main"]
description = "About A"
pattern = "^a"
[variables.B]
[variables.C]
required = false
[variables.NODE_ENV]
"""
    code = NAMED + "secret('A');\nf(process.env.C)"
    report = checked(world, tmp_path, {"branchkeep.toml": text, "amplify/a.ts": code})
    assert states(report, world.main) == {
        "A": State.MISSING,
        "B": State.MISSING,
        "NODE_ENV": State.MISSING,
        "C": State.OPTIONAL,
    }
    assert states(report, world.dev)["A"] == State.OPTIONAL
    [line] = [it for it in report.missing if it.key == "A"]
    assert (line.description, line.pattern) == ("About A", "^a")
    assert line.places == [Place("amplify/a.ts", 2)]
    [declared] = [it for it in report.missing if it.key == "B" and it.branch == world.dev]
    assert declared.places == [Place("branchkeep.toml", 6)]


def test_example_file_declares_but_requires_nothing(world: World, tmp_path: Path) -> None:
    set_secret(world, "A", "x", world.dev)
    text = "A=\nB=\n# About C\nC=\nNODE_ENV=\n"
    files = {".env.example": text, "src/a.ts": "f(process.env.C)"}
    report = checked(world, tmp_path, files, world.dev)
    assert states(report, world.dev) == {
        "A": State.OWN,
        "B": State.OPTIONAL,
        "C": State.MISSING,
    }
    assert report.missing[0].description == "About C"


def test_app_without_branches(world: World, tmp_path: Path) -> None:
    set_variable(world, "A", "x")
    code = "f(process.env.A, process.env.B)"
    report = checked(world, tmp_path, {"src/a.ts": code}, None)
    assert states(report, None) == {"A": State.INHERITED, "B": State.MISSING}


@pytest.mark.parametrize(
    "value", ["6o3csq9JlFsKrS6GUzcO51QU3nRP9fDn6", "sk_live_51HxY8aBcDeFgHiJkLmNoPqRs", "0f" * 20]
)
def test_value_in_the_place_of_a_key(world: World, tmp_path: Path, value: str) -> None:
    """People paste the value itself into `secret()`. It must not reach the log of a build."""
    code = NAMED + f"secret('{value}')"
    report = checked(world, tmp_path, {"amplify/a.ts": code}, world.dev)
    [line] = report.missing
    assert line.key == f"{value[:4]}…"
    assert "looks like a value" in line.hint
    assert value not in repr(report)


@pytest.mark.parametrize(
    "key", ["GOOGLE_OAUTH2_CLIENT_SECRET_V2", "stripe-webhook-signing-key-2", "auth0ClientSecret"]
)
def test_keys_that_are_names(world: World, tmp_path: Path, key: str) -> None:
    report = checked(world, tmp_path, {"amplify/a.ts": NAMED + f"secret('{key}')"}, world.dev)
    assert [line.key for line in report.missing] == [key]


def test_variables_with_a_prefix_are_used(world: World, tmp_path: Path) -> None:
    for key in ("NEXT_PUBLIC_A", "OTHER"):
        set_variable(world, key, "x")
    commands = "frontend:\n  phases:\n    build:\n      commands:\n        - {}\n"
    text = commands.format("env | grep -e NEXT_PUBLIC_ >> .env.production")
    report = checked(world, tmp_path, {"amplify.yml": text}, world.dev)
    assert states(report, world.dev) == {"OTHER": State.UNUSED}
