"""No row of the audit log can be changed or removed in any way (guarantee 10)."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib import admin
from django.db import DatabaseError, connection, transaction
from django.test import Client

from console.access.actors import Actor
from console.audit import triggers
from console.audit.events import Action, Outcome, attempt, conclude
from console.models import AuditEvent, AuditOutcome
from console.ops import checks
from tests.fixtures.people import World

pytestmark = pytest.mark.both_databases

MODELS = (AuditEvent, AuditOutcome)
EVENTS, OUTCOMES = (model._meta.db_table for model in MODELS)
sqlite_only = pytest.mark.skipif(connection.vendor != "sqlite", reason="needs SQLite")
postgres_only = pytest.mark.postgres


@pytest.fixture
def event(db: None) -> AuditEvent:
    """Return an audit event with an outcome."""
    event = attempt(Actor(kind="web", label="alice@example.org"), Action.SIGN_IN)
    conclude(event.pk, Outcome.SUCCEEDED)
    return event


def contents() -> list[dict[str, object]]:
    """Return every row of both tables."""
    return [row for model in MODELS for row in model.objects.order_by("pk").values()]


def assert_refused(act: Callable[[], object]) -> None:
    """Check that the database itself rejects the act and that no row changed."""
    before = contents()
    with pytest.raises(DatabaseError, match="the audit trail is append-only"), transaction.atomic():
        act()
    assert contents() == before
    assert before


def sql(statement: str) -> Callable[[], object]:
    """Return a function that runs a statement."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    return run


def test_it_works(event: AuditEvent) -> None:
    conclude(event.pk, Outcome.SETTLED)  # further outcomes are allowed
    assert [outcome.outcome for outcome in event.outcomes.all()] == ["succeeded", "settled"]


@pytest.mark.parametrize("model", MODELS)
def test_through_the_orm(event: AuditEvent, model: type[AuditEvent | AuditOutcome]) -> None:
    row = model.objects.get()
    field = "actor" if model is AuditEvent else "outcome"
    setattr(row, field, "nobody")
    assert_refused(row.save)
    assert_refused(lambda: model.objects.update(**{field: "nobody"}))
    assert_refused(lambda: model.objects.bulk_update([row], [field]))
    assert_refused(row.delete)
    assert_refused(model.objects.all().delete)
    assert_refused(lambda: model.objects.all()._raw_delete("default"))  # type: ignore[attr-defined]
    assert_refused(
        lambda: model.objects.bulk_create(
            [row], update_conflicts=True, unique_fields=["id"], update_fields=[field]
        )
    )


@pytest.mark.parametrize("table", [EVENTS, OUTCOMES])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {} SET at = at",
        "UPDATE {} SET id = id + 100",
        "DELETE FROM {}",
        "DELETE FROM {} WHERE id > 0",
        "INSERT INTO {0} SELECT * FROM {0} WHERE true ON CONFLICT (id) DO UPDATE SET id = 1",
    ],
)
def test_in_sql(event: AuditEvent, table: str, statement: str) -> None:
    assert_refused(sql(statement.format(table)))


@sqlite_only
@pytest.mark.parametrize("table", [EVENTS, OUTCOMES])
@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO {0} SELECT * FROM {0}",
        "REPLACE INTO {0} SELECT * FROM {0}",
        "INSERT OR IGNORE INTO {0} SELECT * FROM {0}",
        "UPDATE OR REPLACE {0} SET id = id",
        "UPDATE {0} SET rowid = rowid + 1",
    ],
)
def test_in_sqlite_syntax(event: AuditEvent, table: str, statement: str) -> None:
    assert_refused(sql(statement.format(table)))


@sqlite_only
@pytest.mark.parametrize("name", ["rowid", "_rowid_", "oid", "id"])
def test_replace_by_row_id(event: AuditEvent, name: str) -> None:
    columns = "at, action, actor_kind, actor, app_id, branch, subject, address, agent, request_id"
    values = f"{event.pk}, '1999-01-01', '', '', '', '', '', '', '', '', ''"
    statement = "REPLACE INTO {} ({}, {}) VALUES ({})"
    assert_refused(sql(statement.format(EVENTS, name, columns, values)))


@postgres_only
@pytest.mark.parametrize("table", [EVENTS, OUTCOMES, f"{EVENTS}, {OUTCOMES}"])
@pytest.mark.parametrize("how", ["", "CASCADE", "RESTART IDENTITY"])
def test_truncate(event: AuditEvent, table: str, how: str) -> None:
    assert_refused(sql(f"TRUNCATE {table} {how}"))


@postgres_only
def test_merge(event: AuditEvent) -> None:
    assert_refused(
        sql(
            f"MERGE INTO {EVENTS} AS old USING {EVENTS} AS new ON old.id = new.id "
            "WHEN MATCHED THEN UPDATE SET actor = ''"
        )
    )


