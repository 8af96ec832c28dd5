"""The bulk edit page: a scope as text, a preview of the changes, and applying them."""

import json

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.lib.text.likely_secrets import secret_warning
from envvars_app.models import Variable
from envvars_app.pages import bulk
from tests.envvars_app.variables.pages import (
    BASE,
    apply_bulk,
    keys,
    lines,
    notes,
    post_bulk,
    preview_bulk,
    seen_field,
    values,
)
from tests.factories import (
    set_variable,
    variable_audit_rows,
    variable_values,
)
from tests.fixtures.people import World

pytestmark = pytest.mark.django_db


def text_of(client: Client, query: str = "") -> str:
    """Return the text that the page starts with."""
    return str(client.get(f"{BASE}bulk/{query}").context["sheet"].text)


@pytest.mark.both_databases
def test_it_works(world: World, alice: Client) -> None:
    set_variable(world, "KEPT", "same")
    set_variable(world, "CHANGED", "old")
    set_variable(world, "REMOVED", "gone")
    set_variable(world, "OTHER", "of dev", world.dev)
    text = text_of(alice)
    assert text == "CHANGED=old\nKEPT=same\nREMOVED=gone\n"
    text = "CHANGED=new\nKEPT=same\nNEW=here\n"
    page = preview_bulk(alice, text, mode="replace")
    assert lines(page) == [
        ("Changed", "CHANGED", "All branches"),
        ("New", "NEW", "All branches"),
        ("Removed", "REMOVED", "All branches"),
    ]
    assert values(page) == {
        "CHANGED": ("old", "new"),
        "NEW": (None, "here"),
        "REMOVED": ("gone", None),
    }
    assert keys(page.context["same"]) == ["KEPT"]
    assert "Apply 3 changes" in page.text
    before = variable_audit_rows()
    assert variable_values(world)["", "CHANGED"] == "old"  # nothing is written before Apply
    answer = post_bulk(alice, "apply", text, mode="replace", seen=seen_field(page))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{BASE}?saved=")
    assert variable_values(world) == {
        ("", "CHANGED"): "new",
        ("", "KEPT"): "same",
        ("", "NEW"): "here",
        ("dev", "OTHER"): "of dev",
    }
    assert sorted(entry[1] for entry in variable_audit_rows()[len(before) :]) == [
        "change",
        "create",
        "remove",
    ]
    assert "2 variables saved, REMOVED removed." in alice.get(answer["Location"]).text


@pytest.mark.parametrize("format", ["env", "json"])
def test_the_text_of_a_scope_changes_nothing(world: World, alice: Client, format: str) -> None:
    hostile = ("", " x ", "a\nb\n", "it's", 'say "hi"', "a#b #c", "$HOME ${X} `id`", "\\n", "日本")
    for number, value in enumerate(hostile):
        set_variable(world, f"KEY_{number}", value)
    set_variable(world, "not-a-name", "1")
    page = alice.get(f"{BASE}bulk/?format={format}")
    text = page.context["sheet"].text
    preview = preview_bulk(alice, text, format=format, mode="replace")
    assert lines(preview) == []
    left_out = dict(page.context["left_out"])
    assert ("not-a-name" in left_out) is (format == "env")
    assert keys(preview.context["unrepresentable"]) == sorted(left_out)
    assert len(preview.context["same"]) + len(left_out) == len(hostile) + 1
    assert "Nothing would change." in preview.text
    assert "Apply" not in preview.context["format_name"]


def test_variables_that_env_can_not_hold_are_kept(world: World, alice: Client) -> None:
    set_variable(world, "not-a-name", "1")
    set_variable(world, "A", "1")
    page = alice.get(f"{BASE}bulk/")
    assert "Edit as JSON" in page.text
    preview = preview_bulk(alice, "", mode="replace", format="env")
    assert lines(preview) == [("Removed", "A", "All branches")]
    assert "not-a-name" in preview.text
    assert apply_bulk(alice, "", mode="replace", format="env").status_code == 302
    assert variable_values(world) == {("", "not-a-name"): "1"}
    assert apply_bulk(alice, "{}", mode="replace", format="json").status_code == 302
    assert variable_values(world) == {}


