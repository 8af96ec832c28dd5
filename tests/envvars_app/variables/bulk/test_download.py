"""Download the effective values of a branch in each format."""

import json
import plistlib
from collections.abc import Callable

import pytest
from django.test import Client

from console.catalog.notes import set_note
from envvars_app.formats import FORMATS, Format
from tests.envvars_app.variables.pages import BASE
from tests.factories import set_variable
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
DOWNLOAD = f"{BASE}download/"


@pytest.fixture
def vera(client_for: Callable[[str], Client]) -> Client:
    """Return a client signed in as a viewer, who may read variables."""
    return client_for("vera")


def test_it_works(world: World, vera: Client) -> None:
    dev = world.dev
    set_variable(world, "A", "for all")
    set_variable(world, "A", "dev's", dev)
    set_variable(world, "B", "line\nnext ü")
    set_variable(world, "MAIN_ONLY", branch=world.main)
    answer = vera.get(f"{DOWNLOAD}?branch={dev.pk}&format=json")
    assert answer.status_code == 200
    assert json.loads(answer.content) == {"A": "dev's", "B": "line\nnext ü"}
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == 'attachment; filename="env.json"'
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert json.loads(vera.get(f"{DOWNLOAD}?format=json").content) == {
        "A": "for all",
        "B": "line\nnext ü",
    }


def test_notes_are_comments(world: World, vera: Client) -> None:
    bob = world.actor("bob")
    for key, note, labels in (
        ("A", "Of the EU account.\nB=1; rm -rf /", "payments eu"),
        ("B", "\u2028c\r\nx\tq", ""),
        ("GONE", "no variable", ""),
    ):
        set_note(actor=bob, app_id="d1shop", key=key, note=note, labels=labels, base=0)
        if key != "GONE":
            set_variable(world, key, "v")
    head = "# A: Of the EU account.\n# B=1; rm -rf / [eu, payments]\n# B: c\n# x q\n"
    answer = vera.get(f"{DOWNLOAD}?format=env").text
    assert answer.startswith(head)
    assert answer.endswith("\nA=v\nB=v\n")
    assert "Of the EU account" not in vera.get(f"{DOWNLOAD}?format=json").text


@pytest.mark.parametrize("format", FORMATS.values(), ids=FORMATS)
def test_every_format_is_an_attachment(world: World, vera: Client, format: Format) -> None:
    set_variable(world, "KEY", "ü")
    answer = vera.get(f"{DOWNLOAD}?format={format.name}")
    rendered = format.render({"KEY": "ü"}).text
    assert answer.text == rendered
    assert answer["Content-Type"] == format.content_type
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["Cache-Control"] == "no-store"


def test_plistlib_reads_it(world: World, vera: Client) -> None:
    set_variable(world, "A", "<&> ü")
    assert plistlib.loads(vera.get(f"{DOWNLOAD}?format=plist").content) == {"A": "<&> ü"}


def test_variables_that_a_format_can_not_hold(world: World, vera: Client) -> None:
    set_variable(world, "not-a-name", "1")
    set_variable(world, "RETURN", "a\rb")
    page = vera.get(DOWNLOAD)
    left_out = {row["name"]: dict(row["left_out"]) for row in page.context["formats"]}
    assert set(left_out["env"]) == {"not-a-name", "RETURN"}
    assert left_out["json"] == {}
    assert "2 variables" in page.text
    assert "carriage return" in page.text
    env = vera.get(f"{DOWNLOAD}?format=env").text
    assert "# RETURN is not included." in env
    assert "# Not included, with names that a comment can't hold: 1" in env
    assert json.loads(vera.get(f"{DOWNLOAD}?format=json").content) == {
        "not-a-name": "1",
        "RETURN": "a\rb",
    }


def test_no_variables(vera: Client) -> None:
    assert vera.get(DOWNLOAD).status_code == 200
    assert vera.get(f"{DOWNLOAD}?format=env").text == ""


@pytest.mark.parametrize("query", ["format=exe", "format=../env", "branch=x", "branch=999999"])
def test_an_unknown_format_or_branch(vera: Client, query: str) -> None:
    assert vera.get(f"{DOWNLOAD}?{query}").status_code == 404


def test_a_branch_of_another_app(world: World, vera: Client) -> None:
    query = f"branch={world.other_branch.pk}&format=json"
    assert vera.get(f"{DOWNLOAD}?{query}").status_code == 404


@pytest.mark.parametrize("name", ["charlie", "oscar", "olga"])
def test_outsiders(client_for: Callable[[str], Client], name: str) -> None:
    assert client_for(name).get(f"{DOWNLOAD}?format=json").status_code == 404
