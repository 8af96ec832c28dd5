"""The list and the edit mode, posted as a browser without JavaScript does."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.models import Branch
from tests.factories import (
    change_variable,
    new_variable,
    remove_variable,
    save_variables,
    set_variable,
    variable_values,
)
from tests.fixtures.people import World

LIST = "/apps/d1shop/hosting/environment-variables/"
MANAGE = f"{LIST}manage/"
FRAGMENT = {"HX-Request": "true"}


def all_fields(answer: Any) -> dict[str, Any]:
    """Return the fields that a browser would post: every row, changed or not."""
    fields: dict[str, Any] = {"change_set": answer.context["change_set"]}
    for row in answer.context["listing"].rows:
        pk = row.pk
        value = row.value.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        fields |= {f"value-{pk}": value, f"base-{pk}": row.version}
        if not row.has_base:
            fields[f"key-{pk}"] = row.key
    return fields


def new_row(
    number: int, key: str, value: str = "v", branch: Branch | None = None
) -> dict[str, Any]:
    """Return a new row's fields."""
    fields = {"key": key, "value": value, "branch": branch.pk if branch else "", "base": ""}
    return {f"new-{number}-{name}": text for name, text in fields.items()}


def test_it_works(alice: Client, world: World) -> None:
    answer = alice.get(LIST)
    assert "No records to display" in answer.text
    assert "contain any constant values your app needs at build time." in answer.text
    fields = all_fields(alice.get(MANAGE)) | new_row(1, "API_URL", "https://a/?b=1&c")
    answer = alice.post(MANAGE, fields | new_row(2, "API_URL", "", world.dev), follow=True)
    assert "2 variables saved." in answer.text
    assert "https://a/?b=1&amp;c" in answer.text
    assert "(empty)" in answer.text
    assert variable_values(world) == {("", "API_URL"): "https://a/?b=1&c", ("dev", "API_URL"): ""}


def test_unchanged_rows_are_not_written(alice: Client, world: World) -> None:
    set_variable(world, "LINES", "a\r\nb\rc\n\n")
    set_variable(world, "LEADING", "\n\n x ")
    stale = set_variable(world, "STALE", "as it was")
    fields = all_fields(alice.get(MANAGE))
    change_variable(world, stale, "theirs", by="mia")
    answer = alice.post(MANAGE, fields | new_row(1, "NEW"))
    assert answer.status_code == 302
    assert variable_values(world) == {
        ("", "LINES"): "a\r\nb\rc\n\n",
        ("", "LEADING"): "\n\n x ",
        ("", "STALE"): "theirs",
        ("", "NEW"): "v",
    }


def test_a_leading_line_break_is_kept(alice: Client, world: World) -> None:
    set_variable(world, "LEADING", "\n\nx")
    assert ">\n\n\nx</textarea>" in alice.get(MANAGE).text  # browsers drop the first line break


def test_a_conflict_keeps_the_typed_value_and_shows_theirs(alice: Client, world: World) -> None:
    row = set_variable(world, "A", "before")
    fields = all_fields(alice.get(MANAGE)) | {f"value-{row.pk}": "mine"}
    change_variable(world, row, "theirs", by="mia")
    answer = alice.post(MANAGE, fields)
    assert answer.status_code == 422
    assert "mia@example.org changed this variable" in answer.text
    assert "“theirs”" in answer.text
    assert ">\nmine</textarea>" in answer.text
    again = all_fields(answer) | {f"value-{row.pk}": "mine"}
    assert alice.post(MANAGE, again).status_code == 302
    assert variable_values(world) == {("", "A"): "mine"}


def test_a_conflict_on_a_row_that_moved_to_another_page(alice: Client, world: World) -> None:
    rows = [set_variable(world, f"VAR_{number:02}") for number in range(20)]
    url = f"{MANAGE}?sort=changed"
    fields = all_fields(alice.get(url)) | {f"value-{rows[0].pk}": "mine"}
    change_variable(world, rows[0], "theirs", by="mia")
    answer = alice.post(url, fields)
    assert ">\nmine</textarea>" in answer.text
    again = all_fields(answer) | {f"value-{rows[0].pk}": "mine"}
    assert alice.post(url, again).status_code == 302
    assert variable_values(world)["", "VAR_00"] == "mine"


