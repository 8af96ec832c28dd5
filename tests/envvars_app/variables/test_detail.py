"""A variable's page with its versions and restore; removed variables."""

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from console.models import Branch
from envvars_app.models import Variable
from tests.envvars_app.variables.pages import BASE
from tests.factories import (
    change_variable,
    remove_variable,
    set_variable,
    variable_audit_rows,
    variable_row,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db
BIN = "/apps/d1shop/hosting/secrets/bin/"


def url_of(row: Variable, page: str = "") -> str:
    """Return the URL of a variable's page."""
    return f"{BASE}{row.pk}/{page}"


def restore(client: Client, row: Variable, version: int, base: int | None = None) -> Any:
    """Restore a version, based on the version that `row` holds."""
    post = {"version": version, "base": row.version if base is None else base}
    return client.post(url_of(row, "restore/"), post)


def removed(client: Client, query: str = "") -> list[str]:
    """Return the keys in the recycle bin."""
    return [row.value.key for row in client.get(BIN + query).context["rows"]]


@pytest.mark.both_databases
def test_it_works(world: World, alice: Client) -> None:
    row = set_variable(world, "API_URL", "https://a")
    change_variable(world, row, "https://b", by="mia")
    page = alice.get(url_of(row))
    assert page.status_code == 200
    assert "https://b" in page.text
    assert "mia@example.org" in page.text
    first = page.context["versions"][1]
    assert (first["old"], first["new"].text, first["restorable"]) == (None, "https://a", True)
    last = page.context["versions"][0]
    assert (last["old"].text, last["new"].text, last["restorable"]) == (
        "https://a",
        "https://b",
        False,
    )
    answer = restore(alice, variable_row(world, "API_URL"), 1)
    assert (answer.status_code, answer["Location"]) == (302, url_of(row))
    now = variable_row(world, "API_URL")
    assert (now.value, now.version, now.changed_by) == ("https://a", 3, "alice@example.org")
    assert "Restored API_URL." in alice.get(url_of(row)).text
    assert "restored from version 1" in alice.get(url_of(row)).text


def test_a_fragment_has_only_the_detail(world: World, alice: Client) -> None:
    row = set_variable(world, "A", "value")
    part = alice.get(url_of(row), headers={"HX-Request": "true"})
    assert "<html" not in part.text
    assert part.text.strip().startswith('<div class="detail">')


def test_meaning_and_overrides(world: World, alice: Client) -> None:
    base = set_variable(world, "_BUILD_TIMEOUT", "30")
    dev = set_variable(world, "_BUILD_TIMEOUT", "60", world.dev)
    page = alice.get(url_of(base))
    assert "5 to 120" in page.text
    assert page.context["overrides"] == [dev]
    assert f'href="{url_of(dev)}">dev<' in page.text
    page = alice.get(url_of(dev))
    assert page.context["base"] == base
    assert f'href="{url_of(base)}"' in page.text


@pytest.mark.parametrize(
    ("value", "remark"),
    [
        ("x", ""),
        (" x", "Starts with a space"),
        ("x\n", "Ends with a line break"),
        ("\tx ", "Starts with a tab, ends with a space"),
        ("a\rb", "Contains a carriage return"),
        ("a\u200bb", "Contains a zero-width character"),
        (" ", "Starts with a space"),
    ],
)
def test_invisible_characters_are_pointed_out(
    world: World, alice: Client, value: str, remark: str
) -> None:
    page = alice.get(url_of(set_variable(world, "A", value)))
    assert page.context["shown"].remark == remark
    assert f">{escape(remark)}</span>" in page.text or not remark


def test_an_empty_value(world: World, alice: Client) -> None:
    assert "(empty)" in alice.get(url_of(set_variable(world, "A", ""))).text


def test_a_value_is_copied_byte_for_byte(world: World, alice: Client) -> None:
    page = alice.get(url_of(set_variable(world, "A", "<b>\r\n\r ")))
    assert 'copy-text">&lt;b&gt;&#13;\n&#13; </code>' in page.text


def test_a_rename_is_shown(world: World, alice: Client) -> None:
    row = set_variable(world, "OLD")
    change_variable(world, row, "first", key="NEW")
    page = alice.get(url_of(row))
    assert page.context["versions"][0]["row"].note == "renamed from OLD"
    assert (page.context["versions"][0]["old"], "OLD" in page.text) == (None, True)


def test_restoring_a_removed_variable(world: World, alice: Client) -> None:
    row = set_variable(world, "A", "kept", world.dev)
    remove_variable(world, row, by="mia")
    page = alice.get(url_of(row))
    assert "mia@example.org removed this variable" in page.text
    assert removed(alice) == ["A"]
    row.refresh_from_db()
    answer = restore(alice, row, 1)
    again = variable_row(world, "A", world.dev)
    assert (answer.status_code, answer["Location"]) == (302, url_of(again))
    assert again.value == "kept"
    assert removed(alice) == []
    assert alice.get(url_of(again)).context["earlier"] == [row]
    page = alice.get(url_of(row))
    assert page.context["now"] == again
    assert "Restore version" not in page.text


@pytest.mark.exhaustive_on_postgres
def test_many_removed_variables_of_one_name_are_paginated(world: World, alice: Client) -> None:
    for branch in (None, world.dev):
        for _ in range(53):
            remove_variable(world, set_variable(world, "A", branch=branch), overrides="keep")
    row, seen = set_variable(world, "A"), []
    while True:
        page = alice.get(url_of(row))
        seen += page.context["earlier"]
        assert page.text.count("A variable with this name, removed") <= 25
        assert ("Older ones" in page.text) == (len(seen) in {25, 50})
        if len(seen) == 53:
            break
        row = seen[-1]
    assert [one.branch for one in seen] == [None] * 53
    assert [one.pk for one in seen] == sorted({one.pk for one in seen}, reverse=True)


@pytest.mark.both_databases
def test_removed_variables_of_several_scopes(world: World, alice: Client) -> None:
    set_variable(world, "A")
    over = set_variable(world, "A", branch=world.dev)
    remove_variable(world, over)
    base = set_variable(world, "B")
    set_variable(world, "B", branch=world.dev)
    remove_variable(world, base, overrides="keep")
    assert removed(alice) == ["A", "B"]  # what is deleted first at the top


def test_restoring_a_recreated_variable_overwrites_nothing(world: World, alice: Client) -> None:
    row = set_variable(world, "A", "old")
    remove_variable(world, row, by="mia")
    set_variable(world, "A", "new")
    answer = restore(alice, row, 1, base=2)
    assert answer.status_code == 422
    assert "It is now “new”" in answer.text
    assert variable_values(world) == {("", "A"): "new"}


def test_a_conflict(world: World, alice: Client) -> None:
    row = set_variable(world, "A", "one")
    change_variable(world, row, "two", by="mia")
    row = variable_row(world, "A")
    change_variable(world, row, "three", by="mia")
    answer = restore(alice, row, 1)
    assert answer.status_code == 422
    assert "mia@example.org changed this variable" in answer.text
    assert variable_row(world, "A").value == "three"


def test_a_removal_since_the_page_was_opened_stays(world: World, alice: Client) -> None:
    change_variable(world, set_variable(world, "A", "one"), "two")
    row = variable_row(world, "A")
    remove_variable(world, row, by="mia")
    answer = restore(alice, row, 1)
    assert answer.status_code == 422
    assert "mia@example.org removed this variable" in answer.text
    assert variable_values(world) == {}
    assert restore(alice, row, 1, base=3).status_code == 302
    assert variable_values(world) == {("", "A"): "one"}


@pytest.mark.parametrize("base", ["", "x", "-1", "1.5", "9" * 40])
def test_an_invalid_base(world: World, alice: Client, base: str) -> None:
    row = set_variable(world, "A", "one")
    change_variable(world, row, "two")
    assert alice.post(url_of(row, "restore/"), {"version": 1, "base": base}).status_code == 422
    assert variable_row(world, "A").value == "two"


@pytest.mark.parametrize("version", ["", "x", "0", "99", "9" * 40])
def test_an_unknown_version(world: World, alice: Client, version: str) -> None:
    row = set_variable(world, "A")
    assert alice.post(url_of(row, "restore/"), {"version": version, "base": 1}).status_code == 404


def test_the_version_of_a_removal_has_no_value(world: World, alice: Client) -> None:
    row = set_variable(world, "A")
    remove_variable(world, row)
    answer = restore(alice, row, 2, base=2)
    assert answer.status_code == 422
    assert "has no value" in answer.text


def test_a_deleted_branch_accepts_no_restore(world: World, alice: Client) -> None:
    old = Branch.objects.create(app=world.app, name="old")
    row = set_variable(world, "A", "kept", old)
    remove_variable(world, row)
    Branch.objects.filter(pk=old.pk).update(deleted_at="2026-01-01T00:00Z")
    page = alice.get(url_of(row))
    assert "Its branch was deleted, so it can't be restored." in page.text
    assert "Restore version" not in page.text
    answer = restore(alice, row, 1, base=2)
    assert answer.status_code == 422
    assert "This branch no longer exists" in answer.text


def test_searching_removed_variables(world: World, alice: Client) -> None:
    for key, branch in (("API_URL", None), ("HOST", world.dev)):
        remove_variable(world, set_variable(world, key, branch=branch), by="mia")
    assert removed(alice, "?q=api") == ["API_URL"]
    assert removed(alice, "?q=DEV") == ["HOST"]
    assert removed(alice, "?q=mia") == ["API_URL", "HOST"]
    assert removed(alice, "?q=nothing") == []
    assert removed(alice, "?q=%00") == []


@pytest.mark.parametrize("page", ["", "restore/", "move/"])
def test_a_variable_of_another_app(world: World, client_for: Any, page: str) -> None:
    row = Variable.objects.create(
        app=world.other_app, key="A", value="1", changed_at="2026-01-01T00:00Z"
    )
    row.versions.create(version=1, key="A", value="1", at="2026-01-01T00:00Z")
    client = client_for("alice")
    assert client.post(url_of(row, page), {"version": 1, "base": 1}).status_code in {404, 405}
    assert client.get(url_of(row, page)).status_code in {404, 405}
    assert row.versions.count() == 1


def test_roles(world: World, client_for: Any) -> None:
    row = set_variable(world, "A", "one")
    change_variable(world, row, "two")
    row = variable_row(world, "A")
    for name in ("vera", "bob"):
        assert "Restore version" not in client_for(name).get(url_of(row)).text
        assert restore(client_for(name), row, 1).status_code == 403
    assert variable_row(world, "A").value == "two"
    assert variable_audit_rows()[-1][6] == "denied"
    assert restore(client_for("mia"), row, 1).status_code == 302


def test_many_versions_are_paginated(world: World, alice: Client) -> None:
    row = set_variable(world, "A", "0")
    for number in range(1, 30):
        change_variable(world, variable_row(world, "A"), str(number))
    page = alice.get(url_of(row))
    assert len(page.context["versions"]) == 25
    last = page.context["versions"][-1]
    assert (last["row"].version, last["old"].text) == (
        6,
        "4",
    )  # its old value is on page 2
    older = alice.get(url_of(row) + "?page=2")
    assert [one["row"].version for one in older.context["versions"]] == [5, 4, 3, 2, 1]


def test_queries_do_not_grow(world: World, alice: Client) -> None:
    counts = []
    row = set_variable(world, "A")
    for number in (1, 20):
        for index in range(number):
            branch = Branch.objects.create(app=world.app, name=f"{number}-{index}")
            gone = set_variable(world, "GONE", branch=branch)
            remove_variable(world, gone)
            set_variable(world, "A", branch=branch)
            change_variable(world, variable_row(world, "A"), f"{number}-{index}")
        alice.get(BASE)  # also appends links to the audit chain
        with CaptureQueriesContext(connection) as queries:
            assert alice.get(f"{BASE}{row.pk}/").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 15


@pytest.mark.both_databases
def test_erasing_the_values_of_a_removed_variable(alice: Client, world: World) -> None:
    row = set_variable(world, "TOKEN", "hunter2")
    assert "Erase its values" not in alice.get(url_of(row)).text
    assert "Remove it, or move it" in alice.post(url_of(row, "forget/"), follow=True).text
    remove_variable(world, row)
    assert "Erase its values" in alice.get(url_of(row)).text
    answer = alice.post(url_of(row, "forget/"), follow=True)
    assert "Erased the values of TOKEN." in answer.text
    assert "hunter2" not in answer.text
    assert "Erase its values" not in answer.text
    assert "hunter2" not in alice.get(BIN).text
