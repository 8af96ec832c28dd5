"""The activity export: exactly the filtered events, safe in a spreadsheet, and recorded."""

import csv
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from console.access.actors import Actor
from console.audit import export as exports
from console.audit.events import Action, Outcome, Target, attempt, conclude
from console.audit.queries import Filter
from console.lib.text.csv import escape_cell
from console.models import AuditEvent
from tests.fixtures.people import World

APP, ALL = "/apps/d1shop/activity/export/", "/activity/export/"
BOB = Actor("web", "bob@example.org", 7, address="203.0.113.7", agent="=1+1", request_id="r-1")


def record(*outcomes: Outcome, key: str = "KEY", app: str = "d1shop") -> AuditEvent:
    """Return an audit event with these outcomes."""
    event = attempt(BOB, Action.SECRET_CHANGED, Target(app, "main", key), version_before=1)
    for outcome in outcomes:
        conclude(event.pk, outcome, version_after=2, detail=f"detail of {outcome}")
    return event


def export(client: Client, kind: str, url: str = APP, query: str = "") -> Any:
    """Return the whole response."""
    response = client.post(f"{url}?{query}", {"format": kind})
    assert response.status_code == 200
    return response, response.getvalue().decode()


def table(text: str) -> list[dict[str, str]]:
    """Return the rows of a CSV file, as a spreadsheet reads them."""
    assert text.startswith("\N{BYTE ORDER MARK}")
    return list(csv.DictReader(io.StringIO(text[1:], newline="")))


def test_it_works(alice: Client) -> None:
    event = record(Outcome.UNKNOWN, Outcome.SETTLED)
    response, text = export(alice, "csv")
    [row] = table(text)
    assert row == {
        "Entry": str(event.pk),
        "Time (UTC)": event.at.isoformat(timespec="microseconds"),
        "Person": "bob@example.org",
        "Through": "web",
        "Action": "secret.change",
        "App": "d1shop",
        "Branch": "main",
        "Subject": "KEY",
        "Version before": "1",
        "Version after": "2",
        "Origin entry": "",
        "Outcome": "settled",
        "Outcome time (UTC)": row["Outcome time (UTC)"],
        "Detail": "detail of settled",
        "Address": "203.0.113.7",
        "Agent": "'=1+1",
        "Request": "r-1",
        "Change set": "",
    }
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Cache-Control"] == "no-store"
    assert response["Content-Disposition"].startswith('attachment; filename="activity-d1shop-')
    assert response["Content-Disposition"].endswith('.csv"')


def test_json_lines(alice: Client) -> None:
    event = record(Outcome.UNKNOWN, Outcome.SETTLED, key="a\r\nb\u2028\x7f")
    response, text = export(alice, "jsonl")
    [line] = text.splitlines()
    entry = json.loads(line)
    assert (entry["id"], entry["subject"], entry["outcome"]) == (
        event.pk,
        "a\r\nb\u2028\x7f",
        "settled",
    )
    assert [outcome["outcome"] for outcome in entry["outcomes"]] == ["unknown", "settled"]
    assert entry["outcomes"][0]["version_after"] == 2
    assert line.isprintable()
    assert response["Content-Type"] == "application/x-ndjson"


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_filters_apply(alice: Client, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.audit.export.CHUNK", 7)
    events = [record(Outcome.FAILED, key="MANY") for _ in range(20)]
    record(Outcome.SUCCEEDED, key="MANY")
    record(Outcome.FAILED, key="OTHER")
    record(Outcome.FAILED, key="MANY", app="d2other")
    _, text = export(alice, kind, query="key=MANY&outcome=failed&page=2")
    rows = table(text) if kind == "csv" else [json.loads(line) for line in text.splitlines()]
    ids = [int(row["Entry" if kind == "csv" else "id"]) for row in rows]
    assert ids == [event.pk for event in reversed(events)]


def test_event_without_outcome(alice: Client) -> None:
    record()
    assert table(export(alice, "csv")[1])[0]["Outcome"] == "attempted"
    assert json.loads(export(alice, "jsonl", query="key=KEY")[1])["outcomes"] == []


@pytest.mark.parametrize(
    ("kind", "query", "said", "found"),
    [
        ("csv", "", "CSV: everything", "2 entries"),
        ("jsonl", "key=KEY", "JSON lines: key KEY", "1 entry"),
        ("csv", "since=2026-05-04T12:30", "CSV: since 2026-05-04 12:30", "2 entries"),
        ("csv", "outcome=denied&q=x", "CSV: a search, outcome denied", "0 entries"),
    ],
)
def test_export_is_recorded(alice: Client, kind: str, query: str, said: str, found: str) -> None:
    record(Outcome.SUCCEEDED)
    record(Outcome.SUCCEEDED, key="SECOND")
    export(alice, kind, query=query)
    event = AuditEvent.objects.get(action="audit.export")
    assert (event.actor, event.app_id, event.subject) == ("alice@example.org", "d1shop", said)
    assert [(o.outcome, o.detail) for o in event.outcomes.all()] == [("succeeded", found)]
    assert "exported the activity as" in alice.get("/apps/d1shop/activity/").text


def test_interrupted_export(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.audit.export.CHUNK", 2)
    for _ in range(6):
        record(Outcome.SUCCEEDED)
    lines = exports.export(
        actor=world.actor("alice"), filters=Filter(app="d1shop"), format=exports.FORMATS["jsonl"]
    )
    for _ in range(3):
        next(lines)
    lines.close()
    event = AuditEvent.objects.get(action="audit.export")
    assert [(o.outcome, o.detail) for o in event.outcomes.all()] == [("failed", "3 entries")]


def test_nothing_is_exported_without_audit(alice: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    record(Outcome.SUCCEEDED)
    alice.raise_request_exception = False

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(AuditEvent, "save", full)
    response = alice.post(APP, {"format": "csv"})
    assert response.status_code == 500
    assert "KEY" not in response.text


@pytest.mark.parametrize("kind", ["", "xlsx", "CSV"])
def test_unknown_format(alice: Client, kind: str) -> None:
    assert alice.post(APP, {"format": kind}).status_code == 400
    assert not AuditEvent.objects.filter(action="audit.export").exists()


def test_whole_deployment(client_for: Callable[[str], Client], world: World) -> None:
    record(Outcome.SUCCEEDED, app="d2other")
    olga = client_for("olga")
    response, text = export(olga, "csv", ALL, "app=d2other")
    assert [row["App"] for row in table(text)] == ["d2other"]
    assert 'filename="activity-all-' in response["Content-Disposition"]


def test_denied_export_is_recorded(client_for: Callable[[str], Client]) -> None:
    assert client_for("alice").post(ALL, {"format": "csv"}).status_code == 403
    event = AuditEvent.objects.get(action="audit.export")
    assert [outcome.outcome for outcome in event.outcomes.all()] == ["denied"]


def test_outsider(client_for: Callable[[str], Client]) -> None:
    assert client_for("charlie").post(APP, {"format": "csv"}).status_code == 404


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        (" =1", "' =1"),
        ("\t=1", "\\t=1"),
        ("\r=1", "\\r=1"),
        ("\n@x", "\\n@x"),
        ("＝1", "'＝1"),  # noqa: RUF001 - Excel takes the wide one too
        ('"=1', "'\"=1"),
        ("KEY=1", "KEY=1"),
        ("é日本", "é日本"),
        ("a\u2028b\u202e", "a\\u2028b\\u202e"),
        (3, "3"),
        (None, ""),
    ],
)
def test_cells_are_no_formulas(text: object, written: str) -> None:
    assert escape_cell(text) == written