def test_a_conflict_on_a_removed_row(alice: Client, world: World) -> None:
    row = set_variable(world, "A", "before", world.dev)
    fields = all_fields(alice.get(MANAGE)) | {f"value-{row.pk}": "mine"}
    remove_variable(world, row, by="mia")
    answer = alice.post(MANAGE, fields)
    assert answer.status_code == 422
    assert "mia@example.org removed this variable" in answer.text
    [typed] = answer.context["new_rows"]
    assert (typed["key"], typed["value"], typed["branch"]) == ("A", "mine", world.dev.pk)


@pytest.mark.parametrize("value", ["first", "changed too"])
def test_an_empty_name(alice: Client, world: World, value: str) -> None:
    row = set_variable(world, "A")
    fields = all_fields(alice.get(MANAGE)) | {f"key-{row.pk}": " ", f"value-{row.pk}": value}
    answer = alice.post(MANAGE, fields)
    assert answer.status_code == 422
    assert "Enter a name." in answer.text
    assert variable_values(world) == {("", "A"): "first"}


def test_overrides_are_removed_only_at_the_versions_shown(alice: Client, world: World) -> None:
    base = set_variable(world, "A")
    override = set_variable(world, "A", "x", world.dev)
    page = alice.get(MANAGE)
    seen = f"{override.pk}:1"
    assert f'name="seen-{base.pk}" value="{seen}"' in page.text
    change_variable(world, override, "bob's work", by="bob")
    fields = {f"remove-{base.pk}": "on", f"base-{base.pk}": "1", f"overrides-{base.pk}": "remove"}
    for shown in ("", "nonsense", seen, f"{override.pk}:x"):
        answer = alice.post(MANAGE, fields | {f"seen-{base.pk}": shown})
        assert answer.status_code == 422
        assert "bob@example.org changed the override on dev" in answer.text
    assert len(variable_values(world)) == 2
    assert alice.post(MANAGE, fields | {f"seen-{base.pk}": f"{override.pk}:2"}).status_code == 302
    assert variable_values(world) == {}


def test_an_invalid_row_keeps_its_value(alice: Client, world: World) -> None:
    answer = alice.post(MANAGE, new_row(1, "AWS_KEY", "typed") | new_row(2, "GOOD"))
    assert answer.status_code == 422
    assert "Saved 1 of 2 changes." in answer.text
    assert "which Amplify reserves" in answer.text
    assert ">\ntyped</textarea>" in answer.text
    assert variable_values(world) == {("", "GOOD"): "v"}


def test_removing_a_base_asks_about_its_overrides(alice: Client, world: World) -> None:
    base = set_variable(world, "A")
    set_variable(world, "A", "x", world.dev)
    fields = all_fields(alice.get(MANAGE)) | {f"remove-{base.pk}": "on"}
    answer = alice.post(MANAGE, fields)
    assert answer.status_code == 422
    assert "This variable has overrides on: dev." in answer.text
    assert f'name="overrides-{base.pk}"' in answer.text
    assert alice.post(MANAGE, fields | {f"overrides-{base.pk}": "keep"}).status_code == 302
    assert variable_values(world) == {("dev", "A"): "x"}


def test_a_rename(alice: Client, world: World) -> None:
    base = set_variable(world, "OLD", "b")
    set_variable(world, "OLD", "x", world.dev)
    fields = all_fields(alice.get(MANAGE)) | {f"key-{base.pk}": " NEW "}
    assert alice.post(MANAGE, fields).status_code == 302
    assert variable_values(world) == {("", "NEW"): "b", ("dev", "NEW"): "x"}