@pytest.mark.parametrize("model", MODELS)
def test_through_the_admin(
    world: World, client_for: Callable[[str], Client], model: type[AuditEvent | AuditOutcome]
) -> None:
    olga = client_for("olga")  # after sign-in, which is recorded too
    row, before = model.objects.last(), contents()
    assert row is not None
    site = f"/admin/console/{model._meta.model_name}"
    assert olga.post(f"{site}/{row.pk}/change/", {"actor": "nobody"}).status_code == 403
    assert olga.post(f"{site}/{row.pk}/delete/", {"post": "yes"}).status_code == 403
    assert olga.post(f"{site}/add/", {"actor": "nobody"}).status_code == 403
    chosen = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    assert olga.post(f"{site}/", chosen).status_code in {302, 200}
    assert [row for row in contents() if row in before] == before


@pytest.mark.parametrize("model", MODELS)
def test_admin_offers_no_action(
    world: World, rf: object, client_for: Callable[[str], Client], model: type[AuditEvent]
) -> None:
    response = client_for("olga").get(f"/admin/console/{model._meta.model_name}/")
    assert list(response.context["cl"].model_admin.get_actions(response.wsgi_request)) == []
    assert model in admin.site._registry


def test_deletes_do_not_cascade(world: World, client_for: Callable[[str], Client]) -> None:
    client_for("alice").post(
        "/apps/d1shop/settings/branches/add/", {"name": "new", "stage": "NONE"}
    )
    before = contents()
    world.app.delete()
    world.person("alice").delete()
    assert contents() == before


@postgres_only
@pytest.mark.parametrize("role", ["replica", "local", "origin"])
def test_session_replication_role(event: AuditEvent, role: str) -> None:
    """A superuser turns ordinary triggers off with it."""
    sql(f"SET LOCAL session_replication_role = {role}")()
    for table in (EVENTS, OUTCOMES):
        for statement in ("UPDATE {} SET id = 1", "DELETE FROM {}", "TRUNCATE {} CASCADE"):
            assert_refused(sql(statement.format(table)))


APPEND_ONLY, NO_UPDATE = f"{EVENTS}_append_only", f"{EVENTS}_no_update"
SPOILED: dict[str, list[str]] = {
    "postgresql": {
        "dropped": [f"DROP TRIGGER {APPEND_ONLY} ON {EVENTS}"],
        "disabled": [f"ALTER TABLE {EVENTS} DISABLE TRIGGER {APPEND_ONLY}"],
        "as 0.1.0 created it": [f"ALTER TABLE {EVENTS} ENABLE TRIGGER {APPEND_ONLY}"],
        "for replicas only": [f"ALTER TABLE {EVENTS} ENABLE REPLICA TRIGGER {APPEND_ONLY}"],
        "with a condition": [
            f"CREATE OR REPLACE TRIGGER {APPEND_ONLY} BEFORE UPDATE OR DELETE ON {EVENTS} "
            "FOR EACH ROW WHEN (false) EXECUTE FUNCTION console_append_only()",
            f"ALTER TABLE {EVENTS} ENABLE ALWAYS TRIGGER {APPEND_ONLY}",
        ],
        "for fewer events": [
            f"CREATE OR REPLACE TRIGGER {APPEND_ONLY} BEFORE DELETE ON {EVENTS} "
            "FOR EACH ROW EXECUTE FUNCTION console_append_only()",
            f"ALTER TABLE {EVENTS} ENABLE ALWAYS TRIGGER {APPEND_ONLY}",
        ],
        "without effect": [
            "CREATE OR REPLACE FUNCTION console_append_only() RETURNS trigger "
            "LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$"
        ],
    },
    "sqlite": {
        "dropped": [f"DROP TRIGGER {NO_UPDATE}"],
        "with a condition": [
            f"DROP TRIGGER {NO_UPDATE}",
            f"CREATE TRIGGER {NO_UPDATE} BEFORE UPDATE ON {EVENTS} WHEN 0 "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END",
        ],
        "without effect": [
            f"DROP TRIGGER {NO_UPDATE}",
            f"CREATE TRIGGER {NO_UPDATE} BEFORE UPDATE ON {EVENTS} BEGIN SELECT 1; END",
        ],
    },
}[connection.vendor]


@pytest.mark.parametrize("how", SPOILED)
def test_spoiled_trigger_is_reported_and_created_again(event: AuditEvent, how: str) -> None:
    assert triggers.missing(connection) == []
    for statement in SPOILED[how]:
        sql(statement)()
    assert {APPEND_ONLY, NO_UPDATE} & set(triggers.missing(connection))
    result = checks.trail()
    assert result.state == "error"
    assert "missing, disabled or changed" in result.message
    triggers.after_migrate(using="default")
    assert triggers.missing(connection) == []
    assert_refused(event.delete)
    assert_refused(lambda: AuditEvent.objects.update(actor="nobody"))


def test_intact_triggers_are_left_alone(event: AuditEvent, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        triggers.after_migrate(using="default")
