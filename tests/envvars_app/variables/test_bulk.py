"""Bulk edit: a scope as text, the preview of what a text changes, and applying it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from console.models import Branch
from envvars_app.formats.hints import secret_warning
from envvars_app.models import Variable
from envvars_app.pages import bulk
from tests.envvars_app.variables.desk import Desk
from tests.envvars_app.variables.pages import BASE, Sheets, keys, lines, notes, seen_on, values

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture
def sheets(as_: Callable[[str], Client]) -> Sheets:
    """Return alice at the pages."""
    return Sheets(as_("alice"))


def text_of(client: Client, query: str = "") -> str:
    """Return the text that the page begins with."""
    return str(client.get(f"{BASE}bulk/{query}").context["sheet"].text)


def test_it_works(desk: Desk, sheets: Sheets) -> None:
    desk.put("KEPT", "same")
    desk.put("CHANGED", "old")
    desk.put("REMOVED", "gone")
    desk.put("OTHER", "of dev", desk.world.dev)
    text = text_of(sheets.client)
    assert text == "CHANGED=old\nKEPT=same\nREMOVED=gone\n"
    text = "CHANGED=new\nKEPT=same\nNEW=here\n"
    page = sheets.preview(text, mode="replace")
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
    before = desk.trail()
    assert desk.values()["", "CHANGED"] == "old"  # nothing is written before Apply
    answer = sheets.post("apply", text, mode="replace", seen=seen_on(page))
    assert answer.status_code == 302
    assert answer["Location"].startswith(f"{BASE}?saved=")
    assert desk.values() == {
        ("", "CHANGED"): "new",
        ("", "KEPT"): "same",
        ("", "NEW"): "here",
        ("dev", "OTHER"): "of dev",
    }
    assert sorted(entry[1] for entry in desk.trail()[len(before) :]) == [
        "change",
        "create",
        "remove",
    ]
    assert "3 changes saved." in sheets.client.get(answer["Location"]).text


@pytest.mark.parametrize("format", ["env", "json"])
def test_the_text_of_a_scope_changes_nothing(desk: Desk, sheets: Sheets, format: str) -> None:
    hostile = ("", " x ", "a\nb\n", "it's", 'say "hi"', "a#b #c", "$HOME ${X} `id`", "\\n", "日本")
    for number, value in enumerate(hostile):
        desk.put(f"KEY_{number}", value)
    desk.put("not-a-name", "1")
    page = sheets.client.get(f"{BASE}bulk/?format={format}")
    text = page.context["sheet"].text
    preview = sheets.preview(text, format=format, mode="replace")
    assert lines(preview) == []
    left_out = dict(page.context["left_out"])
    assert ("not-a-name" in left_out) is (format == "env")
    assert keys(preview.context["unrepresentable"]) == sorted(left_out)
    assert len(preview.context["same"]) + len(left_out) == len(hostile) + 1
    assert "Nothing would change." in preview.text
    assert "Apply" not in preview.context["format_name"]


def test_what_env_cannot_hold_is_named_and_not_removed(desk: Desk, sheets: Sheets) -> None:
    desk.put("not-a-name", "1")
    desk.put("A", "1")
    page = sheets.client.get(f"{BASE}bulk/")
    assert "Edit as JSON" in page.text
    preview = sheets.preview("", mode="replace", format="env")
    assert lines(preview) == [("Removed", "A", "All branches")]
    assert "not-a-name" in preview.text
    assert sheets.apply("", mode="replace", format="env").status_code == 302
    assert desk.values() == {("", "not-a-name"): "1"}
    assert sheets.apply("{}", mode="replace", format="json").status_code == 302
    assert desk.values() == {}


def test_a_paste_keeps_what_it_lacks(desk: Desk, sheets: Sheets) -> None:
    desk.put("A", "1")
    page = sheets.preview("export B='two words' # why\r\nA=1\r\n", mode="merge")
    assert lines(page) == [("New", "B", "All branches")]
    assert sheets.apply("B='two words'\n", mode="merge").status_code == 302
    assert desk.values() == {("", "A"): "1", ("", "B"): "two words"}


@pytest.mark.parametrize("text", ['{"A": "1"}', '\ufeff {"A": "1"}', "A=1", "# note\n A = 1"])
def test_the_format_of_a_paste_is_guessed(desk: Desk, sheets: Sheets, text: str) -> None:
    assert values(sheets.preview(text)) == {"A": (None, "1")}


def test_json_in_the_field_for_env(desk: Desk, sheets: Sheets) -> None:
    desk.put("not-a-name", "1")
    page = sheets.preview('{"A": "1"}', format="env", mode="replace")
    assert lines(page) == [
        ("New", "A", "All branches"),
        ("Removed", "not-a-name", "All branches"),
    ]


def test_a_paste_beside_a_filtered_list(desk: Desk, sheets: Sheets) -> None:
    data = {"action": "preview", "text": "A=1", "scope": "all"}
    answer = sheets.client.post(f"{BASE}bulk/", data)
    assert lines(answer) == [("New", "A", "All branches")]


def test_a_scope_is_changed_and_previewed_again(desk: Desk, sheets: Sheets) -> None:
    dev = desk.world.dev
    desk.put("A", "1", dev)
    assert lines(sheets.preview("A=2")) == [("New", "A", "All branches")]
    assert lines(sheets.preview("A=2", dev)) == [("Changed", "A", "dev")]
    assert sheets.apply("A=2", dev).status_code == 302
    assert desk.values() == {("dev", "A"): "2"}


def test_a_scope_that_nobody_previewed_is_not_written(desk: Desk, sheets: Sheets) -> None:
    seen = seen_on(sheets.preview("A=2"))
    answer = sheets.post("apply", "A=2", desk.world.dev, seen=seen)
    assert answer.status_code == 200
    assert lines(answer) == [("New", "A", "dev")]
    assert "Nothing was saved" in answer.text
    seen = seen_on(sheets.preview("A=2", mode="merge"))
    assert sheets.post("apply", "A=2", mode="replace", seen=seen).status_code == 200
    assert desk.values() == {}


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
def test_a_text_that_cannot_be_read_stays(
    desk: Desk, sheets: Sheets, text: str, line: str, word: str, action: str
) -> None:
    answer = sheets.post(action, text, mode="merge")
    assert answer.status_code == 422
    assert line in answer.text
    assert word in answer.text
    assert answer.context["sheet"].text == text
    assert answer.context["sheet"].mode == "merge"
    assert desk.values() == {}


def test_a_text_that_is_too_large_to_be_read(desk: Desk, sheets: Sheets) -> None:
    answer = sheets.post("apply", "x" * 3_000_000)
    assert answer.status_code == 400
    assert "Nothing was saved." in answer.text


def test_a_full_sheet_fits_into_one_post(desk: Desk, sheets: Sheets) -> None:
    text = "".join(f"K{n}{'_' * 150}='{'=' * 800}'\n" for n in range(999))
    assert len(text) > 900_000
    assert sheets.apply(text).status_code == 302
    assert len(desk.values()) == 999
    assert sheets.apply(text.replace("=='", "'"), mode="replace").status_code == 302


def test_back_to_the_text(desk: Desk, sheets: Sheets) -> None:
    text = "\n\nA=</textarea><script>alert(1)</script>\n"
    answer = sheets.post("edit", text, desk.world.dev, mode="merge", format="env")
    assert answer.status_code == 200
    assert answer.context["sheet"].text == text
    assert "<script>alert" not in answer.text
    assert ">\n\n\nA=&lt;/textarea&gt;" in answer.text  # HTML takes the first line break away


def test_refused_lines_say_why_and_the_rest_goes_on(desk: Desk, sheets: Sheets) -> None:
    text = json.dumps(
        {
            "AWS_REGION": "x",
            "_BUILD_TIMEOUT": "1",
            "LONG": "x" * 5501,
            "a=b": "1",
            "": "1",
            "GOOD": "1",
        }
    )
    assert sheets.post("preview", text).status_code == 422  # a name is missing: it is no text
    text = text.replace('"": "1", ', "")
    page = sheets.preview(text)
    assert [line for line in lines(page) if line[0] != "Refused"] == [
        ("New", "GOOD", "All branches")
    ]
    said = notes(page)
    assert set(said) == {"AWS_REGION", "_BUILD_TIMEOUT", "LONG", "a=b"}
    assert "reserves" in said["AWS_REGION"]
    assert "5 to 120" in said["_BUILD_TIMEOUT"]
    assert "Apply 1 change " in " ".join(page.text.split())
    answer = sheets.apply(text)
    assert answer.status_code == 422
    assert "Applied 1 of 5 changes" in answer.text
    assert len(lines(answer)) == 4
    assert answer.context["sheet"].text == text
    assert desk.values() == {("", "GOOD"): "1"}


def test_what_looks_like_a_secret_is_warned_of(desk: Desk, sheets: Sheets) -> None:
    page = sheets.preview("STRIPE=sk_live_abcdefghijklmnop\nHOST=example.org")
    told = {line["key"]: line["secret_warning"] for line in page.context["lines"]}
    assert "Stripe" in told["STRIPE"]
    assert told["HOST"] == ""


def test_what_moved_meanwhile_is_a_conflict(desk: Desk, sheets: Sheets) -> None:
    changed, removed, lacking = desk.put("CHANGED"), desk.put("REMOVED"), desk.put("LACKING")
    text = "CHANGED=mine\nREMOVED=mine\nADDED=mine\nSAME=first\n"
    desk.put("SAME")
    seen = seen_on(sheets.preview(text, mode="replace"))
    desk.save("mia", desk.change(changed, "theirs"), desk.removal(removed))
    desk.save("mia", desk.new("ADDED", "theirs"), desk.new("APPEARED", "theirs"))
    desk.save("mia", desk.change(lacking, "theirs"), desk.change(desk.row("SAME"), "theirs"))
    answer = sheets.post("apply", text, mode="replace", seen=seen)
    assert answer.status_code == 422
    assert "Applied 0 of 6 changes" in answer.text
    said = notes(answer)
    assert set(said) == {"CHANGED", "REMOVED", "ADDED", "APPEARED", "LACKING", "SAME"}
    assert all("mia@example.org" in sentence for sentence in said.values())
    assert "It is now “theirs”" in said["CHANGED"]
    assert "removed this variable" in said["REMOVED"]
    assert set(desk.values().values()) == {"theirs"}
    again = {line["key"]: line["again"].split()[3] for line in answer.context["lines"]}
    assert (again["CHANGED"], again["REMOVED"], again["LACKING"]) == ("overwrite", "add", "remove")

    answer = sheets.post("apply", text, mode="replace", seen=seen_on(answer))  # he has seen theirs
    assert answer.status_code == 302
    assert set(desk.values()) == {("", key) for key in ("CHANGED", "REMOVED", "ADDED", "SAME")}


def test_a_variable_that_took_the_name_of_another(desk: Desk, sheets: Sheets) -> None:
    first = desk.put("A", "first")
    seen = seen_on(sheets.preview("A=mine"))
    desk.save("mia", desk.removal(first))
    desk.put("A", "another")  # of the same version, but not the one that was seen
    answer = sheets.post("apply", "A=mine", seen=seen)
    assert answer.status_code == 422
    assert desk.values() == {("", "A"): "another"}


def test_a_renamed_variable_is_not_written_under_its_old_name(desk: Desk, sheets: Sheets) -> None:
    row = desk.put("OLD", "1")
    seen = seen_on(sheets.preview("OLD=2"))
    desk.save("mia", desk.change(row, "1", key="RENAMED"))
    assert sheets.post("apply", "OLD=2", seen=seen).status_code == 422
    assert desk.values() == {("", "RENAMED"): "1"}


def test_a_removed_base_leaves_its_overrides(desk: Desk, sheets: Sheets) -> None:
    desk.put("A", "base")
    desk.put("A", "over", desk.world.dev)
    page = sheets.preview("{}", mode="replace")
    assert page.context["lines"][0]["overrides"] == ["dev"]
    assert "for their branches only: dev." in page.text
    assert sheets.apply("{}", mode="replace").status_code == 302
    assert desk.values() == {("dev", "A"): "over"}


def test_a_base_that_goes_with_its_override(desk: Desk, sheets: Sheets) -> None:
    desk.put("A", "base")
    desk.put("A", "over", desk.world.dev)
    page = sheets.preview("{}", None, desk.world.dev, mode="replace")
    assert [line["overrides"] for line in page.context["lines"]] == [[], []]
    assert sheets.apply("{}", None, desk.world.dev, mode="replace").status_code == 302
    assert desk.values() == {}


def test_twice_the_same_post(desk: Desk, sheets: Sheets) -> None:
    seen = seen_on(sheets.preview("A=1"))
    assert sheets.post("apply", "A=1", seen=seen).status_code == 302
    answer = sheets.post("apply", "A=1", seen=seen)
    assert (answer.status_code, answer["Location"]) == (302, BASE)
    assert desk.row("A").version == 1


@pytest.mark.parametrize(
    "seen",
    [
        "",
        "{",
        "[]",
        "null",
        '{"scopes": [""], "mode": "merge"}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [1, true]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [99999999999999999999, 1]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"x": [1, 1]}}}',
        '{"scopes": [""], "mode": "merge", "versions": {"A": {"": [1, 1, "value"]}}}',
        "[" * 100_000,
    ],
)
def test_a_seen_that_makes_no_sense_writes_nothing(desk: Desk, sheets: Sheets, seen: str) -> None:
    desk.put("A", "theirs")
    answer = sheets.post("apply", "A=mine\nB=mine", seen=seen)
    assert answer.status_code == 200
    assert "Nothing was saved" in answer.text
    assert desk.values() == {("", "A"): "theirs"}


def test_a_seen_without_versions_overwrites_nothing(desk: Desk, sheets: Sheets) -> None:
    desk.put("A", "theirs")
    seen = '{"scopes": [""], "mode": "merge", "versions": {}}'
    assert sheets.post("apply", "A=mine", seen=seen).status_code == 422
    assert desk.values() == {("", "A"): "theirs"}


@pytest.mark.parametrize("scope", ["nonsense", "0", "-1", "²", "9" * 30])
def test_a_branch_that_is_none(desk: Desk, sheets: Sheets, scope: str) -> None:
    assert sheets.client.get(f"{BASE}bulk/?scope={scope}").status_code == 404
    data = {"action": "preview", "text": "A=1", "scope": scope}
    assert sheets.client.post(f"{BASE}bulk/", data).status_code == 404


def test_another_apps_branch(desk: Desk, sheets: Sheets) -> None:
    other = desk.world.other_branch
    assert sheets.client.get(f"{BASE}bulk/?scope={other.pk}").status_code == 404
    assert sheets.post("preview", "A=1", other).status_code == 404


def test_a_deleted_branch_takes_nothing_new(desk: Desk, sheets: Sheets) -> None:
    old = Branch.objects.create(app=desk.app, name="old")
    desk.put("A", "1", old)
    Branch.objects.filter(pk=old.pk).update(deleted_at="2026-01-01T00:00Z")
    page = sheets.preview("A=2\nB=2", old)
    assert lines(page) == [("Refused", "B", "old"), ("Changed", "A", "old")]


@pytest.mark.parametrize(
    ("who", "on_dev", "on_all"),
    [("vera", 422, 422), ("bob", 302, 422), ("mia", 302, 302), ("alice", 302, 302)],
)
def test_roles(desk: Desk, as_: Any, who: str, on_dev: int, on_all: int) -> None:
    sheets = Sheets(as_(who))
    assert sheets.client.get(f"{BASE}bulk/").status_code == 200
    assert sheets.apply("A=1", desk.world.dev).status_code == on_dev
    assert sheets.apply("A=1").status_code == on_all
    outcomes = {(entry[2], entry[6]) for entry in desk.trail()}
    word = {302: "succeeded", 422: "denied"}
    assert outcomes == {("dev", word[on_dev]), ("All branches", word[on_all])}


def test_a_viewer_is_told_why(desk: Desk, as_: Any) -> None:
    page = Sheets(as_("vera")).preview("A=1")
    assert lines(page) == [("Refused", "A", "All branches")]
    assert "Your role in this app (viewer" in notes(page)["A"]
    assert "Apply" not in page.text
    assert desk.trail() == []  # looking is no attempt


@pytest.mark.parametrize("who", ["charlie", "oscar", "olga"])
def test_outsiders(desk: Desk, as_: Any, who: str) -> None:
    client = as_(who)
    assert client.get(f"{BASE}bulk/").status_code == 404
    assert client.post(f"{BASE}bulk/", {"text": "A=1"}).status_code == 404


def test_values_come_through_with_all_their_bytes(desk: Desk, sheets: Sheets) -> None:
    hostile = {"CR": "a\r\nb\rc", "EDGES": " \n x \t", "QUOTES": "\"'`\\", "ANY": "🔑e\u0301\u2028"}
    assert sheets.apply(json.dumps(hostile), format="json").status_code == 302
    assert {key: value for (_, key), value in desk.values().items()} == hostile


def test_scopes_share_the_guess_whether_it_is_a_secret(
    desk: Desk, sheets: Sheets, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def counted(key: str, value: str) -> str:
        asked.append((key, value))
        return secret_warning(key, value)

    monkeypatch.setattr(bulk, "secret_warning", counted)
    page = sheets.preview("A=one\nB=one\nTOKEN=x\n", None, desk.world.main, desk.world.dev)
    assert len(lines(page)) == 9
    assert sorted(asked) == [("A", "one"), ("B", "one"), ("TOKEN", "x")]
    assert [line["key"] for line in page.context["lines"] if line["secret_warning"]] == [
        "TOKEN"
    ] * 3


def _fill(desk: Desk, number: int) -> None:
    Variable.objects.all().delete()
    Variable.objects.bulk_create(
        Variable(app=desk.app, branch=branch, key=f"K{n}", value="v", changed_at=timezone.now())
        for n in range(number)
        for branch in (None, desk.world.main, desk.world.dev)
    )


@pytest.mark.parametrize("page", ["bulk/", "copy/", "download/", "removed/", "preview"])
def test_queries_do_not_grow(desk: Desk, sheets: Sheets, page: str) -> None:
    sheets.client.get(BASE)
    counts = []
    for number in (2, 200):
        _fill(desk, number)
        text = "".join(f"K{n}=new\n" for n in range(number))
        with CaptureQueriesContext(connection) as queries:
            if page == "preview":
                scopes = (None, desk.world.main, desk.world.dev)
                assert len(lines(sheets.preview(text, *scopes))) == 3 * number
            else:
                assert sheets.client.get(f"{BASE}{page}").status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 10