def test_merging_keeps_variables_not_in_the_text(world: World, alice: Client) -> None:
    set_variable(world, "A", "1")
    page = preview_bulk(alice, "export B='two words' # why\r\nA=1\r\n", mode="merge")
    assert lines(page) == [("New", "B", "All branches")]
    assert apply_bulk(alice, "B='two words'\n", mode="merge").status_code == 302
    assert variable_values(world) == {("", "A"): "1", ("", "B"): "two words"}


@pytest.mark.parametrize("text", ['{"A": "1"}', '\ufeff {"A": "1"}', "A=1", "# note\n A = 1"])
def test_the_format_is_guessed(alice: Client, text: str) -> None:
    assert values(preview_bulk(alice, text)) == {"A": (None, "1")}


def test_json_in_the_env_field(world: World, alice: Client) -> None:
    set_variable(world, "not-a-name", "1")
    page = preview_bulk(alice, '{"A": "1"}', format="env", mode="replace")
    assert lines(page) == [
        ("New", "A", "All branches"),
        ("Removed", "not-a-name", "All branches"),
    ]


def test_a_paste_while_the_list_is_filtered(alice: Client) -> None:
    data = {"action": "preview", "text": "A=1", "scope": "all"}
    answer = alice.post(f"{BASE}bulk/", data)
    assert lines(answer) == [("New", "A", "All branches")]


def test_the_preview_follows_the_chosen_scope(world: World, alice: Client) -> None:
    dev = world.dev
    set_variable(world, "A", "1", dev)
    assert lines(preview_bulk(alice, "A=2")) == [("New", "A", "All branches")]
    assert lines(preview_bulk(alice, "A=2", dev)) == [("Changed", "A", "dev")]
    assert apply_bulk(alice, "A=2", dev).status_code == 302
    assert variable_values(world) == {("dev", "A"): "2"}


def test_a_scope_that_was_not_previewed_is_not_written(world: World, alice: Client) -> None:
    seen = seen_field(preview_bulk(alice, "A=2"))
    answer = post_bulk(alice, "apply", "A=2", world.dev, seen=seen)
    assert answer.status_code == 200
    assert lines(answer) == [("New", "A", "dev")]
    assert "Nothing was saved" in answer.text
    seen = seen_field(preview_bulk(alice, "A=2", mode="merge"))
    assert post_bulk(alice, "apply", "A=2", mode="replace", seen=seen).status_code == 200
    assert variable_values(world) == {}


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("A=1\nB='open\n", "Line 2", "never closed"),
        ("A=1\nA=2\n", "Line 2", "already used on line 1"),
        ("just words", "Line 1", "The = is missing"),
        ('{"A": 1}', "Line 1", "Put it in quotes"),
        ('{"A": {"B": "c"}}', "Line 1", "object or a list"),
        ("A=\0", "Line 1", "NUL"),
        ("x" * 1_000_001, "", "larger than 1,000,000 bytes"),
        ("".join(f"K{n}=1\n" for n in range(1001)), "Line 1001", "more than 1,000 variables"),
    ],
)
@pytest.mark.parametrize("action", ["preview", "apply"])
def test_an_invalid_text_stays_in_the_form(
    world: World, alice: Client, text: str, line: str, word: str, action: str
) -> None:
    answer = post_bulk(alice, action, text, mode="merge")
    assert answer.status_code == 422
    assert line in answer.text
    assert word in answer.text
    assert answer.context["sheet"].text == text
    assert answer.context["sheet"].mode == "merge"
    assert variable_values(world) == {}


def test_a_text_too_large_to_parse(alice: Client) -> None:
    answer = post_bulk(alice, "apply", "x" * 3_000_000)
    assert answer.status_code == 400
    assert "Nothing was saved." in answer.text


@pytest.mark.exhaustive
def test_the_largest_text_fits_into_one_post(world: World, alice: Client) -> None:
    text = "".join(f"K{n}{'_' * 150}='{'=' * 800}'\n" for n in range(999))
    assert len(text) > 900_000
    assert apply_bulk(alice, text).status_code == 302
    assert len(variable_values(world)) == 999
    assert apply_bulk(alice, text.replace("=='", "'"), mode="replace").status_code == 302