def test_adding_an_override(alice: Client, world: World) -> None:
    base = set_variable(world, "A", "of all")
    answer = alice.get(f"{MANAGE}?override={base.pk}")
    [row] = answer.context["new_rows"]
    assert (row["key"], row["value"], row["fixed"]) == ("A", "of all", True)
    posted = all_fields(answer) | new_row(1, "A", "of dev", world.dev) | {"new-1-fixed": "on"}
    alice.post(MANAGE, posted)
    assert variable_values(world) == {("", "A"): "of all", ("dev", "A"): "of dev"}


def test_effective_values(alice: Client, world: World) -> None:
    set_variable(world, "BOTH", "of all")
    set_variable(world, "BOTH", "of dev", world.dev)
    set_variable(world, "SHARED")
    set_variable(world, "ALONE", "x", world.dev)
    set_variable(world, "ELSEWHERE", "x", world.main)
    answer = alice.get(f"{LIST}?branch={world.dev.pk}")
    rows = [(row.key, row.value, row.origin) for row in answer.context["listing"].rows]
    assert rows == [
        ("SHARED", "first", "inherited"),
        ("ALONE", "x", "own"),
        ("BOTH", "of dev", "own"),
    ]


@pytest.mark.parametrize("q", ["url", "needle", "DEV", "\0", "%", "_"])
def test_search_covers_names_values_and_branches(alice: Client, world: World, q: str) -> None:
    set_variable(world, "API_URL", "x", world.dev)
    set_variable(world, "OTHER", "a needle b")
    rows = alice.get(LIST, {"q": q}).context["listing"].rows
    found = {"url": ["API_URL"], "DEV": ["API_URL"], "needle": ["OTHER"], "_": ["API_URL"]}
    assert [row.key for row in rows] == found.get(q, [])


def test_likely_secrets_are_marked(alice: Client, world: World) -> None:
    set_variable(world, "STRIPE", "sk_live_123456789012")
    set_variable(world, "PLAIN", "hello")
    assert alice.get(LIST).text.count("Looks like a secret") == 1


def test_viewers_can_not_edit(client_for: Callable[[str], Client], world: World) -> None:
    row = set_variable(world, "A", "plain")
    vera = client_for("vera")
    assert "plain" in vera.get(LIST).text
    assert "Your role is read-only here" in vera.get(MANAGE).text
    answer = vera.post(MANAGE, {f"value-{row.pk}": "x", f"base-{row.pk}": "1"})
    assert answer.status_code == 422
    assert variable_values(world) == {("", "A"): "plain"}


def test_queries_do_not_grow(
    alice: Client, world: World, django_assert_max_num_queries: Any
) -> None:
    branches = [Branch.objects.create(app=world.app, name=f"b{n}") for n in range(20)]
    alice.get(LIST)
    for count in (10, 500):
        changes = [new_variable(f"KEY_{n % 300}", "TODO", branches[n % 20]) for n in range(count)]
        save_variables(world, *changes)
        alice.get(LIST)  # also appends links to the audit chain
        for url, most in ((LIST, 13), (MANAGE, 11)):  # two for warnings in the list
            with django_assert_max_num_queries(most):
                alice.get(f"{url}?per_page=100")


def test_invalid_posts(alice: Client, world: World) -> None:
    row = set_variable(world, "A")
    for base in ("", "x", "-1", "99", "1" * 30):
        answer = alice.post(MANAGE, {f"value-{row.pk}": "mine", f"base-{row.pk}": base})
        assert answer.status_code == 422, base
    posts: list[dict[str, Any]] = [{}, {"value-0": "x"}, {"value-x": "y"}, {"new-0-key": "A"}]
    for post in posts:
        assert alice.post(MANAGE, post).status_code == 302
    assert variable_values(world) == {("", "A"): "first"}


def test_a_fragment_has_an_outcome_per_row(alice: Client, world: World) -> None:
    row = set_variable(world, "A")
    fields = {f"value-{row.pk}": "x", f"base-{row.pk}": "9"} | new_row(1, "B")
    answer = alice.post(MANAGE, fields, headers=FRAGMENT)
    assert answer.status_code == 422
    assert 'data-outcome="saved"' in answer.text
    assert 'data-outcome="conflict"' in answer.text
    assert 'data-theirs="first"' in answer.text
    assert "<html" not in answer.text