def test_back_to_the_text(world: World, alice: Client) -> None:
    text = "\n\nA=</textarea><script>alert(1)</script>\n"
    answer = post_bulk(alice, "edit", text, world.dev, mode="merge", format="env")
    assert answer.status_code == 200
    assert answer.context["sheet"].text == text
    assert "<script>alert" not in answer.text
    assert ">\n\n\nA=&lt;/textarea&gt;" in answer.text  # HTML drops the first line break


def test_refused_lines_say_why_and_the_rest_is_saved(world: World, alice: Client) -> None:
    text = json.dumps(
        {
            "AWS_REGION": "x",
            "_BUILD_TIMEOUT": "1",
            "a=b": "1",
            "": "1",
            "GOOD": "1",
        }
    )
    assert post_bulk(alice, "preview", text).status_code == 422  # the text has no name
    text = text.replace('"": "1", ', "")
    page = preview_bulk(alice, text)
    assert [line for line in lines(page) if line[0] != "Refused"] == [
        ("New", "GOOD", "All branches")
    ]
    messages = notes(page)
    assert set(messages) == {"AWS_REGION", "_BUILD_TIMEOUT", "a=b"}
    assert "reserves" in messages["AWS_REGION"]
    assert "5 to 120" in messages["_BUILD_TIMEOUT"]
    assert "Apply 1 change " in " ".join(page.text.split())
    answer = apply_bulk(alice, text)
    assert answer.status_code == 422
    assert "Applied 1 of 4 changes" in answer.text
    assert len(lines(answer)) == 3
    assert answer.context["sheet"].text == text
    assert variable_values(world) == {("", "GOOD"): "1"}


def test_likely_secrets_are_marked(alice: Client) -> None:
    page = preview_bulk(alice, "STRIPE=sk_live_abcdefghijklmnop\nHOST=example.org")
    warnings = {line["key"]: line["secret_warning"] for line in page.context["lines"]}
    assert "Stripe" in warnings["STRIPE"]
    assert warnings["HOST"] == ""


def test_values_are_saved_byte_for_byte(world: World, alice: Client) -> None:
    hostile = {"CR": "a\r\nb\rc", "EDGES": " \n x \t", "QUOTES": "\"'`\\", "ANY": "🔑e\u0301\u2028"}
    assert apply_bulk(alice, json.dumps(hostile), format="json").status_code == 302
    assert {key: value for (_, key), value in variable_values(world).items()} == hostile


def test_a_value_is_checked_for_secrets_once_for_all_scopes(
    world: World, alice: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked = []

    def counted(key: str, value: str) -> str:
        checked.append((key, value))
        return secret_warning(key, value)

    monkeypatch.setattr(bulk, "secret_warning", counted)
    page = preview_bulk(alice, "A=one\nB=one\nTOKEN=x\n", None, world.main, world.dev)
    assert len(lines(page)) == 9
    assert sorted(checked) == [("A", "one"), ("B", "one"), ("TOKEN", "x")]
    assert [line["key"] for line in page.context["lines"] if line["secret_warning"]] == [
        "TOKEN"
    ] * 3


def _fill(world: World, number: int) -> None:
    Variable.objects.all().delete()
    Variable.objects.bulk_create(
        Variable(app=world.app, branch=branch, key=f"K{n}", value="v", changed_at=timezone.now())
        for n in range(number)
        for branch in (None, world.main, world.dev)
    )


@pytest.mark.parametrize("page", ["bulk/", "copy/", "download/", "preview"])
def test_queries_do_not_grow(world: World, alice: Client, page: str) -> None:
    alice.get(BASE)
    counts = []
    for number in (2, 200):
        _fill(world, number)
        text = "".join(f"K{n}=new\n" for n in range(number))
        with CaptureQueriesContext(connection) as queries:
            if page == "preview":
                scopes = (None, world.main, world.dev)
                assert len(lines(preview_bulk(alice, text, *scopes))) == 3 * number
            else:
                assert alice.get(f"{BASE}{page}").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10
